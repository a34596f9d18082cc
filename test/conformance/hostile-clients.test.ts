/**
 * What no sane client sends: every golden body of every API that is served, frames with bytes changed, cut, and counts blown up. Each is
 * answered or costs its connection; the broker meets no error of its own, and serves the next client.
 */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { nodeTransport, seededRandom, type Random } from '../../src/common/index.js';
import {
  ApiKey,
  apiOf,
  encodeRequestFrame,
  ErrorCode,
  fromJson,
  type JsonObject,
  type JsonValue,
  type MessageType,
  type DescribeGroupsResponse,
  type JoinGroupResponse,
  type MetadataResponse,
  type OffsetFetchResponse,
} from '../../src/protocol/index.js';
import { API_HANDLERS } from '../../src/server/index.js';
import { vastRequests } from '../support/vast-requests.js';
import { eventually } from '../support/eventually.js';
import { startOneBroker, type OneBroker } from './support/one-broker.js';

const VECTORS = path.join(__dirname, '..', '.fixtures', 'protocol', 'vectors');
/** By these a client could make itself the controller, which nothing here forbids. */
const CONTROLLER_APIS: ReadonlySet<number> = new Set([
  ApiKey.LeaderAndIsr,
  ApiKey.StopReplica,
  ApiKey.UpdateMetadata,
  ApiKey.ControlledShutdown,
]);
const MUTATIONS_EACH = 2;
const CONNECTIONS_AT_ONCE = 24;
/** More than are decoded at once. */
const ELEMENTS = 5000;

type StructShape = MessageType<object, object>['shape'];

interface Vector {
  readonly version: number;
  readonly hex: string;
}

