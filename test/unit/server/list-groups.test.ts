/** A broker that starts is told that it leads before it is told to take over: its groups are not all that it has. */
import { GROUP_METADATA_TOPIC } from '../../../src/cluster/index.js';
import { ApiKey, ErrorCode } from '../../../src/protocol/index.js';
import { call } from './request-call.js';

test('ListGroups asks for the partitions of __consumer_offsets that the metadata have this broker lead', async () => {
  const leaders = [1, 2, 1, -1];
  const asked: number[][] = [];
  const services = {
    brokerId: 1,
    metadata: {
      partitionsOf: (topic: string) =>
        topic === GROUP_METADATA_TOPIC ? leaders.map((leader, partitionIndex) => ({ leader, partitionIndex })) : [],
    },
    groups: {
      numGroups: 0,
      listGroups: (led: Iterable<number>) => {
        asked.push([...led]);
        return { errorCode: ErrorCode.COORDINATOR_LOAD_IN_PROGRESS, groups: [] };
      },
    },
  };
  const { answer } = await call({ apiKey: ApiKey.ListGroups, version: 4, body: {}, services });
  expect(asked).toEqual([[0, 2]]);
  expect(answer).toMatchObject({ errorCode: ErrorCode.COORDINATOR_LOAD_IN_PROGRESS });
});
