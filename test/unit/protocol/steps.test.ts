import { runAtOnce, type Steps } from '../../../src/common/index.js';
import {
  alterConfigsRequest,
  ApiKey,
  consumerGroupHeartbeatResponse,
  encodeResponseFrame,
  decodeResponseFrame,
  encodeResponseFrameInSteps,
  encodeResponseFrameUpTo,
  fetchRequest,
  leaderAndIsrRequest,
  leaveGroupRequest,
  ListView,
  MESSAGES,
  metadataRequest,
  offsetFetchRequest,
  produceRequest,
  ProtocolError,
  txnOffsetCommitRequest,
  type AnyMessage,
} from '../../../src/protocol/index.js';
import { FrameWriter } from '../../../src/protocol/codec/writer.js';
import { arbitraryMessage } from './arbitrary-message.js';
import { fc } from '../../support/fast-check.js';

const list = <T>(length: number, make: (at: number) => T): T[] => Array.from({ length }, (_, at) => make(at));

/** Elements of arrays, at every depth. */
function elementsOf(value: unknown): number {
  if (Buffer.isBuffer(value) || typeof value !== 'object' || value === null) return 0;
  const inner = Object.values(value).reduce<number>((sum, each) => sum + elementsOf(each), 0);
  return Array.isArray(value) ? value.length + inner : inner;
}

function stepsOf(steps: Steps<unknown>): number {
  let count = 0;
  while (!steps.next().done) count++;
  return count;
}

function framed(message: AnyMessage, value: object, version: number): Buffer {
  const writer = new FrameWriter();
  runAtOnce(message.encodeInSteps(writer, value, version));
  return Buffer.concat(writer.finish());
}

test.each([...MESSAGES.values()])(
  '$name is the same read and written in steps, within a bound, and at once',
  (message) => {
    const { min, max } = message.validVersions;
    for (let version = min; version <= max; version++) {
      fc.assert(
        fc.property(arbitraryMessage(message, version), (value) => {
          const bytes = message.encode(value, version);
          const decoded = message.decode(bytes, version);
          expect(runAtOnce(message.decodeInSteps(bytes, version))).toEqual(decoded);
          const elements = elementsOf(decoded);
          const measured = runAtOnce(message.measureInSteps(bytes, version));
          // Tagged fields count too.
          expect(measured.elements).toBeGreaterThanOrEqual(elements);
          expect(message.decodeUpTo(measured.elements, bytes, version)).toEqual(decoded);
          if (measured.elements > 0) expect(message.decodeUpTo(measured.elements - 1, bytes, version)).toBeNull();
          const frame = framed(message, value, version);
          expect(frame.readInt32BE(0)).toBe(bytes.length);
          expect(frame.subarray(4).equals(bytes)).toBe(true);
        }),
        { numRuns: 5 },
      );
    }
  },
);

test('damaged bodies of any message are measured, or refused with a ProtocolError, as they are decoded', () => {
  const versioned = fc.constantFrom(
    ...[...MESSAGES.values()].flatMap((message) =>
      list(message.validVersions.max - message.validVersions.min + 1, (at) => ({
        message,
        version: message.validVersions.min + at,
      })),
    ),
  );
  const damaged = versioned.chain(({ message, version }) =>
    fc.record({
      message: fc.constant(message),
      version: fc.constant(version),
      value: arbitraryMessage(message, version),
      changes: fc.array(fc.tuple(fc.nat({ max: 300 }), fc.constantFrom(0, 0x7f, 0x80, 0xff, 0xfe, 1, 2)), {
        minLength: 1,
        maxLength: 4,
      }),
    }),
  );
  const outcome = <T>(act: () => T): T | string => {
    try {
      return act();
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      return error.message;
    }
  };
  fc.assert(
    fc.property(damaged, ({ message, version, value, changes }) => {
      const bytes = message.encode(value, version);
      for (const [at, byte] of changes) if (at < bytes.length) bytes[at] = byte;
      const whole = outcome(() => message.decode(bytes, version));
      expect(outcome(() => runAtOnce(message.decodeInSteps(bytes, version)))).toEqual(whole);
      const measured = outcome(() => runAtOnce(message.measureInSteps(bytes, version)));
      if (typeof measured === 'object') return;
      // It is no stricter than the decoder.
      expect(typeof whole).toBe('string');
    }),
    { numRuns: 1000 },
  );
});

