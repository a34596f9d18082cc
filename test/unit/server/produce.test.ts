import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { silentLogger } from '../../../src/common/index.js';
import { settle, SimulatedClock } from '../../../src/testing/index.js';
import {
  ErrorCode,
  ApiKey,
  decodeResponseFrame,
  produceRequest,
  type ProduceRequest,
  type ProduceResponse,
} from '../../../src/protocol/index.js';
import type { Request } from '../../../src/network/index.js';
import type { AppendCall, AppendEntry, AppendResult, AppendWaitEnd } from '../../../src/replication/index.js';
import { produce } from '../../../src/server/handlers/produce.js';
import { LargeRequests } from '../../../src/server/large-requests.js';
import type { BrokerServices } from '../../../src/server/services.js';
import { BatchBuilder } from '../../../src/records/index.js';
import { strayRejections } from '../../support/stray-rejections.js';
import { batchOf } from '../replication/replica-cluster.js';
import { frameOf, requestOf } from './request-of.js';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

const TP = { topic: 'orders', partition: 0 };

const RESULT: AppendResult = {
  tp: TP,
  errorCode: ErrorCode.NONE,
  errorMessage: null,
  baseOffset: 0,
  lastOffset: 0,
  logAppendTimeMs: -1,
  logStartOffset: 0,
  recordErrors: [],
};

/** A Produce request and what becomes of it, in order; the append is completed by the test. */
function handle(
  over: { acks?: number; transactionalId?: string; records?: Buffer } = {},
  ready: Promise<AppendWaitEnd> | null = null,
  onRequest: (request: Request) => void = () => undefined,
) {
  const { records = batchOf(['a']), ...fields } = over;
  const body = {
    acks: -1,
    timeoutMs: 1000,
    topicData: [{ name: TP.topic, partitionData: [{ index: 0, records }] }],
    ...fields,
  };
  let complete: AppendCall['onComplete'] = () => undefined;
  const events: string[] = [];
  let giveUp: (end: AppendWaitEnd) => void = () => undefined;
  const abandoned = new Promise<AppendWaitEnd>((resolve) => (giveUp = resolve));
  let isReady = false;
  void ready?.then((end) => (isReady = end === 'ready'));
  const parts = {
    clock: { monotonicMs: () => 0 },
    replicas: {
      waitForAppends: () => ready && { ended: Promise.race([ready, abandoned]), giveUp: () => giveUp('givenUp') },
      isReadyForAppends: () => isReady,
      noteRefused: () => void events.push('noted as refused'),
      appendRecords: (call: AppendCall) => {
        events.push('appended');
        complete = call.onComplete;
      },
    },
  };
  const { request, answer } = serve(body, parts, events, onRequest);
  return { request, events, answer, complete: () => complete([RESULT]) };
}

/** Has a request handled by a broker of these parts. */
function serve(
  body: object,
  parts: object,
  events: string[] = [],
  onRequest: (request: Request) => void = () => undefined,
) {
  const frame = frameOf(ApiKey.Produce, 9, body);
  let answer: ProduceResponse | null = null;
  const request = requestOf(frame, {
    answered: (_request, chunks) => {
      events.push(chunks ? 'answered' : 'ended without an answer');
      if (chunks)
        answer = decodeResponseFrame(ApiKey.Produce, 9, Buffer.concat(chunks).subarray(4)).body as ProduceResponse;
    },
    refused: (reason) => void events.push(reason),
    allowNext: () => void events.push('next allowed'),
    frameReleased: () => void events.push('frame released'),
  });
  const services = {
    authorizer: { authorize: () => true },
    metadata: { contains: () => true },
    quotas: { recordAndThrottleMs: () => 0 },
    largeRequests: new LargeRequests(new SimulatedClock(), 1e9),
    ...parts,
  };
  onRequest(request);
  produce.handle(request, services as unknown as BrokerServices);
  return { request, events, answer: () => answer };
}

