import type { BrokerConfig } from '../../config/index.js';
import { fetchRequestVersion, isTruncationOnFetchSupported } from '../core/versions.js';
import type { FetcherSettings } from './fetcher-options.js';

export interface FetcherSettingsOptions {
  readonly brokerId: number;
  readonly brokerEpoch: () => bigint;
  /** As it is now: it changes while the broker runs. */
  readonly config: () => BrokerConfig;
}

/** Returns what gives fetchers their settings, asked for each fetch. What follows from `inter.broker.protocol.version` no dynamic change touches. */
export function fetcherSettings({ brokerId, brokerEpoch, config }: FetcherSettingsOptions): () => FetcherSettings {
  const atLeast = (version: string): boolean => config().interBrokerProtocolAtLeast(version);
  const versions = {
    fetchVersion: fetchRequestVersion(atLeast),
    isTruncationOnFetchSupported: isTruncationOnFetchSupported(atLeast),
  };
  return () => ({ brokerId, brokerEpoch: brokerEpoch(), ...config().replication.fetcher, ...versions });
}
