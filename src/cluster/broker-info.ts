export type SecurityProtocol = 'PLAINTEXT' | 'SSL' | 'SASL_PLAINTEXT' | 'SASL_SSL';

/** Where a broker can be reached by one of its listeners. */
export interface BrokerEndPoint {
  readonly host: string;
  readonly port: number;
  /** Upper case, as Kafka normalises it. */
  readonly listenerName: string;
  readonly securityProtocol: SecurityProtocol;
}

/** What a broker registers under `/brokers/ids`. */
export interface BrokerInfo {
  readonly id: number;
  readonly endPoints: readonly BrokerEndPoint[];
  readonly rack: string | null;
  /** The czxid of its znode: it tells one life of the broker from the next (KIP-380). -1 when unknown. */
  readonly epoch: bigint;
}