test.each([{}, { transactionalId: 't' }])(
  'a Produce that waits for replication keeps nothing of its frame (%j)',
  (over) => {
    const { events, complete } = handle(over);
    expect(events).toEqual(['appended', 'frame released', 'next allowed']);
    complete();
    expect(events).toEqual(['appended', 'frame released', 'next allowed', 'answered']);
  },
);

test.each([
  [1, 'a large batch', null],
  [250, 'a large batch', null],
  [1, 'what waits for the coordinator of its transaction', 't'],
])(
  'a Produce of %d partitions with %s keeps its frame, and its connection, until that is appended',
  async (count, _what, transactionalId) => {
    const events: string[] = [];
    let onAppended: () => void = () => undefined;
    const isAppended = new Promise<void>((resolve) => (onAppended = resolve));
    const parts = {
      clock: new SimulatedClock(),
      replicas: {
        waitForAppends: () => null,
        isOpen: () => true,
        appendRecords: ({ entries }: AppendCall) => {
          events.push('appended');
          return entries.some(({ tp }) => tp.partition === 0) ? isAppended : null;
        },
      },
    };
    const partitionData = Array.from({ length: count }, (_, index) => ({ index, records: batchOf(['a']) }));
    const { request } = serve(
      { acks: -1, timeoutMs: 1000, transactionalId, topicData: [{ name: TP.topic, partitionData }] },
      parts,
      events,
    );
    let isMemoryHeld = true;
    request.handedOut({ releaseMemory: () => void (isMemoryHeld = false), end: () => undefined });
    await parts.clock.advance(100);
    expect([...new Set(events)]).toEqual(['appended']);
    expect(isMemoryHeld).toBe(true);
    onAppended();
    await parts.clock.advance(100);
    expect([...new Set(events)]).toEqual(['appended', 'frame released', 'next allowed']);
    expect(isMemoryHeld).toBe(false);
  },
);

/** What becomes of a part of a large Produce. */
type Part = 'done' | 'large' | 'large, fails' | 'fails';

test.each<{ parts: Part[] }>([
  { parts: ['large, fails', 'large', 'done'] },
  { parts: ['large', 'large, fails', 'done'] },
  { parts: ['large', 'fails'] },
  { parts: ['large, fails', 'fails'] },
])('a Produce of parts ($parts) is over when all are, and fails for one of them alone', async ({ parts }) => {
  const events: string[] = [];
  let onAppended: () => void = () => undefined;
  const isAppended = new Promise<void>((resolve) => (onAppended = resolve));
  const clock = new SimulatedClock();
  // Each part takes as long as a slice may.
  let nowMs = 0;
  jest.spyOn(clock, 'monotonicMs').mockImplementation(() => (nowMs += 10));
  let next = 0;
  const appendRecords = (): Promise<void> | null => {
    const part = parts[next++]!;
    if (part === 'fails') throw new Error(part);
    if (part === 'large, fails') return Promise.reject(new Error(part));
    return part === 'large' ? isAppended : null;
  };
  const partitionData = Array.from({ length: 250 }, (_, index) => ({ index, records: batchOf(['a']) }));
  const strays = await strayRejections(async () => {
    const { answer } = serve(
      { acks: -1, timeoutMs: 1000, topicData: [{ name: TP.topic, partitionData }] },
      { clock, logger: silentLogger, replicas: { waitForAppends: () => null, isOpen: () => true, appendRecords } },
      events,
    );
    // A turn of the real loop each: Node then tells of rejections.
    while (clock.step()) await new Promise((resolve) => setImmediate(resolve));
    expect(next).toBe(parts.length);
    expect(events).toEqual(parts.includes('large') ? [] : ['answered']);
    onAppended();
    await clock.advance(100);
    expect(events).toEqual(['answered']);
    expect(answer()!.responses[0]!.partitionResponses[0]!.errorCode).toBe(ErrorCode.UNKNOWN_SERVER_ERROR);
  });
  expect(strays).toEqual([]);
});

