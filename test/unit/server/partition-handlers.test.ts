/** What the handlers of partitions let through to replication: for whom, in which words, and what of a request that is odd. */
import { SimulatedClock } from '../../../src/testing/index.js';
import type { Request } from '../../../src/network/index.js';
import { ApiKey, ErrorCode } from '../../../src/protocol/index.js';
import type { AppendCall, AppendResult, FetchCallContext } from '../../../src/replication/index.js';
import { batchOf } from '../replication/replica-cluster.js';
import { batch } from '../log/log-fixture.js';
import { call } from './request-call.js';

const TOPIC_ID = 'AAAAAAAAAAAAAAAAAAAAEQ';

describe('a sender without rights', () => {
  /** Any use of the replicas fails the test. */
  const untouched = new Proxy({}, { get: (_target, name) => () => fail(String(name)) });
  const fail = (name: string): never => {
    throw new Error(`${name} was called`);
  };

  test.each([
    { title: 'LeaderAndIsr', apiKey: ApiKey.LeaderAndIsr, version: 7 },
    { title: 'StopReplica', apiKey: ApiKey.StopReplica, version: 4 },
    { title: 'UpdateMetadata', apiKey: ApiKey.UpdateMetadata, version: 7 },
  ])('cannot command by $title', async ({ apiKey, version }) => {
    const body = { controllerId: 2, controllerEpoch: 9, brokerEpoch: 5n };
    const services = { replicas: untouched, topicConfigs: untouched, groups: untouched };
    const { answer } = await call({ apiKey, version, body, services, denied: ['*'] });
    expect(answer).toMatchObject({ errorCode: ErrorCode.CLUSTER_AUTHORIZATION_FAILED });
  });

  test('cannot write, nor be told of offsets and epochs', async () => {
    const produced = await call({
      apiKey: ApiKey.Produce,
      version: 9,
      body: {
        acks: 1,
        timeoutMs: 1,
        topicData: [{ name: 'orders', partitionData: [{ index: 3, records: batchOf(['a']) }] }],
      },
      services: { replicas: untouched },
      denied: ['WRITE TOPIC orders'],
    });
    expect(produced.answer).toMatchObject({
      responses: [{ partitionResponses: [{ index: 3, errorCode: ErrorCode.TOPIC_AUTHORIZATION_FAILED }] }],
    });
    const listed = await call({
      apiKey: ApiKey.ListOffsets,
      version: 7,
      body: { replicaId: -1, topics: [{ name: 'orders', partitions: [{ partitionIndex: 3, timestamp: -1n }] }] },
      services: { replicas: untouched },
      denied: ['DESCRIBE TOPIC orders'],
    });
    expect(listed.answer).toMatchObject({
      topics: [{ partitions: [{ partitionIndex: 3, errorCode: ErrorCode.TOPIC_AUTHORIZATION_FAILED }] }],
    });
    const asked = await call({
      apiKey: ApiKey.OffsetForLeaderEpoch,
      version: 4,
      body: { replicaId: -1, topics: [{ topic: 'orders', partitions: [{ partition: 3, leaderEpoch: 1 }] }] },
      services: { replicas: untouched },
      denied: ['*'],
    });
    expect(asked.answer).toMatchObject({
      topics: [{ partitions: [{ partition: 3, errorCode: ErrorCode.TOPIC_AUTHORIZATION_FAILED }] }],
    });
  });

  test('reads neither as a follower without being one, nor topics that it may only describe', async () => {
    for (const [replicaId, denied] of [
      [2, 'CLUSTER_ACTION CLUSTER kafka-cluster'],
      [-1, 'READ TOPIC orders'],
    ] as const) {
      for (const version of [12, 15]) {
        let allowed = -1;
        const handleFetch = (
          _body: object,
          _version: number,
          context: { authorize(tp: object): number },
          respond: (answer: object) => void,
        ) => {
          allowed = context.authorize({ topic: 'orders', partition: 0 });
          respond({ responses: [] });
        };
        const body = version >= 15 ? { replicaState: { replicaId, replicaEpoch: 1n } } : { replicaId };
        await call({ apiKey: ApiKey.Fetch, version, body, services: { replicas: { handleFetch } }, denied: [denied] });
        expect({ replicaId, version, allowed }).toEqual({
          replicaId,
          version,
          allowed: ErrorCode.TOPIC_AUTHORIZATION_FAILED,
        });
      }
    }
  });
});