/** The smallest elements that messages can have. */
const LARGE: readonly (readonly [string, AnyMessage, number, object])[] = [
  [
    'a Produce of empty entries',
    produceRequest,
    9,
    { topicData: [{ name: 't', partitionData: list(5000, () => ({ index: 0, records: null })) }] },
  ],
  ['a Metadata of names', metadataRequest, 12, { topics: list(5000, (at) => ({ name: `t${at}` })) }],
  [
    'an OffsetFetch of groups without topics',
    offsetFetchRequest,
    8,
    { groups: list(5000, () => ({ groupId: '', topics: [] })) },
  ],
  [
    'a Fetch that forgets partitions',
    fetchRequest,
    12,
    { forgottenTopicsData: [{ topic: 't', partitions: list(5000, (at) => at) }] },
  ],
  [
    'a LeaderAndIsr of many replicas',
    leaderAndIsrRequest,
    5,
    { topicStates: [{ topicName: 't', partitionStates: [{ replicas: list(5000, (at) => at) }] }] },
  ],
];

describe.each(LARGE)('%s', (_what, message, version, value) => {
  const bytes = message.encode(value, version);

  test('is decoded in steps of some hundred elements', () => {
    const steps = message.decodeInSteps(bytes, version);
    expect(stepsOf(steps)).toBeGreaterThanOrEqual(Math.floor(5000 / 256));
    expect(runAtOnce(message.decodeInSteps(bytes, version))).toEqual(message.decode(bytes, version));
  });

  test('is encoded in steps of some hundred elements', () => {
    const writer = new FrameWriter();
    expect(stepsOf(message.encodeInSteps(writer, value, version))).toBeGreaterThanOrEqual(Math.floor(5000 / 256));
    expect(framed(message, value, version).subarray(4).equals(bytes)).toBe(true);
  });

  test('is not decoded within a bound of fewer elements, nor is the first of them', () => {
    expect(message.decodeUpTo(4999, bytes, version)).toBeNull();
    expect(message.decodeUpTo(6000, bytes, version)).toEqual(message.decode(bytes, version));
  });

  test('is measured in elements and in what they take in memory', () => {
    const { elements, heapBytes } = runAtOnce(message.measureInSteps(bytes, version));
    expect(elements).toBeGreaterThanOrEqual(5000);
    expect(heapBytes).toBeGreaterThanOrEqual(5000 * 8);
  });
});

test('a struct that is null is measured as what it is', () => {
  for (const [assignment, elements] of [
    [null, 0],
    [{ assignedTopicPartitions: [{ partitions: [1, 2] }] }, 3],
  ] as const) {
    const bytes = consumerGroupHeartbeatResponse.encode({ assignment }, 0);
    expect(runAtOnce(consumerGroupHeartbeatResponse.measureInSteps(bytes, 0)).elements).toBe(elements);
  }
});

test('a message that is nothing but unknown tags is read and measured in steps', () => {
  const count = 20_000;
  // A Metadata of no topics, and then tags 64 … of no bytes.
  const head = metadataRequest.encode({ topics: [] }, 12);
  const body = Buffer.alloc(count * 2);
  for (let at = 0; at < count; at++) body[at * 2] = 64;
  const bytes = Buffer.concat([head.subarray(0, -1), Buffer.from([0xa0, 0x9c, 0x01]), body]);
  expect(metadataRequest.decode(bytes, 12)).toEqual(metadataRequest.decode(head, 12));
  expect(metadataRequest.decodeUpTo(count - 1, bytes, 12)).toBeNull();
  expect(stepsOf(metadataRequest.decodeInSteps(bytes, 12))).toBeGreaterThanOrEqual(Math.floor(count / 256));
  expect(stepsOf(metadataRequest.measureInSteps(bytes, 12))).toBeGreaterThanOrEqual(Math.floor(count / 4096));
});

test('a known tag that is repeated is read in steps', () => {
  const count = 5000;
  const head = fetchRequest.encode({}, 12);
  // Tag 0 is the cluster id: null each time.
  const body = Buffer.alloc(count * 3);
  for (let at = 0; at < count; at++) body[at * 3 + 1] = 1;
  const bytes = Buffer.concat([head.subarray(0, -1), Buffer.from([0x88, 0x27]), body]);
  expect(stepsOf(fetchRequest.decodeInSteps(bytes, 12))).toBeGreaterThanOrEqual(Math.floor(count / 256));
  expect(runAtOnce(fetchRequest.decodeInSteps(bytes, 12))).toEqual(fetchRequest.decode(bytes, 12));
  expect(fetchRequest.decodeUpTo(count - 1, bytes, 12)).toBeNull();
});

