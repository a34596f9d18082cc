/** A follower against a leader that answers anything at any time: late, wrong, not at all, or for a role that has ended. */
import { settle } from '../../../src/testing/index.js';
import { BatchBuilder, BatchView } from '../../../src/records/index.js';
import { ErrorCode } from '../../../src/protocol/index.js';
import { legacyMessage } from '../records/legacy-messages.js';
import { ORDERS, ReplicaCluster, type ClusterOptions, type TestBroker } from './replica-cluster.js';
import { ScriptedLeader } from './scripted-leader.js';

const BACKOFF_MS = 1000;
const OTHER = { topic: 'orders', partition: 1 };
const FAILED = 'kafka.server:type=ReplicaFetcherManager,name=FailedPartitionsCount,clientId=Replica';
const LAG = 'kafka.server:type=ReplicaFetcherManager,name=MaxLag,clientId=Replica';
const BYTES_IN = 'kafka.server:type=BrokerTopicMetrics,name=ReplicationBytesInPerSec';

let cluster: ReplicaCluster;
let follower: TestBroker;
/** By broker id; made anew with each fetcher. */
let leaders: Map<number, ScriptedLeader>;
const leader = (id = 1): ScriptedLeader => leaders.get(id)!;

afterEach(() => cluster.stop());

function scripted(id: number): ScriptedLeader {
  const made = new ScriptedLeader(id);
  leaders.set(id, made);
  return made;
}

/** Broker 2 follows broker 1, which is a script. */
async function start(options: Partial<ClusterOptions> = {}, partitions = [ORDERS]): Promise<void> {
  leaders = new Map();
  const extras = (id: number) => (id === 2 ? { leaderEndpoints: scripted } : {});
  cluster = await ReplicaCluster.start({ brokers: 3, extras, ...options });
  follower = cluster.broker(2);
  await cluster.create([1, 2], partitions);
  await cluster.clock.advance(0);
}

async function elect(id = 1): Promise<void> {
  cluster.elect(id);
  await settle();
  await cluster.clock.advance(0);
}

function records(baseOffset: number, count = 1, partitionLeaderEpoch = 0): Buffer {
  const builder = new BatchBuilder({ baseOffset, partitionLeaderEpoch });
  for (let at = 0; at < count; at++)
    builder.append({ timestamp: 1, key: null, value: Buffer.from(`${baseOffset + at}`) });
  return builder.build();
}

const metric = (name: string): number => follower.metrics.snapshot().get(name)!;
const end = (tp = ORDERS): number => follower.log(tp).logEndOffset;

test.each([
  { what: 'go back', offset: 7n, delta: -3 },
  { what: 'lie beyond 2^53', offset: 2n ** 53n + 1n, delta: 0 },
  { what: 'reach beyond 2^63', offset: 2n ** 63n - 1n, delta: 9 },
])('offsets that $what end their partition, and no other', async ({ offset, delta }) => {
  await start({}, [ORDERS, OTHER]);
  const bytes = records(0);
  bytes.writeBigInt64BE(offset, 0);
  bytes.writeInt32BE(delta, 23);
  new BatchView(bytes).recomputeCrc();
  await leader().answer([{ records: bytes }, { partition: 1, records: records(0, 3) }]);
  expect(metric(FAILED)).toBe(1);
  expect([end(), end(OTHER)]).toEqual([0, 3]);
});

test('what is fetched is appended, and the next request goes on behind it with the epoch of its last batch', async () => {
  await start();
  await leader().answer([{ records: Buffer.concat([records(0, 2, 0), records(2, 3, 4)]), highWatermark: 9 }]);
  expect(end()).toBe(5);
  expect(leader().asked()).toMatchObject({ fetchOffset: 5n, lastFetchedEpoch: 4, currentLeaderEpoch: 0 });
  expect(follower.log().highWatermark).toBe(5);
  expect(metric(LAG)).toBe(4);
  expect(metric(BYTES_IN)).toBe(records(0, 2).length + records(2, 3).length);
  await leader().answer([{ highWatermark: 5 }]);
  expect(metric(LAG)).toBe(0);
  // Nothing changed: the session's request is empty.
  expect(leader().lastRequest.topics).toEqual([]);
});