test('what replicas have fetched and not read is counted by itself, and what consumers have', async () => {
  const roomOf = async (
    apiKey: number,
    replicaId: number,
    denied: string,
  ): Promise<Request['answerRoom'] | undefined> => {
    let request: Request | undefined;
    await call({
      apiKey,
      version: apiKey === ApiKey.Fetch ? 12 : 4,
      body: apiKey === ApiKey.Fetch ? { replicaId } : {},
      services: { replicas: { handleFetch: () => null } },
      denied: [denied],
      onRequest: (each) => (request = each),
    });
    return request?.answerRoom;
  };
  expect(await roomOf(ApiKey.Fetch, 2, '')).toBe('replicas');
  expect(await roomOf(ApiKey.Fetch, 2, 'CLUSTER_ACTION CLUSTER kafka-cluster')).toBe('fetches');
  expect(await roomOf(ApiKey.Fetch, -1, '')).toBe('fetches');
  expect(await roomOf(ApiKey.DescribeGroups, -1, '')).toBe('others');
});

test('a Fetch for whose records there is no room is answered a quarter of a second later, another at once', async () => {
  const clock = new SimulatedClock();
  type Respond = (answer: object) => void;
  const handleFetch = (_body: object, _version: number, { room }: FetchCallContext, respond: Respond): null => {
    room!.availableBytes();
    respond({ responses: [] });
    return null;
  };
  const services = { clock, replicas: { handleFetch } };
  const one = { apiKey: ApiKey.Fetch, version: 12, body: { replicaId: -1 }, services };
  expect((await call({ ...one, availableAnswerBytes: () => 1 })).answer).not.toBeNull();
  const delayed = await call({ ...one, availableAnswerBytes: () => 0 });
  await clock.advance(249);
  expect(delayed.answer).toBeNull();
  await clock.advance(1);
  expect(delayed.answer).not.toBeNull();
  // Asked when it comes, and again when it is read for: the last time counts.
  const rooms = [0, 1];
  const twice: typeof handleFetch = (body, version, fetchCall, respond) => {
    fetchCall.room!.availableBytes();
    return handleFetch(body, version, fetchCall, respond);
  };
  const nextRoom = (): number => rooms.shift()!;
  const found = { ...one, services: { clock, replicas: { handleFetch: twice } }, availableAnswerBytes: nextRoom };
  expect((await call(found)).answer).not.toBeNull();
  // There is no room for more than what it has.
  const holding: typeof handleFetch = (body, version, fetchCall, respond) => {
    fetchCall.room!.hold(1);
    return handleFetch(body, version, fetchCall, respond);
  };
  const full = { ...one, services: { clock, replicas: { handleFetch: holding } }, availableAnswerBytes: () => 0 };
  expect((await call(full)).answer).not.toBeNull();
});

