import type { BrokerInfo } from '../../cluster/index.js';

/** How the registered brokers differ from the ones the controller knew. Each list is in the order of broker ids. */
export interface BrokerChange {
  readonly added: readonly BrokerInfo[];
  /** Gone and back again between two looks: the same id under a later epoch (KIP-380). */
  readonly bounced: readonly BrokerInfo[];
  readonly dead: readonly number[];
}

/** Compares what is registered now with what was known. Both hold brokers that are shutting down as well. */
export function diffBrokers(registered: readonly BrokerInfo[], known: ReadonlyMap<number, BrokerInfo>): BrokerChange {
  const byId = [...registered].sort((a, b) => a.id - b.id);
  const ids = new Set(byId.map((broker) => broker.id));
  return {
    added: byId.filter((broker) => !known.has(broker.id)),
    bounced: byId.filter((broker) => {
      const before = known.get(broker.id);
      return before !== undefined && broker.epoch > before.epoch;
    }),
    dead: [...known.keys()].filter((id) => !ids.has(id)).sort((a, b) => a - b),
  };
}

/** Whether brokers' clients would notice the difference: Kafka tells the cluster when end points change, not for the rest. */
export function sameEndPoints(a: BrokerInfo, b: BrokerInfo): boolean {
  return (
    a.endPoints.length === b.endPoints.length &&
    a.endPoints.every((endPoint, i) => {
      const other = b.endPoints[i]!;
      return (
        endPoint.host === other.host &&
        endPoint.port === other.port &&
        endPoint.listenerName === other.listenerName &&
        endPoint.securityProtocol === other.securityProtocol
      );
    })
  );
}