describe('an answer that comes after the role has changed', () => {
  test('is dropped, and the session begins again so that nothing the leader believes told is lost', async () => {
    await start();
    await leader().answer([{ records: records(0), highWatermark: 0 }]);
    await elect(1);
    await leader().answer([{ records: records(1), highWatermark: 1 }]);
    expect(end()).toBe(1);
    expect(follower.log().highWatermark).toBe(0);
    expect(leader().lastRequest.sessionEpoch).toBe(0);
    expect(leader().asked()).toMatchObject({ fetchOffset: 1n, currentLeaderEpoch: 1 });
    await leader().answer([{ highWatermark: 1 }]);
    expect(follower.log().highWatermark).toBe(1);
  });

  test('does not cut the log when it says where an epoch ended', async () => {
    await start({ config: { 'inter.broker.protocol.version': '2.6' }, withTopicIds: false });
    await leader().answer([{ records: records(0, 5), highWatermark: 2 }]);
    await elect(1);
    await leader().answer([]);
    expect(leader().epochQuestions).toHaveLength(1);
    await elect(1);
    leader().epochQuestions[0]!.answer([{ errorCode: 0, leaderEpoch: 0, endOffset: 1 }]);
    await cluster.clock.advance(0);
    expect(end()).toBe(5);
    // Meanwhile the partition leaves the session.
    await leader().answer([]);
    expect(leader().epochQuestions[1]!.asked).toEqual([{ tp: ORDERS, currentLeaderEpoch: 2, leaderEpoch: 0 }]);
    leader().epochQuestions[1]!.answer([{ errorCode: 0, leaderEpoch: 0, endOffset: 3 }]);
    await cluster.clock.advance(0);
    expect(end()).toBe(3);
    expect(leader().asked()).toMatchObject({ fetchOffset: 3n, currentLeaderEpoch: 2 });
  });

  test('does not cut the log when it says where the leader’s log ends', async () => {
    await start();
    await leader().answer([{ records: records(0, 5), highWatermark: 2 }]);
    await leader().answer([{ errorCode: ErrorCode.OFFSET_OUT_OF_RANGE }]);
    await elect(1);
    leader().offsetQuestions[0]!.answer({ errorCode: 0, offset: 1, leaderEpoch: 0 });
    await cluster.clock.advance(0);
    expect(end()).toBe(5);
    expect(leader().asked()).toMatchObject({ fetchOffset: 5n, currentLeaderEpoch: 1 });
  });

  test('goes nowhere once the replica was stopped', async () => {
    await start();
    await leader().answer([{ records: records(0), highWatermark: 0 }]);
    await follower.replicas.stopReplicas({ controllerId: 1, controllerEpoch: 1, correlationId: 1 }, [
      { tp: ORDERS, leaderEpoch: 0, deletePartition: false },
    ]);
    await cluster.clock.advance(0);
    expect(leader().isClosed).toBe(true);
    await leader().answer([{ records: records(1), highWatermark: 1 }]);
    await cluster.clock.advance(10 * BACKOFF_MS);
    expect(end()).toBe(1);
    expect(leader().isAsked).toBe(false);
  });
});

describe('a request that fails', () => {
  test.each([
    { title: 'without an answer', refuse: () => leader().fail() },
    { title: 'with an error of the whole', refuse: () => leader().answer([], ErrorCode.UNKNOWN_SERVER_ERROR) },
  ])('$title is followed by a full one after a rest, and by none before', async ({ refuse }) => {
    await start();
    await leader().answer([{ records: records(0), highWatermark: 1 }]);
    await leader().answer([]);
    await refuse();
    await cluster.clock.advance(BACKOFF_MS - 1);
    expect(leader().isAsked).toBe(false);
    await cluster.clock.advance(1);
    expect(leader().lastRequest.sessionEpoch).toBe(0);
    expect(leader().asked()).toMatchObject({ fetchOffset: 1n });
    await leader().answer([{ records: records(1), highWatermark: 2 }]);
    expect(end()).toBe(2);
  });

  test('as its session is not there any more is followed by a full one at once', async () => {
    await start();
    await leader().answer([{ highWatermark: 0 }]);
    await leader().answer([], ErrorCode.FETCH_SESSION_ID_NOT_FOUND);
    expect(leader().lastRequest).toMatchObject({ sessionId: 0, sessionEpoch: 0 });
    expect(leader().asked()).toBeDefined();
  });
});