describe('hostile clients', () => {
  let one: OneBroker;
  beforeAll(async () => {
    one = await startOneBroker({
      'offsets.topic.replication.factor': '1',
      'offsets.topic.num.partitions': '1',
      'group.initial.rebalance.delay.ms': '0',
      'controlled.shutdown.enable': 'false',
    });
  }, 20_000);
  afterAll(() => one.stop(), 20_000);

  test('offsets, times and counts beyond all that can be', async () => {
    const client = one.client('sane');
    await client.send(ApiKey.CreateTopics, 5, {
      timeoutMs: 10_000,
      topics: [{ name: 'extreme', numPartitions: 1, replicationFactor: 1 }],
    });
    const topic = { name: 'extreme', topic: 'extreme' };
    for (const value of [MAX_INT64, MAX_INT64 - 1n, -MAX_INT64 - 1n, 2n ** 53n, -(2n ** 53n)]) {
      const partition = { partition: 0, partitionIndex: 0, index: 0 };
      const requests = [
        [
          ApiKey.ListOffsets,
          7,
          { replicaId: -1, topics: [{ ...topic, partitions: [{ ...partition, timestamp: value }] }] },
        ],
        [
          ApiKey.DeleteRecords,
          1,
          { timeoutMs: 10, topics: [{ ...topic, partitions: [{ ...partition, offset: value }] }] },
        ],
        [
          ApiKey.Fetch,
          12,
          {
            replicaId: -1,
            maxBytes: MAX_INT32,
            topics: [
              {
                ...topic,
                partitions: [{ ...partition, fetchOffset: value, logStartOffset: value, partitionMaxBytes: MAX_INT32 }],
              },
            ],
          },
        ],
        [
          ApiKey.OffsetCommit,
          8,
          { groupId: 'g', topics: [{ ...topic, partitions: [{ ...partition, committedOffset: value }] }] },
        ],
      ] as const;
      for (const [apiKey, version, body] of requests) {
        expect(
          JSON.stringify(await client.send(apiKey, version, withKnownFields(apiKey, body)), bigintAsText),
        ).not.toContain('"errorCode":-1');
      }
    }
    for (const count of [2_147_483_647, 100_001]) {
      const topics = [{ name: 'vast', numPartitions: count, replicationFactor: 1 }];
      expect(await client.send<object>(ApiKey.CreateTopics, 5, { timeoutMs: 1000, topics })).toMatchObject({
        topics: [{ errorCode: ErrorCode.INVALID_PARTITIONS }],
      });
      expect(
        await client.send<object>(ApiKey.CreatePartitions, 3, {
          timeoutMs: 1000,
          topics: [{ name: 'extreme', count }],
        }),
      ).toMatchObject({ results: [{ errorCode: ErrorCode.INVALID_PARTITIONS }] });
    }
    expect(one.complaints.filter((line) => /rror /.test(line))).toEqual([]);
    client.close();
  }, 60_000);

  const apis = API_HANDLERS.map(({ api }) => api).filter(({ key }) => !CONTROLLER_APIS.has(key));

  test('requests whose work is out of proportion: thousands of elements in each array of each API, and of tags', async () => {
    const client = one.client('sane');
    const topics = [{ name: 'many', numPartitions: 50, replicationFactor: 1 }];
    await client.send(ApiKey.CreateTopics, 5, { timeoutMs: 10_000, topics });
    const described = await client.send<MetadataResponse>(ApiKey.Metadata, 12, { topics: [{ name: 'many' }] });
    const known = { topic: 'many', topicId: described.topics[0]!.topicId, partitions: 50 };
    // Another client, which is served all the time.
    let longestWaitMs = 0;
    let isOver = false;
    const other = (async (): Promise<void> => {
      while (!isOver) {
        const fromMs = performance.now();
        expect(await client.send<object>(ApiKey.ApiVersions, 0, {})).toMatchObject({ errorCode: 0 });
        longestWaitMs = Math.max(longestWaitMs, performance.now() - fromMs);
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
    })();
    let count = 0;
    let peakBytes = 0;
    for (const api of apis) {
      const { min, max } = api.advertised!;
      for (const version of new Set([max, Math.floor((min + max) / 2)])) {
        for (const naming of ['same', 'distinct', 'known'] as const) {
          for (const { body } of vastRequests(api, version, ELEMENTS, naming, known)) {
            await send(one.port, Buffer.concat(encodeRequestFrame(api.key, version, 7, 'xy', body)));
            count++;
            peakBytes = Math.max(peakBytes, process.memoryUsage().rss);
          }
        }
        if (api.requestHeaderVersion(version) < 2) continue;
        const tags = frame(api.key, version, 2, withTags(api.request.encode({}, version)));
        await send(one.port, tags);
      }
    }
    isOver = true;
    await other;
    client.close();
    expect(count).toBeGreaterThan(200);
    const wait = `another client waited for ${longestWaitMs.toFixed(0)} ms at most`;
    console.info(
      `${count} requests of ${ELEMENTS} elements: ${wait}, peak memory ${Math.round(peakBytes / 2 ** 20)} MiB`,
    );
    const errors = one.complaints.splice(0).filter((line) => /Unexpected|does not encode|Fatal/.test(line));
    expect(errors).toEqual([]);
  }, 120_000);

  test('answers that repeat one thing: each is bounded by what clients have not read, and whoever asks once is answered', async () => {
    const client = one.client('sane');
    const partitions = Array.from({ length: 50 }, (_, partitionIndex) => partitionIndex);
    await client.send(ApiKey.CreateTopics, 5, {
      timeoutMs: 10_000,
      topics: [{ name: 'repeated', numPartitions: partitions.length, replicationFactor: 1 }],
    });
    await coordinatorFor('repeated');
    const committed = { committedOffset: 5n, committedLeaderEpoch: -1, committedMetadata: 'm'.repeat(4096) };
    await client.send(ApiKey.OffsetCommit, 8, {
      groupId: 'repeated',
      topics: [
        { name: 'repeated', partitions: partitions.map((partitionIndex) => ({ partitionIndex, ...committed })) },
      ],
    });
    const member = { protocolType: 'x', protocols: [{ name: 'p', metadata: Buffer.alloc(400_000) }] };
    const timeouts = { sessionTimeoutMs: 600_000, rebalanceTimeoutMs: 1000 };
    const joining = { groupId: 'member', memberId: '', groupInstanceId: 'i', ...timeouts, ...member };
    const { memberId, generationId } = await client.send<JoinGroupResponse>(ApiKey.JoinGroup, 5, joining);
    const assignments = [{ memberId, assignment: Buffer.alloc(400_000) }];
    const synced = { groupId: 'member', generationId, memberId, groupInstanceId: 'i', assignments };
    expect(await client.send<object>(ApiKey.SyncGroup, 4, synced)).toMatchObject({ errorCode: ErrorCode.NONE });

    const times = <T>(count: number, what: T): T[] => Array.from({ length: count }, () => what);
    const allOffsets = { groupId: 'repeated', topics: null };
    const samePartition = { name: 'repeated', partitionIndexes: times(100_000, 0) };
    const broker = { resourceType: 4, resourceName: '1', configurationKeys: null };
    const documented = { includeSynonyms: true, includeDocumentation: true };
    const requests = [
      [ApiKey.OffsetFetch, 8, { groups: times(1999, allOffsets) }],
      [ApiKey.DescribeGroups, 5, { groups: times(999, 'member') }],
      [ApiKey.DescribeConfigs, 4, { resources: times(1999, broker), ...documented }],
    ] as const;
    for (const [apiKey, version, body] of requests) {
      const before = process.memoryUsage().arrayBuffers;
      let peakBytes = 0;
      const timer = setInterval(() => (peakBytes = Math.max(peakBytes, process.memoryUsage().arrayBuffers)), 5);
      const received = await receive(one.port, Buffer.concat(encodeRequestFrame(apiKey, version, 7, 'xy', body)));
      clearInterval(timer);
      expect({ api: apiOf(apiKey)!.name, received }).toEqual({ api: apiOf(apiKey)!.name, received: 0 });
      expect(one.complaints.splice(0).join()).toContain('an answer that there is no room for');
      expect(peakBytes - before).toBeLessThan(128 * 2 ** 20);
    }
    // A partition that is named again and again is answered once, as by Kafka.
    const same = { groups: [{ groupId: 'repeated', topics: [samePartition] }] };
    const once = await client.send<OffsetFetchResponse>(ApiKey.OffsetFetch, 8, same);
    expect(once.groups[0]!.topics.map(({ partitions }) => partitions.length)).toEqual([1]);
    const fetched = await client.send<OffsetFetchResponse>(ApiKey.OffsetFetch, 8, { groups: [allOffsets] });
    expect(fetched.groups[0]!.topics[0]!.partitions.map(({ partitionIndex }) => partitionIndex)).toEqual(partitions);
    const described = await client.send<DescribeGroupsResponse>(ApiKey.DescribeGroups, 5, {
      groups: ['member', 'member'],
    });
    expect(described.groups.map(({ members }) => members[0]!.memberAssignment.length)).toEqual([400_000, 400_000]);
    client.close();
  }, 60_000);

  /** Waits until there is one. */
  async function coordinatorFor(key: string): Promise<void> {
    const client = one.client('sane');
    await eventually(async () => {
      const found = await client.send<object>(ApiKey.FindCoordinator, 3, { key, keyType: 0 });
      expect(found).toMatchObject({ errorCode: ErrorCode.NONE });
      const fetched = await client.send<object>(ApiKey.OffsetFetch, 7, { groupId: key, topics: [] });
      expect(fetched).toMatchObject({ errorCode: ErrorCode.NONE });
      return true;
    });
    client.close();
  }

  const seed = Number(process.env['OTTLA_SEED'] ?? 20261121);

  test.each(apis.map((api) => [api.name, api] as const))(
    `%s, by seed ${seed}`,
    async (name, api) => {
      const random = seededRandom(seed + api.key);
      const lines = fs
        .readFileSync(path.join(VECTORS, `${api.request.name}.jsonl`), 'utf8')
        .trim()
        .split('\n');
      const frames = lines.flatMap((line) => {
        const { version, hex } = JSON.parse(line) as Vector;
        if (version < api.advertised!.min || version > api.advertised!.max) return [];
        const whole = frame(api.key, version, api.requestHeaderVersion(version), Buffer.from(hex, 'hex'));
        return [whole, ...Array.from({ length: MUTATIONS_EACH }, () => mutated(whole, random))];
      });
      expect(frames.length).toBeGreaterThan(0);
      while (frames.length > 0) {
        await Promise.all(frames.splice(0, CONNECTIONS_AT_ONCE).map((bytes) => send(one.port, bytes)));
      }
      const client = one.client('sane');
      expect(await client.send<object>(ApiKey.ApiVersions, 0, {})).toMatchObject({ errorCode: 0 });
      client.close();
      const errors = one.complaints.splice(0).filter((line) => /Unexpected|does not encode|Fatal/.test(line));
      expect({ name, errors }).toEqual({ name, errors: [] });
    },
    60_000,
  );
});

/** The body with thousands of tagged fields that nobody knows. */
function withTags(body: Buffer): Buffer {
  const tags = Buffer.alloc(ELEMENTS * 2);
  // Tag 100, of no bytes.
  for (let at = 0; at < tags.length; at += 2) tags[at] = 100;
  const count = Buffer.from([(ELEMENTS & 0x7f) | 0x80, ELEMENTS >>> 7]);
  return Buffer.concat([body.subarray(0, -1), count, tags]);
}

const MAX_INT64 = 2n ** 63n - 1n;
const MAX_INT32 = 2 ** 31 - 1;

/** Leaves out of topics and partitions what the request does not know. */
function withKnownFields(apiKey: number, body: object): object {
  const json = JSON.parse(JSON.stringify(body, bigintAsText)) as JsonValue;
  return fromJson(apiOf(apiKey)!.request, pruned(json, apiOf(apiKey)!.request.shape));
}

function pruned(value: JsonValue, shape: StructShape): JsonObject {
  const known = Object.entries(value as JsonObject).filter(([name]) => name in shape.fields);
  return Object.fromEntries(
    known.map(([name, item]) => {
      const { element } = shape.fields[name]!;
      const isStructs = typeof element === 'object' && Array.isArray(item);
      return [name, isStructs ? (item as JsonValue[]).map((each) => pruned(each, element)) : item];
    }),
  );
}

function bigintAsText(_name: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value;
}

/** With its length and header in front. */
function frame(apiKey: number, version: number, headerVersion: number, body: Buffer): Buffer {
  const header = Buffer.alloc(headerVersion === 2 ? 13 : 12);
  header.writeInt16BE(apiKey, 0);
  header.writeInt16BE(version, 2);
  header.writeInt32BE(7, 4);
  header.writeInt16BE(2, 8);
  header.write('xy', 10);
  const used = headerVersion === 0 ? 8 : header.length;
  const bytes = Buffer.concat([Buffer.alloc(4), header.subarray(0, used), body]);
  bytes.writeInt32BE(bytes.length - 4, 0);
  return bytes;
}

/** Some bytes of the body changed, or some cut out with the length set right. */
function mutated(bytes: Buffer, random: Random): Buffer {
  const copy = Buffer.from(bytes);
  const from = Math.min(14, bytes.length - 1);
  const place = (): number => from + random.nextInt(bytes.length - from);
  switch (random.nextInt(4)) {
    case 0: {
      for (let i = 0; i < 3; i++) copy[place()] = random.nextInt(256);
      return copy;
    }
    case 1: {
      const at = place();
      copy.fill(random.nextInt(2) === 0 ? 0xff : 0x7f, at, Math.min(at + 4, copy.length));
      return copy;
    }
    default: {
      const [a, b] = [place(), place()].sort((x, y) => x - y) as [number, number];
      const cut = Buffer.concat([copy.subarray(0, a), copy.subarray(b)]);
      cut.writeInt32BE(cut.length - 4, 0);
      return cut;
    }
  }
}

/** Resolves, when the connection is closed, to how many bytes have come. */
function receive(port: number, bytes: Buffer): Promise<number> {
  return new Promise((resolve) => {
    let received = 0;
    const connection = nodeTransport.connect(
      { host: '127.0.0.1', port },
      {
        onOpen: () => void connection.write([bytes]),
        onData: ({ length }) => void (received += length),
        onClose: () => resolve(received),
      },
    );
  });
}

/** Resolves when something came back, the connection was closed, or the broker evidently waits (as a long poll may). */
function send(port: number, bytes: Buffer): Promise<void> {
  return new Promise((resolve) => {
    const connection = nodeTransport.connect(
      { host: '127.0.0.1', port },
      {
        onOpen() {
          connection.write([bytes]);
          // A second request behind it must not disturb anything either.
          connection.end();
        },
        onData: () => connection.destroy(),
        onClose: () => resolve(),
      },
    );
  });
}
