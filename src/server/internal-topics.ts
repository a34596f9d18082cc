import { GROUP_METADATA_TOPIC, TRANSACTION_STATE_TOPIC } from '../cluster/index.js';
import type { BrokerConfig } from '../config/index.js';

/** The overrides that internal topics are created with; none for other topics. */
export function internalTopicConfigs(topic: string, config: BrokerConfig): ReadonlyMap<string, string> {
  switch (topic) {
    case GROUP_METADATA_TOPIC:
      // `GroupCoordinator.groupMetadataTopicConfigs`
      return new Map([
        ['cleanup.policy', 'compact'],
        ['compression.type', 'producer'],
        ['segment.bytes', String(config.get('offsets.topic.segment.bytes'))],
      ]);
    case TRANSACTION_STATE_TOPIC:
      // `TransactionStateManager.transactionTopicConfigs`
      return new Map([
        ['cleanup.policy', 'compact'],
        ['compression.type', 'uncompressed'],
        ['min.insync.replicas', String(config.get('transaction.state.log.min.isr'))],
        ['segment.bytes', String(config.get('transaction.state.log.segment.bytes'))],
        ['unclean.leader.election.enable', 'false'],
      ]);
    default:
      return new Map();
  }
}
