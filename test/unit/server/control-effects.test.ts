/** What a command of the controller is for, and what it sets off beside the replicas. */
import { ZERO_UUID } from '../../../src/common/index.js';
import { settle, SimulatedClock } from '../../../src/testing/index.js';
import { ApiKey, ErrorCode } from '../../../src/protocol/index.js';
import { ControlOrder } from '../../../src/server/control-order.js';
import { LargeRequests } from '../../../src/server/large-requests.js';
import { noSteps } from './metadata-updates.js';
import { call } from './request-call.js';

const CURRENT = 5n;
const APIS = [
  { title: 'LeaderAndIsr', apiKey: ApiKey.LeaderAndIsr, version: 7 },
  { title: 'StopReplica', apiKey: ApiKey.StopReplica, version: 4 },
  { title: 'UpdateMetadata', apiKey: ApiKey.UpdateMetadata, version: 7 },
];
const deleted = [{ topic: 'bills', partition: 1 }];

const updates = {
  forgetReplaced: () => noSteps([]),
  draft: () => noSteps({}),
  putInForce: () => [],
  merge: () => noSteps(undefined),
};

/** A broker whose replicas obey; what is set off is kept. */
function broker() {
  const done: string[] = [];
  const services = {
    brokerEpoch: CURRENT,
    topicConfigs: { unknownOf: () => new Map(), forget: () => undefined, load: async () => undefined },
    groups: {
      onPartitionsDeleted: (gone: readonly { topic: string; partition: number }[]) =>
        void done.push(...gone.map(({ topic, partition }) => `forgot ${topic}-${partition}`)),
    },
    metadata: { ...updates, putInForce: () => deleted, isFirstAfterChange: () => false },
    replicas: {
      controllerEpoch: 9,
      becomeLeaderOrFollower: async () => {
        done.push('LeaderAndIsr');
        return { errorCode: 0, partitionErrors: [], topics: [] };
      },
      stopReplicas: async () => {
        done.push('StopReplica');
        return { errorCode: 0, partitions: Promise.resolve([]) };
      },
      maybeUpdateMetadata: (_controllerEpoch: number, update: () => void) => {
        done.push('UpdateMetadata');
        update();
        return ErrorCode.NONE;
      },
      onlinePartitions: () => [],
    },
  };
  return { done, services };
}

describe.each(APIS)('$title', ({ title, apiKey, version }) => {
  const send = async (brokerEpoch: bigint) => {
    const { done, services } = broker();
    const body = { controllerId: 2, controllerEpoch: 9, brokerEpoch };
    const { answer } = await call({ apiKey, version, body, services });
    return { errorCode: (answer as { errorCode: number }).errorCode, done };
  };

  test.each([CURRENT - 1n, CURRENT - 4n, 0n])(
    'for an earlier life of the broker (epoch %s) changes nothing',
    async (epoch) => {
      expect(await send(epoch)).toEqual({ errorCode: ErrorCode.STALE_BROKER_EPOCH, done: [] });
    },
  );

  test.each([CURRENT, CURRENT + 1n, -1n])(
    'for this life, or from a controller that knows none (epoch %s), is obeyed',
    async (epoch) => {
      const { errorCode, done } = await send(epoch);
      expect([errorCode, done[0]]).toEqual([ErrorCode.NONE, title]);
    },
  );
});

test.each([
  ['UpdateMetadata', 7],
  ['LeaderAndIsr', 7],
] as const)(
  '%s of 24,000 partitions with three replicas each is obeyed with a heap of 256 MiB',
  async (title, version) => {
    const { done, services } = broker();
    const clock = new SimulatedClock();
    const ids = [1, 2, 3];
    const partitionStates = Array.from({ length: 24_000 }, (_, partitionIndex) => ({
      partitionIndex,
      replicas: ids,
      isr: ids,
    }));
    const topicStates = [{ topicName: 't', partitionStates }];
    const body = { controllerId: 2, controllerEpoch: 9, brokerEpoch: CURRENT, topicStates };
    const largeRequests = LargeRequests.forHeap(clock, 256 * 1024 * 1024);
    const outcome = await call({
      apiKey: ApiKey[title],
      version,
      body,
      services: { ...services, clock, largeRequests },
    });
    await clock.advance(10);
    expect([outcome.closed, done[0]]).toEqual([null, title]);
  },
);

test('groups forget what they committed for topics that the controller says are gone', async () => {
  const { done, services } = broker();
  const body = { controllerId: 2, controllerEpoch: 9, brokerEpoch: CURRENT };
  await call({ apiKey: ApiKey.UpdateMetadata, version: 7, body, services });
  expect(done).toEqual(['UpdateMetadata', 'forgot bills-1']);
});