describe('a partition that fails', () => {
  test.each([
    ErrorCode.UNKNOWN_LEADER_EPOCH,
    ErrorCode.NOT_LEADER_OR_FOLLOWER,
    ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
    ErrorCode.UNKNOWN_TOPIC_ID,
    ErrorCode.KAFKA_STORAGE_ERROR,
    ErrorCode.UNKNOWN_SERVER_ERROR,
  ])('with error %i rests, and is asked for again; the others go on', async (errorCode) => {
    await start({}, [ORDERS, OTHER]);
    await leader().answer([{ errorCode }, { partition: 1, records: records(0), highWatermark: 1 }]);
    expect([end(), end(OTHER)]).toEqual([0, 1]);
    await leader().answer([]);
    await cluster.clock.advance(BACKOFF_MS);
    await leader().answer([]);
    expect(
      leader()
        .requests.slice(2)
        .flatMap(({ topics }) => topics.flatMap((one) => one.partitions)),
    ).toMatchObject([{ partition: 0, fetchOffset: 0n }]);
    await leader().answer([{ records: records(0), highWatermark: 1 }]);
    expect(end()).toBe(1);
    expect(metric(FAILED)).toBe(0);
  });

  test('with damaged bytes is asked for again after a rest', async () => {
    await start();
    const damaged = records(0);
    damaged[damaged.length - 1]! ^= 1;
    await leader().answer([{ records: damaged, highWatermark: 1 }]);
    expect(end()).toBe(0);
    expect(metric(FAILED)).toBe(0);
    await cluster.clock.advance(BACKOFF_MS);
    if (leader().asked() === undefined) await leader().answer([]);
    expect(leader().asked()).toMatchObject({ fetchOffset: 0n });
    await leader().answer([{ records: records(0), highWatermark: 1 }]);
    expect(end()).toBe(1);
  });

  test.each([
    {
      title: 'whose records do not continue the log',
      answer: () => ({ records: Buffer.concat([records(3), records(1)]) }),
    },
    { title: 'whose leader has a newer epoch', answer: () => ({ errorCode: ErrorCode.FENCED_LEADER_EPOCH }) },
  ])('$title is given up until the next LeaderAndIsr', async ({ answer }) => {
    await start();
    await leader().answer([answer()]);
    await cluster.clock.advance(5 * BACKOFF_MS);
    expect(metric(FAILED)).toBe(1);
    expect(leader().isAsked && leader().asked() !== undefined).toBe(false);
    if (leader().isAsked) await leader().answer([]);
    await elect(1);
    if (!leader().asked()) await leader().answer([]);
    expect(metric(FAILED)).toBe(0);
    expect(leader().asked()).toMatchObject({ fetchOffset: 0n, currentLeaderEpoch: 1 });
  });

  test('and is stopped while it rests is not asked for again', async () => {
    await start();
    await leader().answer([{ errorCode: ErrorCode.NOT_LEADER_OR_FOLLOWER }]);
    await follower.replicas.stopReplicas({ controllerId: 1, controllerEpoch: 1, correlationId: 1 }, [
      { tp: ORDERS, leaderEpoch: 0, deletePartition: true },
    ]);
    const asked = leader().requests.length;
    await cluster.clock.advance(5 * BACKOFF_MS);
    expect(
      leader()
        .requests.slice(asked)
        .flatMap(({ topics }) => topics),
    ).toEqual([]);
  });
});