test.each([
  { title: 'a Produce', transactionalId: null, isLater: false },
  { title: 'a Produce within a transaction', transactionalId: 't', isLater: false },
  { title: 'a Produce of large batches', transactionalId: null, isLater: true },
])('$title that waits for replication keeps no records', async ({ transactionalId, isLater }) => {
  const calls: AppendCall[] = [];
  // Larger than what the frame of a small request shares with others.
  const frame = ((): WeakRef<ArrayBufferLike> => {
    const records = batchOf(['a'.repeat(100_000)]);
    const topicData = [{ name: TP.topic, partitionData: [0, 0, 1].map((index) => ({ index, records })) }];
    const appendRecords = (call: AppendCall): Promise<void> | null => {
      calls.push(call);
      return isLater ? Promise.resolve() : null;
    };
    let frame: WeakRef<ArrayBufferLike> | null = null;
    serve(
      { acks: -1, timeoutMs: 1000, transactionalId, topicData },
      { clock: { monotonicMs: () => 0 }, replicas: { waitForAppends: () => null, appendRecords } },
      [],
      (request) => (frame = new WeakRef(request.frame.buffer)),
    );
    return frame!;
  })();
  await settle();
  collectGarbage();
  expect(calls.flatMap(({ entries }) => entries.map(({ records }) => records.length))).toEqual([0, 0]);
  expect(frame.deref()).toBeUndefined();
});

test('a Produce to a log that is not ready holds up its own connection alone, and is appended when the log is', async () => {
  let makeReady: () => void = () => undefined;
  const ready = new Promise<AppendWaitEnd>((resolve) => (makeReady = () => resolve('ready')));
  const { events, complete } = handle({}, ready);
  await settle();
  expect(events).toEqual([]);
  makeReady();
  await settle();
  expect(events).toEqual(['appended', 'frame released', 'next allowed']);
  complete();
  expect(events).toEqual(['appended', 'frame released', 'next allowed', 'answered']);
});

test.each([
  { title: 'replication', transactionalId: null },
  { title: 'the coordinator of its transaction', transactionalId: 't' },
])(
  'the frame of a Produce counts while it waits for its log, and not while it waits for $title',
  async ({ transactionalId }) => {
    let makeReady: () => void = () => undefined;
    const ready = new Promise<AppendWaitEnd>((resolve) => (makeReady = () => resolve('ready')));
    const { request, events } = handle({ ...(transactionalId !== null && { transactionalId }) }, ready);
    let isCounted = true;
    request.handedOut({ releaseMemory: () => void (isCounted = false), end: () => void (isCounted = false) });
    await settle();
    expect({ events, isCounted }).toEqual({ events: [], isCounted: true });
    makeReady();
    await settle();
    expect({ isAppended: events.includes('appended'), isAnswered: events.includes('answered'), isCounted }).toEqual({
      isAppended: true,
      isAnswered: false,
      isCounted: false,
    });
  },
);

test.each([
  { end: 'timedOut', errorCode: ErrorCode.REQUEST_TIMED_OUT },
  { end: 'tooMany', errorCode: ErrorCode.KAFKA_STORAGE_ERROR },
] as const)(
  'a Produce whose wait for its log $end is noted, answered, lets go of its memory and is never appended',
  async (how) => {
    const { request, events, answer } = handle({}, Promise.resolve(how.end));
    let isCounted = true;
    request.handedOut({ releaseMemory: () => void (isCounted = false), end: () => void (isCounted = false) });
    await settle();
    expect({ events, isCounted }).toEqual({
      events: ['noted as refused', 'frame released', 'answered'],
      isCounted: false,
    });
    const [partition] = answer()!.responses[0]!.partitionResponses;
    expect(partition).toMatchObject({ index: 0, errorCode: how.errorCode, baseOffset: -1n });
  },
);