test('a command waits until groups have forgotten deleted partitions: a topic made in their place gets no commits before', async () => {
  const { done, services } = broker();
  let forget = (): void => undefined;
  const onPartitionsDeleted = (): Promise<void> => new Promise((resolve) => (forget = resolve));
  const slow = { ...services, groups: { onPartitionsDeleted }, controlOrder: new ControlOrder() };
  const update = () => {
    const body = { controllerId: 2, controllerEpoch: 9, brokerEpoch: CURRENT };
    return call({ apiKey: ApiKey.UpdateMetadata, version: 7, body, services: slow });
  };
  const outcomes = [await update(), await update()];
  expect([done, outcomes.map(({ answer }) => answer)]).toEqual([['UpdateMetadata'], [null, null]]);
  forget();
  await settle();
  expect([done, outcomes[0]!.answer]).toEqual([['UpdateMetadata', 'UpdateMetadata'], { errorCode: ErrorCode.NONE }]);
});

/** Knows these topics, all of one partition but `shrunk`, which has two. */
function knowing(ids: Record<string, string>) {
  const { done, services } = broker();
  const asked: string[] = [];
  const stores = {
    deletions: { topicDeletions: () => (asked.push('marks'), Promise.resolve(['orders'])) },
    topics: {
      catchUp: () => (asked.push('sync'), Promise.resolve()),
      topics: () => (asked.push('topics'), Promise.resolve(['orders', 'kept', 'shrunk', 'unreadable'])),
      assignments: (topics: readonly string[]) => {
        asked.push(...topics);
        const found = topics.filter((topic) => topic !== 'unreadable');
        return Promise.resolve({ found: new Map(found.map((topic) => [topic, { partitions: new Map([[0, {}]]) }])) });
      },
    },
  };
  let looks = 1;
  const metadata = {
    ...updates,
    isFirstAfterChange: () => looks-- > 0,
    allPartitions: () =>
      new Map(
        Object.keys(ids).map((topic) => [
          topic,
          [0, 1].slice(0, topic === 'shrunk' ? 2 : 1).map((partitionIndex) => ({ partitionIndex })),
        ]),
      ),
    isKnownById: (topic: string) => ids[topic] !== ZERO_UUID,
    forget: (known: ReadonlyMap<string, readonly { partitionIndex: number }[]>) => {
      for (const [topic, partitions] of known) {
        done.push(...partitions.map(({ partitionIndex }) => `${topic}-${partitionIndex}`));
      }
      return deleted;
    },
  };
  const clock = new SimulatedClock();
  return { done, asked, clock, services: { ...services, clock, controlOrder: new ControlOrder(), stores, metadata } };
}

const update = (services: object) => {
  const body = { controllerId: 2, controllerEpoch: 9, brokerEpoch: CURRENT };
  return call({ apiKey: ApiKey.UpdateMetadata, version: 7, body, services });
};

test('topics that were deleted while no one told are forgotten between two commands, with what groups committed', async () => {
  const { done, asked, services } = knowing({ kept: 'id', orders: 'id', bills: 'id', shrunk: 'id' });
  let forget = (): void => undefined;
  const groups = { onPartitionsDeleted: (): Promise<void> => new Promise((resolve) => (forget = resolve)) };
  await update({ ...services, groups });
  const next = services.controlOrder.inTurn(() => Promise.resolve(void done.push('the next command')));
  await settle();
  expect(done).toEqual(['UpdateMetadata', 'orders-0', 'bills-0']);
  expect(asked).toEqual(['sync', 'marks', 'topics']);
  forget();
  await next;
  expect(done.at(-1)).toBe('the next command');
});

test('of topics without ids that were made again the partitions that are not there any more are forgotten', async () => {
  const ids = { kept: ZERO_UUID, bills: ZERO_UUID, shrunk: ZERO_UUID, unreadable: ZERO_UUID };
  const { done, services } = knowing(ids);
  await update(services);
  await settle();
  expect(done).toEqual(['UpdateMetadata', 'bills-0', 'shrunk-1', 'forgot bills-1']);
});

test('what could not be found out about deleted topics is asked again though no update comes', async () => {
  const { done, clock, services } = knowing({ bills: 'id' });
  const { topics } = services.stores.topics;
  services.stores.topics.topics = () => Promise.reject(new Error('timed out'));
  await update(services);
  await settle();
  services.stores.topics.topics = topics;
  await clock.advance(1_000);
  await settle();
  expect(done).toEqual(['UpdateMetadata', 'bills-0', 'forgot bills-1']);
});