describe('a fetch offset that is out of range', () => {
  const outOfRange = async (): Promise<void> => {
    await start();
    await leader().answer([{ records: records(0, 5), highWatermark: 5 }]);
    await leader().answer([{ errorCode: ErrorCode.OFFSET_OUT_OF_RANGE }]);
  };
  const answer = async (offset: number, errorCode = 0): Promise<void> => {
    leader().offsetQuestions.at(-1)!.answer({ errorCode, offset, leaderEpoch: 0 });
    await settle();
  };

  test('that the leader has, and goes on refusing for the epoch named, is asked for without one, behind what was committed', async () => {
    await start();
    await leader().answer([{ records: records(0, 5), highWatermark: 3 }]);
    const refuse = async (): Promise<void> => {
      const { length } = leader().requests;
      await leader().answer([{ errorCode: ErrorCode.OFFSET_OUT_OF_RANGE }]);
      await answer(7);
      await answer(0);
      // Not at once: each refusal is three requests.
      expect(
        leader()
          .requests.slice(length)
          .flatMap(({ topics }) => topics),
      ).toEqual([]);
      await cluster.clock.advance(BACKOFF_MS);
      if (!leader().asked()) await leader().answer([]);
    };
    await refuse();
    expect(leader().asked()).toMatchObject({ fetchOffset: 5n, lastFetchedEpoch: 0 });
    expect(end()).toBe(5);
    await refuse();
    expect(leader().asked()).toMatchObject({ fetchOffset: 3n, lastFetchedEpoch: -1 });
    expect(end()).toBe(3);
    await leader().answer([{ records: legacyMessage(1, 3, 'k'), highWatermark: 4 }]);
    expect(end()).toBe(4);
    // The leader's format has no epochs: none is kept of before.
    expect(follower.log().epochEntries).toEqual([]);
    expect(leader().asked()).toMatchObject({ fetchOffset: 4n, lastFetchedEpoch: -1 });
  });

  test('beyond the leader’s end cuts to it', async () => {
    await outOfRange();
    await answer(3);
    expect(leader().offsetQuestions.map(({ asked }) => asked)).toEqual(['latest']);
    expect(end()).toBe(3);
    expect(leader().asked()).toMatchObject({ fetchOffset: 3n, lastFetchedEpoch: 0 });
  });

  test('before the leader’s start begins anew there', async () => {
    await outOfRange();
    await answer(50);
    await answer(20);
    expect([follower.log().logStartOffset, end()]).toEqual([20, 20]);
    expect(leader().asked()).toMatchObject({ fetchOffset: 20n, lastFetchedEpoch: -1 });
    expect(metric(LAG)).toBe(30);
  });

  test('that the leader’s log has by now is fetched from', async () => {
    await outOfRange();
    await answer(5);
    await answer(2);
    expect([follower.log().logStartOffset, end()]).toEqual([0, 5]);
    await cluster.clock.advance(BACKOFF_MS);
    if (!leader().asked()) await leader().answer([]);
    await leader().answer([{ records: records(5), highWatermark: 6 }]);
    expect(end()).toBe(6);
  });

  test.each([
    { title: 'the question is refused', refuse: () => answer(-1, ErrorCode.NOT_LEADER_OR_FOLLOWER) },
    { title: 'the leader cannot be asked', refuse: async () => leader().offsetQuestions[0]!.refuse(new Error('gone')) },
  ])('deletes nothing when $title, and is tried again after a rest', async ({ refuse }) => {
    await outOfRange();
    await refuse();
    await settle();
    expect([follower.log().logStartOffset, end()]).toEqual([0, 5]);
    await cluster.clock.advance(BACKOFF_MS);
    if (!leader().asked()) await leader().answer([]);
    expect(leader().asked()).toMatchObject({ fetchOffset: 5n });
  });
});

test('a log start that moved is followed up to the high watermark, and the leader is told', async () => {
  await start();
  await leader().answer([{ records: records(0, 5), highWatermark: 3, logStartOffset: 4 }]);
  expect(follower.log().logStartOffset).toBe(0);
  await leader().answer([{ highWatermark: 5, logStartOffset: 4 }]);
  expect(follower.log().logStartOffset).toBe(4);
  expect(leader().asked()).toMatchObject({ fetchOffset: 5n, logStartOffset: 4n });
});