describe('long names, by which maps become lists', () => {
  const named = (count: number, length: number): Buffer =>
    metadataRequest.encode(
      { topics: Array.from({ length: count }, (_, at) => ({ name: String(at).padStart(length, 'x') })) },
      12,
    );

  test('are taken in a request of few elements, and not in one of many', () => {
    const refusal = 'a name longer than any topic has';
    for (const [count, length] of [
      [4, 32_767],
      [16, 8192],
      [2000, 300],
    ] as const) {
      expect(metadataRequest.decodeUpTo(2000, named(count, length), 12)!.topics).toHaveLength(count);
    }
    for (const [count, length] of [
      [5, 32_767],
      [16, 8193],
      [436, 301],
    ] as const) {
      expect(() => metadataRequest.decodeUpTo(2000, named(count, length), 12)).toThrow(refusal);
    }
    expect(metadataRequest.decodeUpTo(16, named(17, 8193), 12)).toBeNull();
    expect(runAtOnce(metadataRequest.decodeInSteps(named(3000, 300), 12)).topics).toHaveLength(3000);
    expect(() => runAtOnce(metadataRequest.decodeInSteps(named(3000, 301), 12))).toThrow(refusal);
  });

  test('are no values: a configuration may list thousands of replicas', () => {
    const resources = Array.from({ length: 50 }, (_, at) => ({
      resourceType: 2,
      resourceName: `t${at}`,
      configs: [{ name: 'leader.replication.throttled.replicas', value: '1:2,'.repeat(8000) }],
    }));
    const bytes = alterConfigsRequest.encode({ resources, validateOnly: false }, 2);
    expect(runAtOnce(alterConfigsRequest.decodeInSteps(bytes, 2))).toEqual(alterConfigsRequest.decode(bytes, 2));
    // 256 KiB of such values are read in one go, and some 256 in a step.
    const few = alterConfigsRequest.encode({ resources: resources.slice(0, 8), validateOnly: false }, 2);
    expect(alterConfigsRequest.decodeUpTo(2000, few, 2)).toEqual(alterConfigsRequest.decode(few, 2));
    expect(alterConfigsRequest.decodeUpTo(2000, bytes, 2)).toBeNull();
    expect(stepsOf(alterConfigsRequest.decodeInSteps(bytes, 2))).toBeGreaterThan(5);
  });

  test('are no names that a message has once: a transactional id of a thousand characters commits many offsets', () => {
    const topics = [{ name: 't', partitions: list(3000, (partitionIndex) => ({ partitionIndex })) }];
    const own = { transactionalId: 'x'.repeat(1000), memberId: 'm'.repeat(1000), groupInstanceId: 'i'.repeat(1000) };
    const commitOf = (more: object): Buffer =>
      txnOffsetCommitRequest.encode({ groupId: 'g', topics, ...own, ...more }, 3);
    expect(runAtOnce(txnOffsetCommitRequest.decodeInSteps(commitOf({}), 3))).toMatchObject(own);
    expect(txnOffsetCommitRequest.decodeUpTo(5000, commitOf({}), 3)).toMatchObject(own);
    const groupId = 'g'.repeat(1000);
    expect(() => txnOffsetCommitRequest.decodeUpTo(5000, commitOf({ groupId }), 3)).toThrow('a name longer');
    const members = list(3000, (at) => ({ memberId: `${at}`.padStart(301, 'x') }));
    const leave = leaveGroupRequest.encode({ groupId: 'g', members }, 4);
    expect(() => runAtOnce(leaveGroupRequest.decodeInSteps(leave, 4))).toThrow('a name longer');
  });
});

