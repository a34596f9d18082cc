/** A topic that was made again under its name while a broker was not told of the deletion: what groups commit for it stays. */
import { ApiKey, ErrorCode, type OffsetCommitResponse } from '../../../src/protocol/index.js';
import { MetadataCache } from '../../../src/server/metadata-cache.js';
import { Fixture } from '../coordinator/support.js';
import { call, type Outcome } from './request-call.js';

const [OLD, NEW] = ['AAAAAAAAAAAAAAAAAAAAAQ', 'AAAAAAAAAAAAAAAAAAAAAg'] as const;
/** To go through them takes more than a slice. */
const OTHER_GROUPS = 1000;

test('no commit for it is taken before those for the one before are gone, nor removed with them', async () => {
  const fixture = await new Fixture().elected();
  for (let i = 0; i < OTHER_GROUPS; i++) await fixture.commit(5n, '', -1, '', `other-${i}`);
  await fixture.commit(5n);
  const metadata = new MetadataCache();
  const services = {
    clock: fixture.clock,
    metadata,
    groups: fixture.coordinator,
    config: { groups: { offsets: { compressionId: 0 } } },
    topicConfigs: { configOf: () => ({ maxMessageBytes: 1_000_000 }) },
    replicas: {
      controllerEpoch: 9,
      maybeUpdateMetadata: (_epoch: number, apply: () => void) => {
        apply();
        return ErrorCode.NONE;
      },
    },
  };
  const tell = (topicId: string): Promise<Outcome> => {
    const partitionStates = [{ partitionIndex: 0, leader: 1, isr: [1], replicas: [1] }];
    const topicStates = [{ topicName: 'orders', topicId, partitionStates }];
    const body = { controllerId: 2, controllerEpoch: 9, brokerEpoch: 5n, topicStates };
    return call({ apiKey: ApiKey.UpdateMetadata, version: 7, body, services });
  };
  const commit = async (): Promise<number> => {
    const partitions = [{ partitionIndex: 0, committedOffset: 77n, committedLeaderEpoch: -1, committedMetadata: '' }];
    const body = {
      groupId: 'readers',
      generationIdOrMemberEpoch: -1,
      memberId: '',
      topics: [{ name: 'orders', partitions }],
    };
    const { answer } = await call({ apiKey: ApiKey.OffsetCommit, version: 8, body, services });
    return (answer as OffsetCommitResponse).topics[0]!.partitions[0]!.errorCode;
  };
  await tell(OLD);
  await fixture.clock.advance(1000);
  const told = await tell(NEW);
  expect([told.answer, await commit()]).toEqual([null, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION]);
  await fixture.clock.advance(2000);
  expect([told.answer !== null, fixture.committed()]).toEqual([true, -1n]);
  expect([await commit(), fixture.committed()]).toEqual([ErrorCode.NONE, 77n]);
});