describe('Produce', () => {
  let calls: AppendCall[];
  const appendRecords = (one: AppendCall): void => {
    calls.push(one);
    one.onComplete(
      one.entries.map(({ tp }, at): AppendResult => ({
        tp,
        errorCode: tp.partition === 9 ? ErrorCode.NOT_LEADER_OR_FOLLOWER : ErrorCode.NONE,
        errorMessage: null,
        baseOffset: 100 + tp.partition,
        lastOffset: 100 + tp.partition,
        logAppendTimeMs: -1,
        logStartOffset: at,
        recordErrors: tp.partition === 8 ? [{ batchIndex: 1, message: 'why' }] : [],
      })),
    );
  };
  const waitForAppends = (): null => null;
  const services = { replicas: { appendRecords, waitForAppends, localLog: () => undefined } };
  const produce = async (partitions: Record<number, Buffer | null>, over: object = {}, more: object = {}) => {
    calls = [];
    const partitionData = Object.entries(partitions).map(([index, records]) => ({ index: Number(index), records }));
    const body = { acks: -1, timeoutMs: 1000, topicData: [{ name: 'orders', partitionData }], ...over };
    return call({ apiKey: ApiKey.Produce, version: 9, body, services, ...more });
  };

  test('answers each partition with what became of it, refused ones between', async () => {
    const twice = Buffer.concat([batchOf(['a']), batchOf(['b'])]);
    const { answer } = await produce({ 1: batchOf(['a']), 2: twice, 3: batchOf(['b']), 8: batchOf(['c']) });
    expect(answer).toMatchObject({
      responses: [
        {
          partitionResponses: [
            { index: 1, errorCode: 0, baseOffset: 101n, recordErrors: [] },
            { index: 2, errorCode: ErrorCode.INVALID_RECORD, baseOffset: -1n },
            { index: 3, errorCode: 0, baseOffset: 103n },
            { index: 8, errorCode: 0, recordErrors: [{ batchIndex: 1, batchIndexErrorMessage: 'why' }] },
          ],
        },
      ],
    });
    expect(calls[0]!.entries.map(({ tp }) => tp.partition)).toEqual([1, 3, 8]);
  });

  test('with acks=0 closes the connection on an error, and says nothing otherwise', async () => {
    const fine = await produce({ 1: batchOf(['a']) }, { acks: 0 });
    expect(fine).toMatchObject({ answer: null, closed: null });
    const failed = await produce({ 1: batchOf(['a']), 9: batchOf(['b']) }, { acks: 0 });
    expect(failed.closed).not.toBeNull();
  });

  test('writes to internal topics for the admin client alone', async () => {
    await produce({ 1: batchOf(['a']) });
    expect(calls[0]!.internalTopicsAllowed).toBe(false);
    await produce({ 1: batchOf(['a']) }, {}, { clientId: '__admin_client' });
    expect(calls[0]!.internalTopicsAllowed).toBe(true);
  });

  test('of a transaction needs its id and the right to it, and holds the connection until it is verified', async () => {
    const records = (): Buffer => batch({ producerId: 7, producerEpoch: 0, baseSequence: 0, isTransactional: true });
    const refused = {
      responses: [{ partitionResponses: [{ errorCode: ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED }] }],
    };
    expect((await produce({ 1: records() })).answer).toMatchObject(refused);
    const denied = { denied: ['WRITE TRANSACTIONAL_ID t'] };
    expect((await produce({ 1: records() }, { transactionalId: 't' }, denied)).answer).toMatchObject(refused);
    expect(calls).toEqual([]);
    const isVerified = new Promise<void>(() => undefined);
    const appendRecords = (call: AppendCall): Promise<void> | null => {
      calls.push(call);
      return typeof call.transactionalId === 'string' ? isVerified : null;
    };
    const waiting = { services: { replicas: { appendRecords, waitForAppends } } };
    const verified = await produce({ 1: records() }, { transactionalId: 't' }, waiting);
    expect(verified).toMatchObject({ answer: null, isNextAllowed: false });
    expect(calls[0]!.transactionalId).toBe('t');
    expect(await produce({ 1: batchOf(['a']) }, {}, waiting)).toMatchObject({ answer: null, isNextAllowed: true });
  });

  test('takes zstd from version 7 on', async () => {
    const zstd = (): Buffer => {
      const bytes = batchOf(['a']);
      bytes.writeInt16BE(4, 21);
      return bytes;
    };
    const codes = [];
    for (const version of [6, 7]) {
      const { answer } = await produce({ 1: zstd() }, {}, { version });
      codes.push(
        (answer as { responses: { partitionResponses: { errorCode: number }[] }[] }).responses[0]!
          .partitionResponses[0]!.errorCode,
      );
    }
    expect(codes).toEqual([ErrorCode.UNSUPPORTED_COMPRESSION_TYPE, ErrorCode.NONE]);
  });
});