describe('a large answer', () => {
  const answer = {
    responses: list(40, (topic) => ({
      topic: `topic-${topic}`,
      partitions: list(250, (partitionIndex) => ({
        partitionIndex,
        highWatermark: 5n,
        records: Buffer.alloc(partitionIndex % 50 === 0 ? 5000 : 20, topic),
      })),
    })),
  };
  const whole = Buffer.concat(encodeResponseFrame(ApiKey.Fetch, 12, 7, answer));

  test('is the same frame in steps, in pieces of some hundred KiB beside the records', () => {
    const pieces = runAtOnce(encodeResponseFrameInSteps(ApiKey.Fetch, 12, 7, answer));
    expect(Buffer.concat(pieces).equals(whole)).toBe(true);
    expect(pieces.filter(({ length }) => length === 5000)).toHaveLength(200);
    expect(Math.max(...pieces.map(({ length }) => length))).toBeLessThan(512 * 1024);
  });

  test('is put away while it is written: no step copies what was written before', () => {
    const writer = new FrameWriter();
    const steps = MESSAGES.get('FetchResponse')!.encodeInSteps(writer, answer, 12);
    const buffers = new Set<Buffer>();
    do buffers.add(writer.buffer);
    while (!steps.next().done);
    for (const { length } of buffers) expect(length).toBeLessThanOrEqual(512 * 1024);
  });

  test('is not begun with within a bound of fewer elements, nor one of many bytes, and the next one is written whole', () => {
    expect(encodeResponseFrameUpTo(39, ApiKey.Fetch, 12, 7, answer)).toBeNull();
    expect(encodeResponseFrameUpTo(2000, ApiKey.Fetch, 12, 7, answer)).toBeNull();
    expect(encodeResponseFrameUpTo(20_000, ApiKey.Fetch, 12, 7, answer)).toBeNull();
    const smaller = { responses: answer.responses.slice(0, 10) };
    const frame = Buffer.concat(encodeResponseFrameUpTo(20_000, ApiKey.Fetch, 12, 7, smaller)!);
    expect(frame.equals(Buffer.concat(encodeResponseFrame(ApiKey.Fetch, 12, 7, smaller)))).toBe(true);
  });

  test('tells after each step by how much it has grown, with what it refers to', () => {
    const grown: number[] = [];
    runAtOnce(encodeResponseFrameInSteps(ApiKey.Fetch, 12, 7, answer, (bytes) => grown.push(bytes)));
    expect(grown.reduce((sum, bytes) => sum + bytes)).toBe(whole.length);
    expect(Math.max(...grown)).toBeLessThan(64 * 1024);
  });

  test('of few elements with many bytes is written in steps that copy little, and refers to the rest', () => {
    const members = list(200, (member) => ({
      memberId: `m${member}`,
      groupInstanceId: 'i'.repeat(30_000),
      memberMetadata: Buffer.alloc(100_000, member),
      memberAssignment: Buffer.alloc(10, member),
    }));
    const described = { groups: [{ groupId: 'g', members }] };
    expect(encodeResponseFrameUpTo(20_000, ApiKey.DescribeGroups, 5, 7, described)).toBeNull();
    const copied: number[] = [];
    const steps = encodeResponseFrameInSteps(ApiKey.DescribeGroups, 5, 7, described, (bytes) => copied.push(bytes));
    const pieces = runAtOnce(steps);
    expect(copied.length).toBeGreaterThan(20);
    expect(pieces.filter((piece) => members.some(({ memberMetadata }) => piece === memberMetadata))).toHaveLength(200);
    const frame = Buffer.concat(encodeResponseFrame(ApiKey.DescribeGroups, 5, 7, described));
    expect(Buffer.concat(pieces).equals(frame)).toBe(true);
  });

  test('says the first part of a sentence that no string has room for, instead of not being given at all', () => {
    const results = [10_000, 32_767, 32_768, 5_000_000].map((length) => ({
      errorCode: 1,
      errorMessage: 'é'.repeat(length),
    }));
    const frame = Buffer.concat(encodeResponseFrame(ApiKey.CreatePartitions, 3, 7, { results })).subarray(4);
    const { body } = decodeResponseFrame(ApiKey.CreatePartitions, 3, frame);
    const texts = (body as { results: { errorMessage: string }[] }).results.map(({ errorMessage }) => errorMessage);
    expect(texts[0]).toBe(results[0]!.errorMessage);
    for (const [at, length] of [32_767, 32_768, 5_000_000].entries()) {
      expect(texts[at + 1]).toBe(`${'é'.repeat(10_000)}... (${length} characters)`);
    }
  });
});

test('a list whose elements are made when they are written is written as an array is, and each is made once', () => {
  const made: number[] = [];
  const elementOf = (index: number): { index: number; errorCode: number } => ({ index, errorCode: index % 3 });
  const viewed = ListView.of(5000, (at) => {
    made.push(at);
    return elementOf(at);
  });
  const body = (partitionResponses: object): object => ({ responses: [{ name: 't', partitionResponses }] });
  const whole = Buffer.concat(encodeResponseFrame(ApiKey.Produce, 9, 7, body(list(5000, elementOf))));
  expect(encodeResponseFrameUpTo(4999, ApiKey.Produce, 9, 7, body(viewed))).toBeNull();
  expect(made).toEqual([]);
  const inSteps = Buffer.concat(runAtOnce(encodeResponseFrameInSteps(ApiKey.Produce, 9, 7, body(viewed))));
  expect([inSteps.equals(whole), made]).toEqual([true, list(5000, (at) => at)]);
  const within = encodeResponseFrameUpTo(6000, ApiKey.Produce, 9, 7, body(viewed));
  expect(Buffer.concat(within!).equals(whole)).toBe(true);
});
