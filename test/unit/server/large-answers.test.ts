/** Answers that are much larger than their requests: what is made for them, and what they may take. */
import { SimulatedClock } from '../../../src/testing/index.js';
import type { Request } from '../../../src/network/index.js';
import {
  ApiKey,
  ErrorCode,
  type CreateTopicsResponse,
  type DescribeGroupsResponse,
  type MetadataResponse,
  type OffsetFetchResponse,
} from '../../../src/protocol/index.js';
import type { AppendCall } from '../../../src/replication/index.js';
import { answerTurnsOf } from '../../../src/server/answer-turns.js';
import { LargeRequests } from '../../../src/server/large-requests.js';
import { batchOf } from '../replication/replica-cluster.js';
import { call, type Outcome, type RequestCall } from './request-call.js';

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
    private readonly known = topics * 1000,
  ) {}

  numOffsets(): number {
    return this.known;
  }

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

interface Asked extends Partial<RequestCall> {
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
  await clock.advance(31_000);
  expect([outcome.answer, outcome.closed, group.listed]).toEqual([null, NO_ROOM, 5000]);
  // Of a million and a half.
  expect(group.lookedUp).toBeLessThan(100_000);
});

test('all offsets of a group that is not coordinated here are refused for the group as a whole', async () => {
  const clock = new SimulatedClock();
  const groups = { numOffsets: () => 0, fetchAllOffsets: () => ({ errorCode: ErrorCode.NOT_COORDINATOR }) };
  const outcome = await fetchAll({ groups, clock });
  expect(outcome.answer).toMatchObject({ groups: [{ errorCode: ErrorCode.NOT_COORDINATOR, topics: [] }] });
});

const describedGroup = (groupId: string): object => ({
  errorCode: 0,
  groupId,
  members: [{ memberId: 'm', memberMetadata: Buffer.alloc(100_000) }],
});

test('an answer that finds no room waits half a minute for it, a small one as well as a large one', async () => {
  const clock = new SimulatedClock();
  const isRoomAfter = (waitMs: number) => (): boolean => clock.monotonicMs() >= waitMs;
  const startMs = clock.monotonicMs();
  const asked = [20_000, 40_000].flatMap((waitMs) => {
    const claimAnswer = isRoomAfter(startMs + waitMs);
    const one = { apiKey: ApiKey.DescribeGroups, version: 4, body: { groups: ['g'] } };
    return [
      fetchAll({ groups: new Group(5), clock, claimAnswer }),
      call({
        ...one,
        services: { clock, groups: { numMembers: () => 1, describeGroup: describedGroup } },
        claimAnswer,
      }),
    ];
  });
  const outcomes = await Promise.all(asked);
  const seen = (): unknown[] => outcomes.map(({ answer, closed }) => closed ?? answer !== null);
  expect(seen()).toEqual([false, false, false, false]);
  await clock.advance(21_000);
  expect(seen()).toEqual([true, true, false, false]);
  await clock.advance(10_000);
  expect(seen()).toEqual([true, true, NO_ROOM, NO_ROOM]);
});

test('an answer that waits for room keeps no one else of its kind from being answered, and ends with its connection', async () => {
  const clock = new SimulatedClock();
  const requests: Request[] = [];
  const stuck = list(30, () =>
    fetchAll({ groups: new Group(5), clock, claimAnswer: () => false, onRequest: (request) => requests.push(request) }),
  );
  const [first, ...others] = await Promise.all(stuck);
  await clock.advance(500);
  expect(await answered({ groups: new Group(5), clock, clientAddress: 'other' })).toBe(true);
  // Those that have their turn, and those that have not.
  for (const request of requests) request.abandon();
  await clock.advance(100);
  expect([first, ...others].map((outcome) => outcome!.closed)).toEqual(list(30, () => null));
  expect(await answered({ groups: new Group(5), clock })).toBe(true);
});

test('an answer that finds no room gives way after a second while others of its kind wait for its turn', async () => {
  const clock = new SimulatedClock();
  const stuck = await Promise.all(list(8, () => fetchAll({ groups: new Group(5), clock, claimAnswer: () => false })));
  await clock.advance(900);
  expect(stuck.map(({ closed }) => closed)).toEqual(list(8, () => null));
  await clock.advance(200);
  // Those that take their turns then have no one behind them.
  const given = stuck.filter(({ closed }) => closed === NO_ROOM);
  expect([given.length > 0, given.length < 8]).toEqual([true, true]);
  await clock.advance(20_000);
  expect(stuck.filter(({ closed }) => closed === NO_ROOM)).toHaveLength(given.length);
});

