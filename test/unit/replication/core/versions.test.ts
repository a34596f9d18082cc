import {
  fetchRequestVersion,
  listOffsetsRequestVersion,
  offsetForLeaderEpochRequestVersion,
} from '../../../../src/replication/core/versions.js';
import { BrokerConfig } from '../../../../src/config/index.js';

/** As `MetadataVersion` of Kafka 3.6.1 has them. */
test.each([
  { protocol: '3.6', fetch: 15, listOffsets: 8, epochs: 4 },
  { protocol: '3.4', fetch: 13, listOffsets: 7, epochs: 4 },
  { protocol: '2.8', fetch: 12, listOffsets: 6, epochs: 4 },
  { protocol: '2.7', fetch: 12, listOffsets: 5, epochs: 3 },
  { protocol: '2.1', fetch: 10, listOffsets: 4, epochs: 2 },
  { protocol: '2.0', fetch: 8, listOffsets: 3, epochs: 1 },
  { protocol: '1.1', fetch: 7, listOffsets: 2, epochs: 0 },
])(
  'with inter.broker.protocol.version $protocol followers send Fetch v$fetch, ListOffsets v$listOffsets, OffsetForLeaderEpoch v$epochs',
  ({ protocol, fetch, listOffsets, epochs }) => {
    const { config } = BrokerConfig.parse(
      new Map([
        ['broker.id', '1'],
        ['zookeeper.connect', 'zk:2181'],
        ['inter.broker.protocol.version', protocol],
      ]),
    );
    const atLeast = (version: string): boolean => config.interBrokerProtocolAtLeast(version);
    expect(fetchRequestVersion(atLeast)).toBe(fetch);
    expect(listOffsetsRequestVersion(atLeast)).toBe(listOffsets);
    expect(offsetForLeaderEpochRequestVersion(atLeast)).toBe(epochs);
  },
);