test('a log that diverged is cut where the answer says, and asked for from there', async () => {
  await start();
  await leader().answer([{ records: Buffer.concat([records(0, 4, 0), records(4, 4, 2)]), highWatermark: 2 }]);
  await leader().answer([{ diverging: { epoch: 1, endOffset: 6 } }]);
  expect(end()).toBe(4);
  expect(leader().asked()).toMatchObject({ fetchOffset: 4n, lastFetchedEpoch: 0 });
});

describe('a log of hundreds of segments', () => {
  const SEGMENTS = 350;
  /** What a step cuts at most. */
  const PIECE = 100;

  /** A batch a segment. */
  const fill = async (epochOf: (offset: number) => number): Promise<void> => {
    await start({ config: { 'log.segment.bytes': '80' } });
    for (let at = 0; at < SEGMENTS; at++)
      await leader().answer([{ records: records(at, 1, epochOf(at)), highWatermark: 1 }]);
    expect(follower.log().numberOfSegments).toBeGreaterThanOrEqual(SEGMENTS);
  };
  /** Answers until the log ends at `offset`, and tells by how much each answer cut it. */
  const cutsUntil = async (offset: number, answer: () => Promise<void>): Promise<number[]> => {
    const cuts: number[] = [];
    for (let tries = 0; end() !== offset && tries < 20; tries++) {
      const before = end();
      await answer();
      await cluster.clock.advance(BACKOFF_MS);
      if (end() !== before) cuts.push(before - end());
    }
    return cuts;
  };

  test('that diverged is cut piece by piece', async () => {
    await fill((offset) => (offset < 20 ? 0 : 2));
    const cuts = await cutsUntil(20, () => leader().answer([{ diverging: { epoch: 1, endOffset: 500 } }]));
    expect(end()).toBe(20);
    expect(cuts.length).toBeGreaterThan(3);
    expect(Math.max(...cuts)).toBeLessThanOrEqual(PIECE);
    expect(leader().asked()).toMatchObject({ fetchOffset: 20n, lastFetchedEpoch: 0 });
    await leader().answer([{ records: records(20, 1, 3), highWatermark: 1 }]);
    expect(end()).toBe(21);
  });

  const refused = async (latest: number, earliest?: number): Promise<void> => {
    await leader().answer([{ errorCode: ErrorCode.OFFSET_OUT_OF_RANGE }]);
    for (const offset of earliest === undefined ? [latest] : [latest, earliest]) {
      leader().offsetQuestions.at(-1)!.answer({ errorCode: 0, offset, leaderEpoch: 0 });
      await settle();
    }
  };

  test('that goes beyond its leader’s is cut piece by piece', async () => {
    await fill(() => 0);
    const cuts = await cutsUntil(5, () => refused(5));
    expect(end()).toBe(5);
    expect(Math.max(...cuts)).toBeLessThanOrEqual(PIECE);
    expect(leader().asked()).toMatchObject({ fetchOffset: 5n, lastFetchedEpoch: 0 });
  });

  test('that ends before its leader’s begins is dropped piece by piece', async () => {
    await fill(() => 0);
    const cuts = await cutsUntil(700, () => refused(900, 700));
    expect([follower.log().logStartOffset, end()]).toEqual([700, 700]);
    expect(cuts.filter((cut) => cut > 0).length).toBeGreaterThan(1);
    expect(Math.max(...cuts)).toBeLessThanOrEqual(PIECE);
    expect(leader().asked()).toMatchObject({ fetchOffset: 700n, lastFetchedEpoch: -1 });
  });
});