describe('an answer of a megabyte that gets some room now and then', () => {
  /** 100 KB more each time. */
  const ask = async (
    everyMs: number,
    areOthersWaiting: boolean,
  ): Promise<{ clock: SimulatedClock; outcome: Outcome }> => {
    const clock = new SimulatedClock();
    const startMs = clock.monotonicMs();
    let claimed = 0;
    const claimAnswer = (bytes: number): boolean => {
      const isRoom = claimed + bytes <= 100_000 * Math.floor((clock.monotonicMs() - startMs) / everyMs);
      if (isRoom) claimed += bytes;
      return isRoom;
    };
    const outcome = await fetchAll({ groups: new Group(60), clock, claimAnswer });
    const turn = { address: 'other', bytes: 64 * MIB, begin: () => undefined };
    if (areOthersWaiting) answerTurnsOf(clock, ApiKey.OffsetFetch).enter(turn);
    return { clock, outcome };
  };

  test('is sent, though others wait for their turns, where it gets on within each second', async () => {
    const { clock, outcome } = await ask(800, true);
    await clock.advance(8000);
    expect(outcome).toMatchObject({ answer: null, closed: null });
    await clock.advance(4000);
    expect(outcome.answer).not.toBeNull();
  });

  test('gives way where it does not get on for a second before others', async () => {
    const { clock, outcome } = await ask(2500, true);
    await clock.advance(4000);
    expect(outcome.closed).toBe(NO_ROOM);
  });

  test('ends when its client would have read as much as there is of it', async () => {
    const { clock, outcome } = await ask(20_000, false);
    await clock.advance(30_000);
    expect(outcome.closed).toBeNull();
    await clock.advance(10_000);
    expect(outcome.closed).toBe(NO_ROOM);
  });
});

/** What answers that are being made may take all together. Those that are made are read at once. */
class Room {
  takenBytes = 0;
  readonly givenBack: number[] = [];

  constructor(readonly bytes: number) {}

  readonly claimAnswer = (bytes: number): boolean => {
    if (this.takenBytes + bytes > this.bytes) return false;
    this.takenBytes += bytes;
    return true;
  };

  readonly unclaimAnswer = (bytes: number): void => {
    this.takenBytes -= bytes;
    this.givenBack.push(bytes);
  };
}

test('answers that are made side by side do not wait for what each of them has taken', async () => {
  const clock = new SimulatedClock();
  // For one of them, and half of another.
  const room = new Room(MIB + MIB / 2);
  const begun: string[] = [];
  // Each has grown since it took its turn, to more than one slice.
  const group = (name: string): Group => new Group(60, () => begun.push(name), 20_000);
  const { claimAnswer, unclaimAnswer } = room;
  const outcomes = await Promise.all(
    list(6, (at) => fetchAll({ groups: group(`${at}`), clock, claimAnswer, unclaimAnswer })),
  );
  await clock.advance(900);
  expect(outcomes.map(({ answer, closed }) => closed ?? answer !== null)).toEqual(list(6, () => true));
  // They were under way at one time, and each was counted whole in the end.
  expect(begun.indexOf('1')).toBeLessThan(begun.lastIndexOf('0'));
  expect(room.givenBack.filter((bytes) => bytes > 1_100_000)).toHaveLength(6);
  expect(room.takenBytes).toBe(0);
});

test.each(['is gone', 'is answered'])(
  'an answer that waits keeps what it has, one at a time: the next one when the client of the one before %s',
  async (end) => {
    const clock = new SimulatedClock();
    const room = new Room(MIB);
    const others = MIB - 100_000;
    const wait = async (): Promise<{ outcome: Outcome; request: Request; group: Group }> => {
      room.claimAnswer(others);
      const group = new Group(40);
      let request: Request | null = null;
      const onRequest = (its: Request): void => void (request = its);
      const outcome = await fetchAll({ groups: group, clock, ...room, onRequest });
      await clock.advance(300);
      expect([outcome.answer, room.takenBytes > others]).toEqual([null, true]);
      room.unclaimAnswer(others);
      return { outcome, request: request!, group };
    };
    const first = await wait();
    if (end === 'is gone') first.request.abandon();
    await clock.advance(300);
    expect([first.outcome.answer !== null, room.takenBytes]).toEqual([end === 'is answered', 0]);
    const second = await wait();
    await clock.advance(300);
    expect([second.outcome.answer !== null, room.takenBytes]).toEqual([true, 0]);
    // Nothing was made again, but what was tried in one go.
    expect(second.group.lookedUp).toBeLessThan(45_000);
  },
);