test('a Produce whose wait is over is appended where logs are ready, and answered in its order', async () => {
  const partitionData = [0, 1, 2, 3].map((index) => ({ index, records: batchOf(['a']) }));
  const appended: number[] = [];
  const noted: number[] = [];
  const { answer } = serve(
    { acks: 1, timeoutMs: 1000, topicData: [{ name: TP.topic, partitionData }] },
    {
      clock: { monotonicMs: () => 0 },
      replicas: {
        waitForAppends: () => ({ ended: Promise.resolve('timedOut') }),
        isReadyForAppends: ({ partition }: { partition: number }) => partition % 2 === 1,
        noteRefused: ({ tp }: { tp: { partition: number } }) => void noted.push(tp.partition),
        appendRecords: ({ entries, onComplete }: AppendCall) => {
          appended.push(...entries.map(({ tp }) => tp.partition));
          onComplete(entries.map(({ tp }) => ({ ...RESULT, tp, baseOffset: 7 })));
        },
      },
    },
  );
  await settle();
  expect([appended, noted]).toEqual([
    [1, 3],
    [0, 2],
  ]);
  const responses = answer()!.responses[0]!.partitionResponses;
  expect(responses.map(({ index, errorCode, baseOffset }) => [index, errorCode, Number(baseOffset)])).toEqual([
    [0, ErrorCode.REQUEST_TIMED_OUT, -1],
    [1, ErrorCode.NONE, 7],
    [2, ErrorCode.REQUEST_TIMED_OUT, -1],
    [3, ErrorCode.NONE, 7],
  ]);
});

test('a Produce that waits for its log when its connection is closed is dropped, with its memory', async () => {
  let makeReady: () => void = () => undefined;
  const ready = new Promise<AppendWaitEnd>((resolve) => (makeReady = () => resolve('ready')));
  const { request, events } = handle({}, ready);
  let isCounted = true;
  request.handedOut({ releaseMemory: () => void (isCounted = false), end: () => void (isCounted = false) });
  request.abandon();
  await settle();
  makeReady();
  await settle();
  expect({ events, isCounted }).toEqual({ events: ['frame released', 'ended without an answer'], isCounted: false });
});

test('a Produce whose connection was closed before it was handed out does not wait for its log', async () => {
  const request = handle({}, new Promise(() => undefined), (one) => one.abandon());
  await settle();
  expect(request.events).toEqual(['frame released', 'ended without an answer']);
});

test('the frame of a Produce that does not wait for its log does not count any more when the call returns', () => {
  const { request } = handle();
  let isCounted = true;
  request.handedOut({ releaseMemory: () => void (isCounted = false), end: () => void (isCounted = false) });
  expect(isCounted).toBe(false);
});

test('a Produce of many partitions lets others run in between, and is answered once, in the order of the request', async () => {
  const COUNT = 250;
  const clock = new SimulatedClock();
  // Time passes with each append.
  let passedMs = 0;
  const slow = {
    monotonicMs: () => passedMs,
    defer: (task: () => void) => clock.defer(task),
  };
  const calls: AppendCall[] = [];
  const partitionData = Array.from({ length: COUNT }, (_, index) => ({ index, records: batchOf(['a']) }));
  const body = { acks: -1, timeoutMs: 1000, topicData: [{ name: TP.topic, partitionData }] };
  const { request, events, answer } = serve(body, {
    clock: slow,
    replicas: {
      waitForAppends: () => null,
      isOpen: () => false,
      appendRecords: (call: AppendCall) => {
        passedMs += 20;
        calls.push(call);
      },
    },
  });
  const appended = (): number => calls.reduce((sum, { entries }) => sum + entries.length, 0);
  let isCounted = true;
  request.handedOut({ releaseMemory: () => void (isCounted = false), end: () => void (isCounted = false) });
  expect([appended(), isCounted]).toEqual([10, true]);
  await clock.advance(0);
  expect(isCounted).toBe(false);
  expect(appended()).toBe(COUNT);
  expect(events).toEqual(['frame released', 'next allowed']);
  for (const { entries, onComplete } of calls.reverse()) {
    expect(answer()).toBeNull();
    onComplete(entries.map(({ tp }) => ({ ...RESULT, tp, baseOffset: tp.partition + 1 })));
  }
  const responses = answer()!.responses[0]!.partitionResponses;
  expect(responses.map(({ index, baseOffset }) => [index, Number(baseOffset)])).toEqual(
    partitionData.map(({ index }) => [index, index + 1]),
  );
});

