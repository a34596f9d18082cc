import type { Clock, Logger, MetricsRegistry, Random } from '../common/index.js';
import type { BrokerConfig } from '../config/index.js';
import type { BrokerRegistration, ZkStores } from '../zookeeper/index.js';
import type { BrokerChannelFactory } from './channel-manager.js';

/** What a `Controller` is given by its broker. */
export interface ControllerOptions {
  /** As at the start; `updateConfig` replaces it. */
  readonly config: BrokerConfig;
  readonly clock: Clock;
  /** Ids for topics that lack one. */
  readonly random?: Random;
  /** `controller`. */
  readonly logger: Logger;
  /** `state.change.logger`: every change of a partition's or a replica's state. */
  readonly stateChangeLogger: Logger;
  readonly metrics?: MetricsRegistry;
  /** All stores of this broker's session. The broker has registered under it already. */
  readonly stores: ZkStores;
  readonly channelFactory: BrokerChannelFactory;
  /** What this broker registers again after its session expired. */
  readonly brokerRegistration: () => BrokerRegistration;
  /** The epoch of this broker's first registration. */
  readonly brokerEpoch: bigint;
  /** The highest epoch of a controller whose commands this broker has taken. */
  readonly latestControllerEpoch?: () => number;
  /** A session could not be made good: another broker has taken our id. The broker should stop. */
  readonly onFatalError?: (error: unknown) => void;
}