test('an answer that is given within its handler waits for its turn, though the handler leaves the rest to others', async () => {
  const clock = new SimulatedClock();
  let isRoom = false;
  const later: (() => void)[] = [];
  const partitions = list(10_000, (partitionIndex) => ({ partitionIndex, offset: 1n }));
  const ask = (isLate: boolean): ReturnType<typeof call> => {
    const deleteRecords = (
      _timeoutMs: number,
      asked: readonly object[],
      finish: (results: object[]) => void,
    ): Promise<() => void> => {
      const end = (): void => finish(asked.map(() => ({ errorCode: 0, lowWatermark: 1 })));
      if (isLate) later.push(end);
      else end();
      return Promise.resolve(() => undefined);
    };
    return call({
      apiKey: ApiKey.DeleteRecords,
      version: 2,
      body: { topics: [{ name: 't', partitions }], timeoutMs: 1000 },
      claimAnswer: () => isRoom,
      services: { clock, largeRequests: new LargeRequests(clock, 1e9), replicas: { deleteRecords } },
    });
  };
  const late = await Promise.all(list(6, () => ask(true)));
  await clock.advance(50);
  for (const end of later) end();
  await clock.advance(50);
  const atOnce = await Promise.all(list(2, () => ask(false)));
  await clock.advance(50);
  isRoom = true;
  for (let turn = 0; turn < 30; turn++) await clock.advance(50);
  expect([...late, ...atOnce].map(({ answer }) => answer !== null)).toEqual(list(8, () => true));
});

test('a request that waits for its turn counts, whatever the number of its elements, until it is over', async () => {
  const clock = new SimulatedClock();
  const largeRequests = new LargeRequests(clock, 1e9);
  const requests: Request[] = [];
  const groups = list(300, (at) => String(at).padStart(200, 'g'));
  await call({
    apiKey: ApiKey.DescribeGroups,
    version: 4,
    body: { groups },
    services: { clock, largeRequests, groups: { numMembers: () => 10, describeGroup: describedGroup } },
    claimAnswer: () => false,
    onRequest: (request) => requests.push(request),
  });
  expect(largeRequests.keptBytes).toBeGreaterThan(300 * 200);
  requests[0]!.abandon();
  await clock.advance(100);
  expect(largeRequests.keptBytes).toBe(0);
});

test('a Produce that was counted while it waited for followers counts no more when its answer has waited for its turn', async () => {
  const clock = new SimulatedClock();
  const largeRequests = new LargeRequests(clock, 1e9);
  const appends: AppendCall[] = [];
  let isRoom = false;
  const partitionData = list(1990, (index) => ({ index, records: index === 0 ? batchOf(['a']) : null }));
  const outcome = await call({
    apiKey: ApiKey.Produce,
    version: 9,
    body: { acks: -1, timeoutMs: 1000, topicData: [{ name: 't', partitionData }] },
    services: {
      clock,
      largeRequests,
      replicas: {
        waitForAppends: () => null,
        localLog: () => null,
        appendRecords: (append: AppendCall) => (appends.push(append), null),
      },
    },
    claimAnswer: () => isRoom,
  });
  await clock.advance(100);
  expect(largeRequests.keptBytes).toBeGreaterThan(0);
  appends[0]!.onComplete([
    {
      tp: { topic: 't', partition: 0 },
      errorCode: ErrorCode.NONE,
      errorMessage: null,
      baseOffset: 0,
      lastOffset: 0,
      logAppendTimeMs: -1,
      logStartOffset: 0,
      recordErrors: [],
    },
  ]);
  await clock.advance(100);
  expect([outcome.answer, largeRequests.keptBytes > 0]).toEqual([null, true]);
  isRoom = true;
  await clock.advance(100);
  expect([outcome.answer !== null, largeRequests.keptBytes]).toEqual([true, 0]);
});

async function answered(asked: Asked & { readonly clock: SimulatedClock }): Promise<boolean> {
  const outcome = await fetchAll(asked);
  await asked.clock.advance(100);
  return outcome.answer !== null;
}

test('a crowd that asks for large answers at one address leaves a turn to those at others', async () => {
  const clock = new SimulatedClock();
  const begun: string[] = [];
  // Of more steps than one slice has. The first topic is first tried in one go.
  const named = (name: string): Group => new Group(60, (topic) => topic !== 't0' && begun.push(name));
  const crowd = list(20, (at) => fetchAll({ groups: named(`a${at}`), clock, clientAddress: 'a' }));
  const other = fetchAll({ groups: named('b'), clock, clientAddress: 'b' });
  const outcomes = await Promise.all([...crowd, other]);
  for (let turn = 0; turn < 50; turn++) await clock.advance(100);
  expect(outcomes.map(({ answer }) => answer !== null)).toEqual(list(21, () => true));
  const order = [...new Set(begun)];
  expect(order).toHaveLength(21);
  expect(order.indexOf('b')).toBeLessThan(6);
  expect(order.slice(6)).toEqual(list(15, (at) => `a${at + 5}`));
});