test('a Produce of many bytes lets others run in between too', async () => {
  const clock = new SimulatedClock();
  const parts: number[][] = [];
  const builder = new BatchBuilder({});
  builder.append({ timestamp: 1, key: null, value: Buffer.alloc(1_500_000) });
  const records = builder.build();
  const partitionData = Array.from({ length: 7 }, (_, index) => ({ index, records }));
  const replicas = {
    waitForAppends: () => null,
    isOpen: () => true,
    appendRecords: ({ entries }: AppendCall) => {
      parts.push(entries.map(({ tp }) => tp.partition));
      return null;
    },
  };
  serve({ acks: -1, timeoutMs: 1000, topicData: [{ name: TP.topic, partitionData }] }, { clock, replicas });
  await clock.advance(100);
  expect(parts).toEqual([[0, 1, 2], [3, 4, 5], [6]]);
});

test.each([null, 't'])(
  'no step appends to more than ten logs that have to be opened: transaction %s',
  async (transactionalId) => {
    const clock = new SimulatedClock();
    const parts: number[][] = [];
    const serveOf = async (count: number): Promise<number[][]> => {
      parts.length = 0;
      const partitionData = Array.from({ length: count }, (_, index) => ({ index, records: batchOf(['a']) }));
      const replicas = {
        waitForAppends: () => null,
        // From the 30th on they are open.
        isOpen: ({ partition }: { partition: number }) => partition >= 30,
        appendRecords: ({ entries }: AppendCall) => {
          parts.push(entries.map(({ tp }) => tp.partition));
          return null;
        },
      };
      const body = { acks: -1, timeoutMs: 1000, transactionalId, topicData: [{ name: TP.topic, partitionData }] };
      serve(body, { clock, replicas });
      await clock.advance(100);
      return parts;
    };
    expect((await serveOf(170)).map(({ length }) => length)).toEqual([10, 10, 10, 100, 40]);
    expect(parts.flat()).toEqual(Array.from({ length: 170 }, (_, index) => index));
    expect((await serveOf(10)).map(({ length }) => length)).toEqual([10]);
  },
);

test.each([3, 200])(
  'of the records for a partition that is named again and again the last count: %i times',
  async (count) => {
    const clock = new SimulatedClock();
    const appended: AppendCall[] = [];
    const entries: AppendEntry[] = [];
    const replicas = {
      waitForAppends: () => null,
      isOpen: () => true,
      appendRecords: (call: AppendCall) => {
        appended.push(call);
        entries.push(...call.entries.map((entry) => ({ ...entry })));
        return null;
      },
    };
    const records = (value: string) => batchOf([value]);
    const others = Array.from({ length: count }, (_, index) => ({ index: index + 1, records: records('other') }));
    const again = Array.from({ length: count }, (_, at) => ({ index: 0, records: records(`again ${at}`) }));
    const topicData = [
      { name: TP.topic, partitionData: [{ index: 0, records: records('first') }, ...others] },
      { name: 'another', partitionData: [{ index: 0, records: records('of another') }] },
      { name: TP.topic, partitionData: again },
    ];
    const { answer } = serve({ acks: -1, timeoutMs: 1000, topicData }, { clock, replicas });
    await clock.advance(100);
    expect(entries).toHaveLength(count + 2);
    expect(entries[0]).toMatchObject({ tp: TP, records: again.at(-1)!.records });
    expect(appended[0]!.allowance!.address).toBe('127.0.0.1');
    for (const { entries: part, onComplete } of appended) {
      onComplete(part.map(({ tp }) => ({ ...RESULT, tp, baseOffset: tp.topic === TP.topic ? tp.partition + 7 : 1 })));
    }
    expect(answer()!.responses.map(({ name }) => name)).toEqual([TP.topic, 'another']);
    const [first, another] = answer()!.responses.map(({ partitionResponses }) => partitionResponses);
    expect(first!.map(({ index, baseOffset }) => [index, Number(baseOffset)])).toEqual(
      Array.from({ length: count + 1 }, (_, index) => [index, index + 7]),
    );
    expect(another!.map(({ baseOffset }) => Number(baseOffset))).toEqual([1]);
  },
);

