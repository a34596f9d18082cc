/** Answers that are much larger than their requests: what is made for them, and what they may take. */
import { SimulatedClock } from '../../../src/common/index.js';
import {
  ApiKey,
  ErrorCode,
  type CreateTopicsResponse,
  type DescribeGroupsResponse,
  type OffsetFetchResponse,
} from '../../../src/protocol/index.js';
import { LargeRequests } from '../../../src/server/large-requests.js';
import { call, type Outcome } from './request-call.js';

const MIB = 1024 * 1024;
const NO_ROOM = 'Closed a connection for an answer that there is no room for';

const list = <T>(length: number, make: (at: number) => T): T[] => Array.from({ length }, (_, at) => make(at));

/** A group with offsets of so many topics of a thousand partitions; counts what is looked at. */
class Group {
  listed = 0;
  lookedUp = 0;

  constructor(
    private readonly topics: number,
    private readonly onLookUp: (topic: string) => void = () => undefined,
  ) {}

  fetchAllOffsets(): object {
    return {
      partitions: list(this.topics * 1000, (at) => {
        this.listed++;
        return { topic: `t${at % this.topics}`, partition: Math.floor(at / this.topics) };
      }),
      offsetOf: ({ topic, partition }: { topic: string; partition: number }) => {
        this.lookedUp++;
        this.onLookUp(topic);
        return { errorCode: 0, committedOffset: BigInt(partition), committedLeaderEpoch: -1, metadata: '' };
      },
    };
  }
}

interface Asked {
  readonly groups: object;
  readonly times?: number;
  readonly clock?: SimulatedClock;
  readonly claimAnswer?: (bytes: number) => boolean;
  readonly denied?: readonly string[];
}

/** OffsetFetch of all offsets of one group, named so many times. */
function fetchAll({ groups, times = 1, clock = new SimulatedClock(), ...rest }: Asked): Promise<Outcome> {
  return call({
    apiKey: ApiKey.OffsetFetch,
    version: 8,
    body: { groups: list(times, () => ({ groupId: 'g', topics: null })) },
    services: { clock, largeRequests: new LargeRequests(clock, 1e9), groups },
    ...rest,
  });
}

test('a group with a hundred thousand offsets is described whole, and counted as it is written', async () => {
  const group = new Group(100);
  const clock = new SimulatedClock();
  const lookedUp: number[] = [];
  const claimAnswer = (): boolean => lookedUp.push(group.lookedUp) > 0;
  const outcome = await fetchAll({ groups: group, clock, claimAnswer, denied: ['DESCRIBE TOPIC t7'] });
  await clock.advance(10);
  const [described] = (outcome.answer as OffsetFetchResponse).groups;
  const offsets = described!.topics.map(({ name, partitions }) => [
    name,
    partitions.map((each) => each.committedOffset),
  ]);
  const all = list(1000, BigInt);
  expect(offsets).toEqual(list(100, (at) => [`t${at}`, all]).filter(([name]) => name !== 't7'));
  // Some 64 KiB at a time, of 16 bytes each.
  expect(Math.max(...lookedUp.map((count, at) => count - (lookedUp[at - 1] ?? 0)))).toBeLessThan(5000);
});

test('a group that is named again and again is read once, and its answer ends where there is no room for it', async () => {
  const group = new Group(5);
  const clock = new SimulatedClock();
  let claimed = 0;
  const claimAnswer = (bytes: number): boolean => (claimed += bytes) < MIB;
  const outcome = await fetchAll({ groups: group, times: 300, clock, claimAnswer });
  await clock.advance(10);
  expect([outcome.answer, outcome.closed, group.listed]).toEqual([null, NO_ROOM, 5000]);
  // Of a million and a half.
  expect(group.lookedUp).toBeLessThan(100_000);
});

test('all offsets of a group that is not coordinated here are refused for the group as a whole', async () => {
  const clock = new SimulatedClock();
  const groups = { fetchAllOffsets: () => ({ errorCode: ErrorCode.NOT_COORDINATOR }) };
  const outcome = await fetchAll({ groups, clock });
  expect(outcome.answer).toMatchObject({ groups: [{ errorCode: ErrorCode.NOT_COORDINATOR, topics: [] }] });
});