test('a partition that moves to another leader is asked of that one alone', async () => {
  await start();
  await leader(1).answer([{ records: records(0), highWatermark: 1 }]);
  cluster.partitions.get('orders-0')!.replicas.push(3);
  await elect(3);
  expect(leader(1).isClosed).toBe(true);
  expect(leader(3).asked()).toMatchObject({ fetchOffset: 1n, currentLeaderEpoch: 1 });
  await leader(1).answer([{ records: records(1), highWatermark: 2 }]);
  await cluster.clock.advance(5 * BACKOFF_MS);
  expect([end(), leader(1).isAsked]).toEqual([1, false]);
  // And back again: by a way of its own.
  await leader(3).answer([{ highWatermark: 1 }]);
  await elect(1);
  expect(leader(3).isClosed).toBe(true);
  expect(leader(1).asked()).toMatchObject({ fetchOffset: 1n, currentLeaderEpoch: 2 });
});

test('an unknown end of the epoch keeps what was committed, when the leader is asked before the first fetch', async () => {
  await start({ config: { 'inter.broker.protocol.version': '2.6' }, withTopicIds: false });
  await leader().answer([{ records: records(0, 5), highWatermark: 2 }]);
  await elect(1);
  await leader().answer([]);
  leader().epochQuestions[0]!.refuse(new Error('gone'));
  await settle();
  await leader().answer([]);
  expect(leader().epochQuestions).toHaveLength(1);
  await cluster.clock.advance(BACKOFF_MS);
  expect(leader().epochQuestions).toHaveLength(2);
  leader().epochQuestions[1]!.answer([{ errorCode: 0, leaderEpoch: -1, endOffset: -1 }]);
  await cluster.clock.advance(0);
  expect(end()).toBe(2);
});

test('of followers of several leaders the greatest lag is told', async () => {
  await start();
  await cluster.create([3, 2], [OTHER]);
  await cluster.clock.advance(0);
  await leader(1).answer([{ records: records(0, 4), highWatermark: 9 }]);
  await leader(3).answer([{ partition: OTHER.partition, records: records(0, 4), highWatermark: 6 }]);
  expect(metric(LAG)).toBe(5);
});

describe('an answer for many partitions', () => {
  const MANY = Array.from({ length: 5 }, (_, partition) => ({ topic: 'orders', partition }));
  /** One step a slice: everything may happen after each partition. */
  const slices = { maxMs: 10, maxSteps: 1 };
  const ends = (): number[] => MANY.map((tp) => end(tp));

  async function startMany(options: Partial<ClusterOptions> = {}): Promise<void> {
    leaders = new Map();
    const scripted = (id: number): ScriptedLeader => {
      const made = new ScriptedLeader(id);
      leaders.set(id, made);
      return made;
    };
    await start({ extras: (id) => (id === 2 ? { slices, leaderEndpoints: scripted } : {}), ...options }, MANY);
    // The roles were taken one after another too.
    while (
      !leader().requests.some(({ topics }) => topics.some(({ partitions }) => partitions.at(-1)!.partition === 4))
    ) {
      await cluster.until(() => leaders.has(1) && leader().isAsked);
      await leader().answer([]);
    }
    await cluster.until(() => leader().isAsked);
    await leader().answer(MANY.map(({ partition }) => ({ partition, records: records(0, 5), highWatermark: 2 })));
    await cluster.clock.advance(10);
    expect(ends()).toEqual([5, 5, 5, 5, 5]);
  }

  test('cuts and appends between turns, so that others are served meanwhile', async () => {
    await startMany();
    await leader().answer(MANY.map(({ partition }) => ({ partition, diverging: { epoch: 0, endOffset: 3 } })));
    const seen: number[] = [];
    while (ends().includes(5) && cluster.clock.step()) {
      await settle();
      seen.push(ends().filter((one) => one === 3).length);
    }
    expect(seen).toEqual(expect.arrayContaining([2, 3, 4, 5]));
    await cluster.clock.advance(1000);
    const wrong = MANY.filter(({ partition }) => leader().asked(partition)?.fetchOffset !== 3n);
    expect(wrong).toEqual([]);
  });

  test('has no effect on those that were moved or stopped before their turn', async () => {
    await startMany();
    await leader().answer(MANY.map(({ partition }) => ({ partition, records: records(5), highWatermark: 2 })));
    expect(ends().filter((one) => one === 6).length).toBeLessThan(3);
    void follower.replicas.stopReplicas({ controllerId: 1, controllerEpoch: 1, correlationId: 1 }, [
      { tp: MANY[4]!, leaderEpoch: 0, deletePartition: false },
    ]);
    await cluster.clock.advance(1000);
    expect(ends()).toEqual([6, 6, 6, 6, 5]);
  });

  test('ends with the fetcher', async () => {
    await startMany();
    await leader().answer(MANY.map(({ partition }) => ({ partition, records: records(5), highWatermark: 2 })));
    const before = ends();
    follower.replicas.shutdown();
    await cluster.clock.advance(1000);
    expect(ends()).toEqual(before);
  });

  test('about the ends of epochs is worked off in turns too', async () => {
    await startMany({ config: { 'inter.broker.protocol.version': '2.6' }, withTopicIds: false });
    for (const tp of MANY) {
      cluster.elect(1, [1, 2], tp);
      await cluster.clock.advance(0);
    }
    await leader().answer([]);
    await cluster.until(() => leader().epochQuestions.at(-1)?.asked.length === 5);
    const question = leader().epochQuestions.at(-1)!;
    question.answer(question.asked.map(() => ({ errorCode: 0, leaderEpoch: 0, endOffset: 3 })));
    await settle();
    expect(ends().filter((one) => one === 3).length).toBeLessThan(3);
    await cluster.clock.advance(1000);
    expect(ends()).toEqual([3, 3, 3, 3, 3]);
  });
});