const malformed = batchOf(['x']).subarray(0, 20);

test.each([1, 200])(
  'each partition is answered once, a topic without partitions not at all, and what is malformed before all else: %i topics',
  async (count) => {
    const clock = new SimulatedClock();
    const appended: [string, number, number][] = [];
    const replicas = {
      waitForAppends: () => null,
      isOpen: () => true,
      appendRecords: ({ entries, onComplete }: AppendCall) => {
        appended.push(...entries.map(({ tp, records }) => [tp.topic, tp.partition, records.length] as never));
        onComplete(entries.map(({ tp }) => ({ ...RESULT, tp, baseOffset: tp.partition + 7 })));
      },
    };
    const names = Array.from({ length: count }, (_, at) => `t${at}`);
    const good = batchOf(['good']);
    const better = batchOf(['better']);
    const of = (...partitions: [number, Buffer][]) => partitions.map(([index, records]) => ({ index, records }));
    const topicData = names.flatMap((name) => [
      { name: `without ${name}`, partitionData: [] },
      { name, partitionData: of([0, good], [1, malformed], [2, malformed], [3, good]) },
      { name, partitionData: [] },
      { name, partitionData: of([1, good], [1, better], [0, malformed], [2, malformed]) },
    ]);
    const { answer } = serve({ acks: -1, timeoutMs: 1000, topicData }, { clock, replicas });
    await clock.advance(100);
    expect(appended).toEqual(
      names.flatMap((name) => [
        [name, 0, good.length],
        [name, 3, good.length],
        [name, 1, better.length],
      ]),
    );
    const answers = answer()!.responses.map(({ name, partitionResponses }) => [
      name,
      partitionResponses.map(({ index, errorCode, baseOffset }) => [index, errorCode, Number(baseOffset)]),
    ]);
    const { INVALID_RECORD, NONE } = ErrorCode;
    const each = [
      [0, INVALID_RECORD, -1],
      [1, INVALID_RECORD, -1],
      [2, INVALID_RECORD, -1],
      [3, NONE, 10],
    ];
    expect(answers).toEqual(names.map((name) => [name, each]));
  },
);

/** A Produce to a partition, of which replication never comes, and to many made-up topics. */
function neverReplicated(count: number, onRequest?: (request: Request) => void, largeRequests?: LargeRequests) {
  const calls: AppendCall[] = [];
  const givenUp: string[] = [];
  const recorded: string[] = [];
  const topicData = [
    { name: TP.topic, partitionData: [{ index: 0, records: batchOf(['a']) }] },
    ...Array.from({ length: count }, (_, at) => ({
      name: `made up ${at}`,
      partitionData: [{ index: 0, records: null }],
    })),
  ];
  const clock = new SimulatedClock();
  const served = serve(
    { acks: -1, timeoutMs: 1000, topicData },
    {
      clock,
      ...(largeRequests && { largeRequests }),
      metadata: { contains: ({ topic }: { topic: string }) => topic === TP.topic },
      quotas: { recordAndThrottleMs: (quota: string) => (recorded.push(quota), 0) },
      replicas: {
        waitForAppends: () => null,
        appendRecords: (call: AppendCall) => {
          calls.push(call);
          call.onWait?.(() => void givenUp.push('given up'));
          return null;
        },
      },
    },
    [],
    onRequest,
  );
  return { ...served, clock, calls, givenUp, recorded };
}