describe('Metadata of thirty thousand partitions', () => {
  const PARTITIONS = 30_000;
  /** Of a hundred partitions each. */
  const topics = list(PARTITIONS / 100, (at) => ({ name: `t${at}` }));
  const clock = new SimulatedClock();
  let described: number;
  const ask = (
    asked: { name: string }[] | null,
    { services: others = {}, ...more }: Partial<RequestCall> = {},
  ): Promise<Outcome> => {
    const metadata = {
      version: 1,
      numPartitionsInCluster: PARTITIONS,
      numPartitions: () => 100,
      topicsInCluster: () => topics.map(({ name }) => name),
      topicId: () => undefined,
      partitionMetadata: (topic: string) =>
        topic === 'missing' ? null : list(100, (partitionIndex) => (described++, { partitionIndex })),
      aliveBrokerNodes: () => [],
    };
    const services = { clock, metadata, config: { get: () => false }, ...others };
    return call({ apiKey: ApiKey.Metadata, version: 9, body: { topics: asked }, services, ...more });
  };
  const size = ({ answer }: Outcome): number =>
    (answer as MetadataResponse).topics.reduce((sum, { partitions }) => sum + partitions.length, 0);
  beforeEach(() => (described = 0));

  test.each([
    ['all', null],
    ['named', topics],
  ])('is made for two clients at a time, and for all of them in the end (%s)', async (_title, asked) => {
    const crowd = list(12, () => ask(asked));
    const ofFew = ask([{ name: 't1' }]);
    expect(described).toBeLessThan(2 * PARTITIONS);
    const outcomes = await Promise.all(crowd);
    expect(size(await ofFew)).toBe(100);
    for (let turn = 0; turn < 20; turn++) await clock.advance(100);
    expect(outcomes.map(size)).toEqual(list(12, () => PARTITIONS));
  });

  test('is made while the topics that others have named besides are being created', async () => {
    const services = {
      config: { get: () => true },
      autoTopicCreation: { createTopics: () => new Promise(() => undefined) },
    };
    const named = [...topics, { name: 'missing' }];
    const creating = await Promise.all(list(8, () => ask(named, { services })));
    const other = await ask(null, { clientAddress: 'other' });
    for (let turn = 0; turn < 20; turn++) await clock.advance(100);
    expect(creating.map(({ answer, closed }) => answer ?? closed)).toEqual(list(8, () => null));
    expect(size(other)).toBe(PARTITIONS);
  });

  test('is not made for a client that is gone before its turn', async () => {
    const requests: Request[] = [];
    const crowd = list(12, () => ask(null, { onRequest: (request) => requests.push(request) }));
    for (const request of requests) request.abandon();
    const last = ask(null);
    await Promise.all(crowd);
    for (let turn = 0; turn < 20; turn++) await clock.advance(100);
    expect(size(await last)).toBe(PARTITIONS);
    // Of the two that had begun, and the last.
    expect(described).toBeLessThanOrEqual(3 * PARTITIONS);
  });
});

test('DescribeConfigs of hundreds of topics reads them for two clients at a time', async () => {
  const clock = new SimulatedClock();
  const reads: ((result: object) => void)[] = [];
  const describe = (): Promise<object> => new Promise((resolve) => reads.push(resolve));
  const resources = list(500, (at) => ({ resourceType: 2, resourceName: `t${at}`, configurationKeys: null }));
  const services = { clock, configAdmin: { describe } };
  const one = { apiKey: ApiKey.DescribeConfigs, version: 4, services };
  const outcomes = await Promise.all(list(6, () => call({ ...one, body: { resources } })));
  await clock.advance(100);
  // A hundred of each side by side.
  expect(reads).toHaveLength(200);
  await call({ ...one, body: { resources: resources.slice(0, 1) } });
  expect(reads).toHaveLength(201);
  const areAnswered = (): boolean => outcomes.every(({ answer }) => answer !== null);
  for (let turn = 0; turn < 100 && !areAnswered(); turn++) {
    for (const resolve of reads.splice(0)) resolve({ errorCode: 0, errorMessage: null, configs: [] });
    await clock.advance(100);
  }
  expect(areAnswered()).toBe(true);
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
    await clock.advance(31_000);
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
    services: { clock, groups: { numMembers: () => 1, describeGroup } },
    claimAnswer: (bytes) => claims.push(bytes) > 0,
  });
  const { groups } = outcome.answer as DescribeGroupsResponse;
  expect([described, groups.length, claims]).toEqual([1, 1000, [expect.any(Number)]]);
  expect(groups.every(({ members }) => members[0]!.memberMetadata.equals(memberMetadata))).toBe(true);
  expect(claims[0]).toBeGreaterThan(5_000_000);
});