test('large answers are written one after the other, also behind one that ends early', async () => {
  const clock = new SimulatedClock();
  const order: string[] = [];
  // Of more steps than one slice has. The first topic is first tried in one go.
  const named = (name: string): Group => new Group(60, (topic) => topic !== 't0' && order.push(name));
  const refused = fetchAll({ groups: named('a'), clock, claimAnswer: () => false });
  const others = ['b', 'c'].map((name) => fetchAll({ groups: named(name), clock }));
  const outcomes = await Promise.all([refused, ...others]);
  await clock.advance(100);
  expect(outcomes.map(({ answer, closed }) => [answer !== null, closed])).toEqual([
    [false, NO_ROOM],
    [true, null],
    [true, null],
  ]);
  expect(order.filter((name, at) => name !== order[at - 1])).toEqual(['a', 'b', 'c']);
});

test('a large answer to a broker is neither counted nor waits for those to clients', async () => {
  const clock = new SimulatedClock();
  const first = fetchAll({ groups: new Group(5), clock });
  const partitions = list(5000, (partition) => ({ partition, currentLeaderEpoch: -1, leaderEpoch: 1 }));
  const claims: number[] = [];
  const second = call({
    apiKey: ApiKey.OffsetForLeaderEpoch,
    version: 4,
    body: { replicaId: 2, topics: [{ topic: 't', partitions }] },
    services: {
      clock,
      largeRequests: new LargeRequests(clock, 1e9),
      replicas: { lastOffsetForLeaderEpoch: () => ({ errorCode: 0, leaderEpoch: 1, endOffset: 5 }) },
    },
    claimAnswer: (bytes) => claims.push(bytes) < 0,
  });
  await Promise.all([first, second]);
  await clock.advance(10);
  expect([(await second).closed, (await second).answer !== null, claims]).toEqual([null, true, []]);
});

test('CreateTopics tells the configs of each topic as its answer is written, and of no more than there is room for', async () => {
  let described = 0;
  const config = { name: 'cleanup.policy', value: 'delete', readOnly: false, configSource: 5, isSensitive: false };
  const configs = (): object[] => (described++, list(30, () => config));
  const createTopics = (topics: { name: string }[]): Promise<object[]> =>
    Promise.resolve(topics.map(({ name }) => ({ errorCode: 0, errorMessage: null, name, numPartitions: 1, configs })));
  const names = list(3000, (at) => ({ name: `t${at}` }));
  const create = async (claimAnswer: () => boolean): Promise<Outcome> => {
    const clock = new SimulatedClock();
    const outcome = await call({
      apiKey: ApiKey.CreateTopics,
      version: 5,
      body: { timeoutMs: 1000, validateOnly: true, topics: names },
      services: {
        clock,
        largeRequests: new LargeRequests(clock, 1e9),
        controller: { isActive: true },
        topicAdmin: { createTopics },
      },
      claimAnswer,
    });
    await clock.advance(10);
    return outcome;
  };
  const { topics } = (await create(() => true)).answer as CreateTopicsResponse;
  expect(topics.map(({ name, configs: own }) => [name, own!.length])).toEqual(names.map(({ name }) => [name, 30]));
  described = 0;
  expect((await create(() => false)).closed).toBe(NO_ROOM);
  expect(described).toBeLessThan(300);
});

test('DescribeGroups of one group a thousand times describes it once, and gives it a thousand times', async () => {
  let described = 0;
  const memberMetadata = Buffer.alloc(5000, 7);
  const describeGroup = (groupId: string): object => {
    described++;
    return { errorCode: 0, groupId, groupState: 'Stable', members: [{ memberId: 'm', memberMetadata }] };
  };
  const clock = new SimulatedClock();
  const claims: number[] = [];
  const outcome = await call({
    apiKey: ApiKey.DescribeGroups,
    version: 4,
    body: { groups: list(1000, () => 'g') },
    services: { clock, groups: { describeGroup } },
    claimAnswer: (bytes) => claims.push(bytes) > 0,
  });
  const { groups } = outcome.answer as DescribeGroupsResponse;
  expect([described, groups.length, claims]).toEqual([1, 1000, [expect.any(Number)]]);
  expect(groups.every(({ members }) => members[0]!.memberMetadata.equals(memberMetadata))).toBe(true);
  expect(claims[0]).toBeGreaterThan(5_000_000);
});