test('a leader that no partition follows any more, since this broker leads it or another one does, is left', async () => {
  await start();
  const [left, next] = [leader(1), 3];
  cluster.elect(next);
  await settle();
  await cluster.clock.advance(0);
  expect([left.isClosed, leader(next).isClosed]).toEqual([true, false]);
  cluster.elect(2, [2]);
  await settle();
  expect(leader(next).isClosed).toBe(true);
});

test('a partition whose directory fails over what its records set off does not count as behind any more', async () => {
  const quota = {
    isThrottled: () => true,
    isQuotaExceeded: () => false,
    record: () => follower.replicas.handleLogDirFailure(follower.log().parentDir),
  };
  const quotas = { leader: quota, follower: quota };
  await start({ extras: (id) => (id === 2 ? { leaderEndpoints: scripted, quotas } : {}) });
  await leader().answer([{ records: records(0), highWatermark: 9 }]);
  expect(metric(LAG)).toBe(0);
});

test('a partition whose cut does not settle, for its disk hangs, is put off alone, and goes on when the disk does', async () => {
  await start({}, [ORDERS, OTHER]);
  await cluster.clock.advance(BACKOFF_MS);
  await leader().answer([
    { records: records(0, 5), highWatermark: 5 },
    { partition: OTHER.partition, records: records(0, 5), highWatermark: 3 },
  ]);
  follower.fs.pace = { clock: cluster.clock, delayMs: (operation) => (operation === 'sync' ? 300 : 0) };
  await leader().answer([{ partition: OTHER.partition, diverging: { epoch: 0, endOffset: 3 } }]);
  expect([end(), end(OTHER)]).toEqual([5, 3]);
  await leader().answer([
    { records: records(5, 2), highWatermark: 7 },
    { partition: OTHER.partition, records: records(3, 2, 1), highWatermark: 5 },
  ]);
  expect([end(), end(OTHER)]).toEqual([7, 3]);
  expect(leader().asked()).toMatchObject({ fetchOffset: 7n });
  expect(leader().asked(OTHER.partition)).toBeUndefined();
  await leader().answer([{ records: records(7, 1), highWatermark: 8 }]);
  expect(end()).toBe(8);
  expect(follower.fs.blockedMs).toBe(0);
  await cluster.until(() => follower.log(OTHER).isReadyForAppends);
  await leader().answer([]);
  expect(leader().asked(OTHER.partition)).toMatchObject({ fetchOffset: 3n });
  await leader().answer([{ partition: OTHER.partition, records: records(3, 2, 1), highWatermark: 5 }]);
  expect(end(OTHER)).toBe(5);
});