describe('ListOffsets', () => {
  const list = async (body: object, version = 7, timestampFound: number | bigint = 44) => {
    const asked: { timestamp: number | bigint; query: object }[] = [];
    const fetchOffsetForTimestamp = async (_tp: object, timestamp: number | bigint, query: object) => {
      asked.push({ timestamp, query });
      return { errorCode: 0, timestamp: timestampFound, offset: 55, leaderEpoch: 6 };
    };
    const outcome = await call({
      apiKey: ApiKey.ListOffsets,
      version,
      body,
      services: { replicas: { fetchOffsetForTimestamp } },
    });
    return { asked, answer: outcome.answer };
  };
  const partition = (partitionIndex: number) => ({ partitionIndex, timestamp: -1n, currentLeaderEpoch: 3 });

  test.each([
    { replicaId: -1, isolationLevel: 0, isolation: 'READ_UNCOMMITTED', fetchOnlyFromLeader: true },
    { replicaId: -1, isolationLevel: 1, isolation: 'READ_COMMITTED', fetchOnlyFromLeader: true },
    { replicaId: 2, isolationLevel: 1, isolation: null, fetchOnlyFromLeader: true },
    { replicaId: -2, isolationLevel: 0, isolation: null, fetchOnlyFromLeader: false },
  ])(
    'of replica $replicaId at isolation $isolationLevel sees $isolation',
    async ({ replicaId, isolationLevel, ...query }) => {
      const { asked } = await list({
        replicaId,
        isolationLevel,
        topics: [{ name: 'orders', partitions: [partition(0)] }],
      });
      expect(asked).toEqual([{ timestamp: -1, query: expect.objectContaining({ ...query, currentLeaderEpoch: 3 }) }]);
    },
  );

  test.each([2n ** 53n - 1n, 2n ** 53n, 2n ** 53n + 1n, 1_700_000_000_123_456_789n, 2n ** 63n - 1n])(
    'asks for the time %d, and answers it, as it is',
    async (timestamp) => {
      const partitions = [{ partitionIndex: 0, timestamp, currentLeaderEpoch: -1 }];
      const { asked, answer } = await list({ replicaId: -1, topics: [{ name: 'orders', partitions }] }, 7, timestamp);
      expect(BigInt(asked[0]!.timestamp)).toBe(timestamp);
      expect(answer).toMatchObject({ topics: [{ partitions: [{ timestamp }] }] });
    },
  );

  test('refuses a partition that is named twice each time, and tells epochs from version 4 on', async () => {
    const topics = [{ name: 'orders', partitions: [partition(0), partition(1), partition(0)] }];
    for (const [version, leaderEpoch] of [
      [1, -1],
      [3, -1],
      [4, 6],
      [7, 6],
    ] as const) {
      const { answer } = await list({ replicaId: -1, topics }, version);
      const refused = { partitionIndex: 0, errorCode: ErrorCode.INVALID_REQUEST };
      expect(answer).toMatchObject({
        topics: [{ partitions: [refused, { partitionIndex: 1, offset: 55n, timestamp: 44n, leaderEpoch }, refused] }],
      });
    }
  });
});

