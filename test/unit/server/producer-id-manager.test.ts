import { producerIdsFrom } from '../../../src/server/producer-id-manager.js';
import { resolveMetadataVersion, METADATA_VERSIONS } from '../../../src/config/index.js';

/** A controller of before 3.0 closes the connection on AllocateProducerIds; its brokers wrote the node themselves. */
test.each([
  { protocol: '2.8', from: 'ZooKeeper', block: { firstProducerId: 2000, length: 1000 } },
  { protocol: '3.0-IV0', from: 'the controller', block: { firstProducerId: 7000, length: 500 } },
  { protocol: '3.6', from: 'the controller', block: { firstProducerId: 7000, length: 500 } },
])(
  'with inter.broker.protocol.version $protocol blocks of producer ids come from $from',
  async ({ protocol, block }) => {
    const own = METADATA_VERSIONS.indexOf(resolveMetadataVersion(protocol)!);
    const allocate = producerIdsFrom(
      (version) => own >= METADATA_VERSIONS.indexOf(version),
      () => Promise.resolve({ firstProducerId: 7000, length: 500 }),
      () => Promise.resolve({ firstProducerId: 2000, lastProducerId: 2999 }),
    );
    expect(await allocate()).toEqual(block);
  },
);