test('a log start that moves while a cut is being settled moves at once, without the disk', async () => {
  await start();
  await cluster.clock.advance(BACKOFF_MS);
  await leader().answer([{ records: records(0, 5), highWatermark: 4 }]);
  follower.fs.pace = { clock: cluster.clock, delayMs: (operation) => (operation === 'sync' ? 300 : 0) };
  await leader().answer([{ diverging: { epoch: 0, endOffset: 4 } }]);
  await leader().answer([{ highWatermark: 4, logStartOffset: 3 }]);
  expect([end(), follower.log().logStartOffset, follower.log().isReadyForAppends]).toEqual([4, 3, false]);
  expect(follower.fs.blockedMs).toBe(0);
});

test('a log that is begun again for a batch that spans its start waits for the disk before it takes the batch', async () => {
  await start();
  await cluster.clock.advance(BACKOFF_MS);
  await leader().answer([{ errorCode: ErrorCode.OFFSET_OUT_OF_RANGE }]);
  for (const offset of [10, 5]) {
    leader().offsetQuestions.shift()!.answer({ errorCode: 0, offset, leaderEpoch: 0 });
    await settle();
  }
  await cluster.until(() => follower.log().isReadyForAppends);
  expect([end(), leader().asked()!.fetchOffset]).toEqual([5, 5n]);
  follower.fs.pace = { clock: cluster.clock, delayMs: (operation) => (operation === 'sync' ? 300 : 0) };
  await leader().answer([{ records: records(3, 4), highWatermark: 7, logStartOffset: 5 }]);
  expect([end(), follower.fs.blockedMs]).toEqual([3, 0]);
  await cluster.until(() => follower.log().isReadyForAppends && leader().isAsked);
  await leader().answer([]);
  // Inside of the batch: a leader whose log starts there refuses its beginning. An answer without records changes nothing.
  expect(leader().asked()).toMatchObject({ fetchOffset: 5n, lastFetchedEpoch: -1 });
  await leader().answer([{ highWatermark: 7, logStartOffset: 5 }]);
  expect([end(), leader().isAsked]).toEqual([3, true]);
  await leader().answer([{ records: records(3, 4), highWatermark: 7, logStartOffset: 5 }]);
  expect([end(), follower.log().logStartOffset, follower.fs.blockedMs]).toEqual([7, 5, 0]);
});

test('a log that was cut within the batch that spans the log start of its leader is begun again with that batch', async () => {
  await start();
  await cluster.clock.advance(BACKOFF_MS);
  await leader().answer([{ records: records(0, 3), highWatermark: 1 }]);
  await cluster.until(() => follower.log().isReadyForAppends && leader().isAsked);
  // A batch of offsets 1 to 4, of which those before 3 are deleted: what is here is of another history, but all below.
  await leader().answer([{ records: records(1, 4), highWatermark: 5, logStartOffset: 3 }]);
  expect(end()).toBe(1);
  await cluster.until(() => follower.log().isReadyForAppends && leader().isAsked);
  await leader().answer([]);
  expect(leader().asked()).toMatchObject({ fetchOffset: 3n, lastFetchedEpoch: -1 });
  await leader().answer([{ records: records(1, 4), highWatermark: 5, logStartOffset: 3 }]);
  expect([end(), follower.log().logStartOffset]).toEqual([5, 3]);
});

test('a log that goes beyond the log start of its leader is not begun again for a batch that overlaps it', async () => {
  await start();
  await cluster.clock.advance(BACKOFF_MS);
  await leader().answer([{ records: records(0, 3), highWatermark: 1 }]);
  await cluster.until(() => follower.log().isReadyForAppends && leader().isAsked);
  await leader().answer([{ records: records(1, 4), highWatermark: 5, logStartOffset: 2 }]);
  await cluster.clock.advance(BACKOFF_MS);
  expect([end(), follower.log().logStartOffset]).toEqual([3, 0]);
});