test('OffsetForLeaderEpoch answers for a partition that is here, though the metadata do not know it yet', async () => {
  const services = {
    metadata: { contains: () => false },
    replicas: {
      partitionOf: ({ partition }: { partition: number }) => (partition === 1 ? {} : undefined),
      lastOffsetForLeaderEpoch: (_tp: object, current: number, epoch: number) => ({
        errorCode: 0,
        leaderEpoch: epoch,
        endOffset: current,
      }),
    },
  };
  const partitions = [1, 2].map((partition) => ({ partition, currentLeaderEpoch: 8, leaderEpoch: 4 }));
  const body = { replicaId: 2, topics: [{ topic: 'orders', partitions }] };
  const { answer } = await call({ apiKey: ApiKey.OffsetForLeaderEpoch, version: 4, body, services });
  expect(answer).toMatchObject({
    topics: [
      {
        partitions: [
          { partition: 1, errorCode: 0, leaderEpoch: 4, endOffset: 8n },
          { partition: 2, errorCode: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION },
        ],
      },
    ],
  });
});

describe('commands of the controller for an earlier life of this broker', () => {
  test.each([
    { title: 'LeaderAndIsr', apiKey: ApiKey.LeaderAndIsr, version: 7, epoch: 4n, code: ErrorCode.STALE_BROKER_EPOCH },
    { title: 'StopReplica', apiKey: ApiKey.StopReplica, version: 4, epoch: 4n, code: ErrorCode.STALE_BROKER_EPOCH },
    { title: 'LeaderAndIsr', apiKey: ApiKey.LeaderAndIsr, version: 7, epoch: 5n, code: ErrorCode.NONE },
    { title: 'StopReplica', apiKey: ApiKey.StopReplica, version: 4, epoch: 5n, code: ErrorCode.NONE },
    { title: 'LeaderAndIsr without epoch', apiKey: ApiKey.LeaderAndIsr, version: 1, epoch: -1n, code: ErrorCode.NONE },
  ])('by $title at epoch $epoch get code $code', async ({ apiKey, version, epoch, code }) => {
    const services = {
      topicConfigs: { unknownOf: () => new Map(), forget: () => undefined },
      logs: { logsByTopic: () => [] },
      replicas: {
        becomeLeaderOrFollower: async () => ({ errorCode: 0, topics: [], partitionErrors: [] }),
        stopReplicas: async () => ({ errorCode: 0, partitions: Promise.resolve([]) }),
        onlinePartitions: () => [],
      },
    };
    const topicStates = [{ topicName: 'orders', topicId: TOPIC_ID }];
    const body = { controllerId: 2, controllerEpoch: 9, ...(epoch >= 0n && { brokerEpoch: epoch, topicStates }) };
    const { answer } = await call({ apiKey, version, body, services });
    expect(answer).toMatchObject({ errorCode: code });
  });
});

test('StopReplica ends what hangs on the replicas that it stopped: configurations, with the last log', async () => {
  const done: string[] = [];
  const gone = [
    { tp: { topic: '__consumer_offsets', partition: 4 }, leaderEpoch: 7 },
    { tp: { topic: 'orders', partition: 0 }, leaderEpoch: 1 },
    { tp: { topic: 'bills', partition: 0 }, leaderEpoch: 1 },
    { tp: { topic: 'stopped', partition: 0 }, leaderEpoch: 1 },
  ];
  const services = {
    logs: { logsByTopic: (topic: string) => (topic === 'stopped' ? [{}] : []) },
    topicConfigs: { forget: (topic: string) => void done.push(`forgot ${topic}`) },
    replicas: {
      stopReplicas: async (_controller: object, _asked: object, onDeleted: (one: object) => void) => {
        gone.forEach(onDeleted);
        return { errorCode: 0, partitions: Promise.resolve(gone.map(({ tp }) => ({ tp, errorCode: 0 }))) };
      },
      onlinePartitions: () => [
        { tp: { topic: 'orders', partition: 3 } },
        { tp: { topic: '__consumer_offsets', partition: 1 } },
      ],
    },
  };
  const body = { controllerId: 2, controllerEpoch: 9, brokerEpoch: 5n, topicStates: [] };
  await call({ apiKey: ApiKey.StopReplica, version: 4, body, services });
  expect(done).toEqual(['forgot bills']);
});