test.each([3, 500])('a Produce that waits for replication keeps nothing of what it named: %i topics', async (count) => {
  const named: WeakRef<ProduceRequest['topicData'][number]>[] = [];
  const { decodeUpTo } = produceRequest;
  jest.spyOn(produceRequest, 'decodeUpTo').mockImplementation((...how) => {
    const body = decodeUpTo.apply(produceRequest, how);
    named.push(...body!.topicData.map((topic) => new WeakRef(topic)));
    return body;
  });
  const { answer, calls, clock } = neverReplicated(count);
  await clock.advance(0);
  jest.restoreAllMocks();
  collectGarbage();
  expect(named).toHaveLength(count + 1);
  expect(named.filter((topic) => topic.deref() !== undefined)).toEqual([]);
  calls[0]!.onComplete([RESULT]);
  expect(answer()!.responses).toHaveLength(count + 1);
});

test.each([
  { when: 'while it waits', abandonedBefore: false },
  { when: 'before it was appended', abandonedBefore: true },
])('a Produce whose connection is closed $when waits for replication no more', async ({ abandonedBefore }) => {
  const { request, clock, givenUp, recorded } = neverReplicated(3, (one) => {
    if (abandonedBefore) one.abandon();
  });
  await clock.advance(0);
  if (!abandonedBefore) {
    expect(givenUp).toEqual([]);
    request.abandon();
  }
  expect(givenUp).toEqual(['given up']);
  // Its bytes count all the same: a producer does not escape its quota by going away.
  expect(recorded).toEqual(['produce']);
});

test('a Produce whose connection is closed while some of its logs are not ready waits for the replication of others no more', async () => {
  let end: (how: AppendWaitEnd) => void = () => undefined;
  const givenUp: number[] = [];
  const partitionData = [0, 1].map((index) => ({ index, records: batchOf(['a']) }));
  const { request, events } = serve(
    { acks: -1, timeoutMs: 30_000, topicData: [{ name: TP.topic, partitionData }] },
    {
      clock: { monotonicMs: () => 0 },
      replicas: {
        waitForAppends: () => ({
          ended: new Promise<AppendWaitEnd>((resolve) => (end = resolve)),
          giveUp: () => end('givenUp'),
        }),
        isReadyForAppends: ({ partition }: { partition: number }) => partition === 1,
        appendRecords: ({ entries, onWait }: AppendCall) => {
          onWait!(() => givenUp.push(...entries.map(({ tp }) => tp.partition)));
          return null;
        },
      },
    },
  );
  await settle();
  request.abandon();
  await settle();
  expect([givenUp, events]).toEqual([[1], ['frame released', 'ended without an answer']]);
});

test('what a Produce keeps while it waits for replication is counted until it is answered, unless it is little', async () => {
  const large = new LargeRequests(new SimulatedClock(), 1e9);
  neverReplicated(3, undefined, large);
  expect(large.keptBytes).toBe(0);
  const { answer, calls, clock } = neverReplicated(500, undefined, large);
  await clock.advance(0);
  expect(large.keptBytes).toBeGreaterThan(500 * 150);
  calls[0]!.onComplete([RESULT]);
  expect(large.keptBytes).toBe(0);
  expect(answer()).not.toBeNull();
});

test('of the Produce requests that wait for replication the oldest go when they keep too much', async () => {
  const large = new LargeRequests(new SimulatedClock(), 200_000);
  const waiting = [1, 2, 3, 4, 5, 6].map(() => neverReplicated(500, undefined, large));
  for (const { clock } of waiting) await clock.advance(0);
  const closed = 'Closed a connection for requests that waited while memory is short';
  expect(waiting.map(({ events }) => events.includes(closed))).toEqual([true, true, true, false, false, false]);
  expect(large.keptBytes).toBeLessThanOrEqual(400_000);
});

