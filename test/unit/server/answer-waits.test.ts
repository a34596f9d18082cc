/** Large answers before they are made: who waits for his turn, and what is counted for him. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { settle, SimulatedClock } from '../../../src/testing/index.js';
import type { Request } from '../../../src/network/index.js';
import { ApiKey, ErrorCode } from '../../../src/protocol/index.js';
import { answerTurnsOf } from '../../../src/server/answer-turns.js';
import { LargeRequests } from '../../../src/server/large-requests.js';
import { Fixture, GROUP } from '../coordinator/support.js';
import { call, type RequestCall } from './request-call.js';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** What makes a frame that shares its buffer with no other. */
const SENT = Buffer.alloc(100_000);
const MIB = 1024 * 1024;
const list = <T>(length: number, make: (at: number) => T): T[] => Array.from({ length }, (_, at) => make(at));

/** A cluster in which all is large, or all is small. Counts what answers are begun. */
class Parts {
  begun = 0;

  constructor(size: number) {
    this.groups = {
      numGroups: size,
      numMembers: (): number => Math.ceil(size / 30),
      numOffsets: (): number => size,
      fetchAllOffsets: (): object => this.begin({ errorCode: ErrorCode.NOT_COORDINATOR }),
      describeGroup: (groupId: string): object => this.begin({ errorCode: 0, groupId }),
      listGroups: (): object => this.begin({ errorCode: 0, groups: [] }),
    };
    this.metadata = {
      numPartitionsInCluster: size,
      topicsInCluster: (): string[] => this.begin([]),
      partitionsOf: () => [],
      onUpdate: () => () => undefined,
    };
  }

  private begin<T>(result: T): T {
    this.begun++;
    return result;
  }

  readonly groups: object;
  readonly metadata: object;
  readonly controller = { electLeaders: () => Promise.resolve([]) };
}

interface Asked extends Pick<RequestCall, 'apiKey' | 'version' | 'body'> {
  readonly name: string;
  /** How often an answer begins. */
  readonly times?: number;
}

const fewBytes: readonly Asked[] = [
  {
    name: 'OffsetFetch of all offsets in version 7',
    apiKey: ApiKey.OffsetFetch,
    version: 7,
    body: { groupId: 'g', topics: null },
  },
  {
    name: 'OffsetFetch of all offsets of one group',
    apiKey: ApiKey.OffsetFetch,
    version: 8,
    body: { groups: [{ groupId: 'g', topics: null }] },
  },
  {
    name: 'DescribeGroups of three groups',
    apiKey: ApiKey.DescribeGroups,
    version: 4,
    body: { groups: ['a', 'b', 'c'] },
    times: 3,
  },
  { name: 'ListGroups', apiKey: ApiKey.ListGroups, version: 4, body: {} },
  {
    name: 'ElectLeaders of all partitions',
    apiKey: ApiKey.ElectLeaders,
    version: 2,
    body: { electionType: 0, topicPartitions: null, timeoutMs: 1000 },
  },
];

describe.each(fewBytes)('$name', ({ name: _name, times = 1, ...asked }) => {
  test.each([
    ['at once, whoever has his turn, where it is of little', 50],
    ['when its turn has come where it is of much', 1_000_000],
  ])('is begun %s', async (_title, size) => {
    const clock = new SimulatedClock();
    const parts = new Parts(size);
    const turns = answerTurnsOf(clock, asked.apiKey);
    const large = { address: 'other', bytes: 64 * MIB, begin: () => undefined };
    turns.enter(large);
    const outcomes = await Promise.all(list(6, () => call({ ...asked, services: { clock, ...parts } })));
    const areAnswered = (): boolean => outcomes.every(({ answer }) => answer !== null);
    expect([parts.begun, areAnswered()]).toEqual(size === 50 ? [6 * times, true] : [0, false]);
    turns.leave(large);
    for (let turn = 0; turn < 10; turn++) await clock.advance(10);
    expect([parts.begun, areAnswered()]).toEqual([6 * times, true]);
  });
});

/** A replica manager that has the answer of a fetch at once, not to be sent before. */
const answeredIn =
  (delayMs: number) =>
  (_body: object, _version: number, _from: object, respond: (answer: object, delayMs: number) => void): null => {
    respond({ responses: [] }, delayMs);
    return null;
  };