test.each([
  { title: 'nothing', after: Buffer.alloc(0), errorCode: ErrorCode.NONE },
  { title: 'a part of a batch', after: batchOf(['b']).subarray(0, 40), errorCode: ErrorCode.NONE },
  { title: 'another batch', after: batchOf(['b']), errorCode: ErrorCode.INVALID_RECORD },
  { title: 'bytes where no batch can begin', after: Buffer.alloc(12), errorCode: ErrorCode.CORRUPT_MESSAGE },
])('a batch that is followed by $title is answered with $errorCode', ({ after, errorCode }) => {
  const { answer, complete } = handle({ records: Buffer.concat([batchOf(['a']), after]) });
  if (errorCode === ErrorCode.NONE) complete();
  expect(answer()!.responses[0]!.partitionResponses).toMatchObject([{ errorCode }]);
});

/** A Produce to partitions of which the even ones have a disk that hangs. */
function produceBesideHangingDisk(acks = 1) {
  const appended: number[] = [];
  let end: (how: AppendWaitEnd) => void = () => undefined;
  const waited: number[] = [];
  const ready = new Set([1, 3]);
  const partitionData = [0, 1, 2, 3].map((index) => ({ index, records: batchOf(['a']) }));
  const events: string[] = [];
  const served = serve(
    { acks, timeoutMs: 30_000, topicData: [{ name: TP.topic, partitionData }] },
    {
      clock: { monotonicMs: () => 0 },
      replicas: {
        waitForAppends: (_entries: object, { timeoutMs }: { timeoutMs: number }) => {
          waited.push(timeoutMs);
          return { ended: new Promise((resolve) => (end = resolve)), giveUp: () => end('givenUp') };
        },
        isReadyForAppends: ({ partition }: { partition: number }) => ready.has(partition),
        noteRefused: () => undefined,
        appendRecords: ({ entries, onComplete }: AppendCall) => {
          appended.push(...entries.map(({ tp }) => tp.partition));
          onComplete(entries.map(({ tp }) => ({ ...RESULT, tp, baseOffset: 7 })));
        },
      },
    },
    events,
  );
  return { ...served, events, appended, waited, ready, end: (how: AppendWaitEnd) => end(how) };
}

test('partitions whose logs are ready are appended to at once, and the answer comes before the client gives up', async () => {
  const produce = produceBesideHangingDisk();
  await settle();
  expect(produce.appended).toEqual([1, 3]);
  expect(produce.answer()).toBeNull();
  // The client counts from before it sent.
  expect(produce.waited).toEqual([15_000]);
  produce.end('timedOut');
  await settle();
  expect(produce.appended).toEqual([1, 3]);
  const codes = produce.answer()!.responses[0]!.partitionResponses.map(({ errorCode }) => errorCode);
  expect(codes).toEqual([ErrorCode.REQUEST_TIMED_OUT, ErrorCode.NONE, ErrorCode.REQUEST_TIMED_OUT, ErrorCode.NONE]);
});

test('partitions whose logs become ready are appended to after the others, each once', async () => {
  const produce = produceBesideHangingDisk();
  await settle();
  for (const partition of [0, 2]) produce.ready.add(partition);
  produce.end('ready');
  await settle();
  expect(produce.appended).toEqual([1, 3, 0, 2]);
  expect(produce.answer()!.responses[0]!.partitionResponses.map(({ index }) => index)).toEqual([0, 1, 2, 3]);
});

test('a log that is cut after the wait for it ended is not appended to: its producer sends again', async () => {
  const produce = produceBesideHangingDisk();
  await settle();
  produce.ready.add(0);
  produce.end('ready');
  await settle();
  expect(produce.appended).toEqual([1, 3, 0]);
  const codes = produce.answer()!.responses[0]!.partitionResponses.map(({ errorCode }) => errorCode);
  expect(codes).toEqual([ErrorCode.NONE, ErrorCode.NONE, ErrorCode.REQUEST_TIMED_OUT, ErrorCode.NONE]);
});

test('what was sent with acks=0 is appended though its producer is gone', async () => {
  const produce = produceBesideHangingDisk(0);
  produce.request.abandon();
  await settle();
  for (const partition of [0, 2]) produce.ready.add(partition);
  produce.end('ready');
  await settle();
  expect(produce.appended).toEqual([1, 3, 0, 2]);
});