test('what waited for its turn is served though its frame is gone, and waits on as others do', async () => {
  const clock = new SimulatedClock();
  const turns = answerTurnsOf(clock, ApiKey.DescribeGroups);
  const large = { address: 'other', bytes: 64 * MIB, begin: () => undefined };
  turns.enter(large);
  const describeGroup = (groupId: string): object => ({ errorCode: 0, groupId, members: [] });
  const outcome = await call({
    apiKey: ApiKey.DescribeGroups,
    version: 4,
    body: { groups: list(1500, (at) => `group ${at}`) },
    services: {
      clock,
      largeRequests: new LargeRequests(clock, 1e9),
      groups: { numMembers: () => 1000, describeGroup },
    },
  });
  expect(outcome.answer).toBeNull();
  turns.leave(large);
  for (let turn = 0; turn < 10; turn++) await clock.advance(10);
  expect(outcome).toMatchObject({ closed: null });
  expect((outcome.answer as { groups: object[] }).groups).toHaveLength(1500);
});

test('of a fetch whose answer is kept back for want of room nothing counts but that', async () => {
  const clock = new SimulatedClock();
  const largeRequests = new LargeRequests(clock, 1e9);
  const outcome = await call({
    apiKey: ApiKey.Fetch,
    version: 12,
    body: { maxWaitMs: 60_000, topics: [{ topic: 't', partitions: list(500, (partition) => ({ partition })) }] },
    services: { clock, largeRequests, replicas: { handleFetch: answeredIn(500) } },
  });
  expect([outcome.answer, largeRequests.keptBytes]).toEqual([null, 0]);
  await clock.advance(500);
  expect(outcome.answer).not.toBeNull();
});

describe('what is kept by who waits for his turn', () => {
  const waiting = async (
    asked: Pick<RequestCall, 'apiKey' | 'version' | 'body'> & Partial<RequestCall>,
    services: object,
  ): Promise<{ largeRequests: LargeRequests; request: Request }> => {
    const clock = new SimulatedClock();
    const largeRequests = new LargeRequests(clock, 1e9);
    let request: Request | null = null;
    answerTurnsOf(clock, asked.apiKey).enter({ address: 'other', bytes: 64 * MIB, begin: () => undefined });
    const outcome = await call({
      ...asked,
      services: { clock, largeRequests, ...services },
      onRequest: (its) => (request = its),
    });
    expect(outcome).toMatchObject({ answer: null, closed: null });
    return { largeRequests, request: request! };
  };

  test.each([
    {
      name: 'a thousand groups in 4 KB',
      apiKey: ApiKey.OffsetFetch,
      version: 8,
      body: { groups: list(1000, () => ({ groupId: 'g', topics: null })) },
      keptBytes: 50_000,
    },
    {
      name: '1,340 topics in 4 KB',
      apiKey: ApiKey.Metadata,
      version: 9,
      body: { topics: list(1340, () => ({ name: 't' })) },
      keptBytes: 65_000,
    },
    {
      name: 'one group',
      apiKey: ApiKey.OffsetFetch,
      version: 8,
      body: { groups: [{ groupId: 'g', topics: null }] },
      keptBytes: 0,
    },
  ])('is counted until he has gone: $name', async ({ name: _name, keptBytes, ...asked }) => {
    const numOffsets = (): number => 1_000_000;
    const metadata = { numPartitionsInCluster: 1_000_000, numPartitions: () => 1000 };
    const { largeRequests, request } = await waiting(asked, { groups: { numOffsets }, metadata });
    expect(largeRequests.keptBytes).toBeGreaterThanOrEqual(keptBytes);
    expect(largeRequests.keptBytes).toBeLessThanOrEqual(5 * keptBytes);
    request.abandon();
    expect(largeRequests.keptBytes).toBe(0);
  });

  test('is counted when it is an answer, which could not be known to be large before it was made', async () => {
    const joined = {
      errorCode: 0,
      members: list(2001, (at) => ({ memberId: `m${at}`.padEnd(50), metadata: Buffer.alloc(1) })),
    };
    const { largeRequests, request } = await waiting(
      {
        apiKey: ApiKey.JoinGroup,
        version: 9,
        body: { groupId: 'g', protocolType: 'consumer', protocols: [] },
        claimAnswer: () => false,
      },
      {
        groups: { joinGroup: () => ({ ended: Promise.resolve(joined) }) },
        config: { groups: { offsets: { compressionId: 1 } } },
      },
    );
    expect(largeRequests.keptBytes).toBeGreaterThan(200_000);
    request.abandon();
    expect(largeRequests.keptBytes).toBe(0);
  });
});

test.each([
  { name: 'JoinGroup', apiKey: ApiKey.JoinGroup, version: 9, body: { protocols: [{ name: 'p', metadata: SENT }] } },
  {
    name: 'SyncGroup',
    apiKey: ApiKey.SyncGroup,
    version: 3,
    body: { assignments: [{ memberId: 'm', assignment: SENT }] },
  },
])('a $name that waits for the members of its group does not keep its frame', async ({ name: _name, ...asked }) => {
  const never = new Promise(() => undefined);
  let frame: WeakRef<ArrayBufferLike> | null = null;
  await call({
    ...asked,
    services: {
      groups: {
        joinGroup: () => ({ ended: never }),
        *syncGroup() {
          yield;
          return never;
        },
      },
      config: { groups: { offsets: { compressionId: 1 } } },
    },
    onRequest: (request) => {
      frame = new WeakRef(request.frame.buffer);
      const release = (): void => undefined;
      queueMicrotask(() => request.handedOut({ releaseMemory: release, end: release }));
    },
  });
  await settle();
  collectGarbage();
  expect(frame!.deref()).toBeUndefined();
});

describe('a client that has gone leaves nothing of its request with those that it waited for', () => {
  const never = new Promise<never>(() => undefined);
  const services = {
    groups: {
      joinGroup: () => ({ ended: never }),
      *syncGroup() {
        yield;
        return never;
      },
      *commitOffsets() {
        yield;
        return never;
      },
    },
    config: { groups: { offsets: { compressionId: 1 } } },
    topicConfigs: { configOf: () => ({ maxMessageBytes: 1e6 }) },
  };
  const topics = [{ name: 't', partitions: [{ partitionIndex: 0 }] }];
  test.each([
    { name: 'JoinGroup', apiKey: ApiKey.JoinGroup, version: 9, body: { protocols: [] } },
    { name: 'SyncGroup', apiKey: ApiKey.SyncGroup, version: 3, body: { assignments: [] } },
    { name: 'OffsetCommit', apiKey: ApiKey.OffsetCommit, version: 8, body: { topics } },
  ])('$name', async ({ name: _name, ...asked }) => {
    const goAway = async (isEarly: boolean): Promise<WeakRef<Request>> => {
      let request: Request | null = null;
      const onRequest = (handed: Request): void => {
        request = handed;
        if (isEarly) handed.abandon();
      };
      const { answer } = await call({ ...asked, services, onRequest });
      expect(answer).toBeNull();
      request!.abandon();
      return new WeakRef<Request>(request!);
    };
    const requests = [await goAway(true), await goAway(false)];
    await settle();
    collectGarbage();
    expect(requests.map((request) => request.deref())).toEqual([undefined, undefined]);
  });
});

test('a member that waits for its leader keeps nothing of the assignments it brings, which are not its to bring', async () => {
  const fixture = await new Fixture().elected();
  const first = await fixture.joinDynamic();
  const second = await fixture.joinDynamic();
  await fixture.clock.advance(0);
  const rejoined = fixture.join({ memberId: first.memberId });
  await fixture.clock.advance(0);
  const { leader, generationId } = await rejoined;
  const follower = leader === first.memberId ? second.memberId : first.memberId;
  const member = { groupId: GROUP, generationId, groupInstanceId: null };
  let frame: WeakRef<ArrayBufferLike> | null = null;
  const { answer } = await call({
    apiKey: ApiKey.SyncGroup,
    version: 3,
    body: { ...member, memberId: follower, assignments: [{ memberId: leader, assignment: SENT }] },
    services: { groups: fixture.coordinator },
    onRequest: (request) => {
      frame = new WeakRef(request.frame.buffer);
      const release = (): void => undefined;
      queueMicrotask(() => request.handedOut({ releaseMemory: release, end: release }));
    },
  });
  expect([fixture.state(), answer]).toEqual(['CompletingRebalance', null]);
  await settle();
  collectGarbage();
  expect(frame!.deref()).toBeUndefined();
  // It waits, all the same, and the leader's word counts.
  const { assignment } = await fixture.sync(leader, generationId, { [leader]: 'led', [follower]: 'followed' });
  expect(assignment.toString()).toBe('led');
});

test('an answer that is delayed is not kept for a client that has gone', async () => {
  const clock = new SimulatedClock();
  const delayed: Request[] = [];
  const fetch = async (onRequest: (request: Request) => void): Promise<void> => {
    const outcome = await call({
      apiKey: ApiKey.Fetch,
      version: 12,
      body: { maxWaitMs: 60_000, topics: [] },
      services: { clock, replicas: { handleFetch: answeredIn(60_000) } },
      onRequest,
    });
    expect(outcome.answer).toBeNull();
  };
  await fetch((request) => delayed.push(request));
  expect(clock.nextTimerMs()).not.toBeNull();
  delayed[0]!.abandon();
  expect(clock.nextTimerMs()).toBeNull();
  await fetch((request) => request.abandon());
  expect(clock.nextTimerMs()).toBeNull();
});
