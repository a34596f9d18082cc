/** The console producer at a cluster that is not ready for it yet. */
import net, { type AddressInfo } from 'node:net';
import { PassThrough } from 'node:stream';
import { main } from '../../../src/cli/main.js';
import {
  ApiKey,
  apiOf,
  decodeRequestHeader,
  encodeResponseFrame,
  ErrorCode,
  type MetadataRequest,
  type ProduceRequest,
} from '../../../src/protocol/index.js';
import { iterateBatches } from '../../../src/records/index.js';
import { eventually } from '../../support/eventually.js';

const VERSIONS = [
  { apiKey: ApiKey.Produce, minVersion: 3, maxVersion: 7 },
  { apiKey: ApiKey.Metadata, minVersion: 0, maxVersion: 5 },
  { apiKey: ApiKey.ApiVersions, minVersion: 0, maxVersion: 2 },
  { apiKey: ApiKey.InitProducerId, minVersion: 0, maxVersion: 1 },
];
const GONE = 2;

/** A partition of a Produce request. */
interface Written {
  readonly partition: number;
  readonly producerId: bigint;
  readonly baseSequence: number;
  readonly values: readonly string[];
  /** How many partitions the request had. */
  readonly among: number;
}

interface BrokerState {
  readonly isSilent?: boolean;
  readonly hasLeaderlessTopic?: boolean;
  readonly partitions?: number;
  /** As many since the first Produce. */
  readonly partitionsSince?: number;
  /** What the first Produce requests are answered; those after them are taken. */
  readonly refusals?: readonly number[];
}

/** Broker 1 of a cluster whose controller has gone, until it was asked for metadata so often. */
class LoneBroker {
  readonly written: Written[] = [];
  produced = 0;
  asked = 0;
  private producerIds = 6n;
  private readonly server = net.createServer((socket) => this.serve(socket));
  private readonly sockets = new Set<net.Socket>();

  constructor(
    private readonly goneFor: number,
    private readonly state: BrokerState = {},
  ) {}

  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    return `127.0.0.1:${this.port}`;
  }

  stop(): void {
    for (const socket of this.sockets) socket.destroy();
    this.server.close();
  }

  private get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  private serve(socket: net.Socket): void {
    let received: Buffer = Buffer.alloc(0);
    this.sockets.add(socket.on('error', () => socket.destroy()));
    socket.on('data', (bytes: Buffer) => {
      received = Buffer.concat([received, bytes]);
      while (received.length >= 4 && received.length >= 4 + received.readInt32BE(0)) {
        const frame = received.subarray(4, 4 + received.readInt32BE(0));
        received = received.subarray(4 + frame.length);
        const { apiKey, apiVersion, correlationId, bodyOffset } = decodeRequestHeader(frame);
        if (this.state.isSilent) continue;
        const request = apiOf(apiKey)!.request.decode(frame, apiVersion, bodyOffset);
        for (const chunk of encodeResponseFrame(apiKey, apiVersion, correlationId, this.answer(apiKey, request)))
          socket.write(chunk);
      }
    });
  }

  private answer(apiKey: number, request: object): object {
    switch (apiKey) {
      case ApiKey.ApiVersions:
        return { apiKeys: VERSIONS };
      case ApiKey.Metadata: {
        const replicas = { leaderId: 1, replicaNodes: [1], isrNodes: [1] };
        const errorCode = ErrorCode.LEADER_NOT_AVAILABLE;
        const { partitions: count = 1, partitionsSince } = this.state;
        const isSince = this.produced > 0 && partitionsSince !== undefined;
        const partitions = Array.from({ length: isSince ? partitionsSince : count }, (_, partitionIndex) => ({
          partitionIndex,
          ...replicas,
        }));
        const topics = [{ name: 't', partitions }];
        const leaderless = { name: 'other', partitions: [{ errorCode, partitionIndex: 0, ...replicas, leaderId: -1 }] };
        const isOfAll = !(request as MetadataRequest).topics?.length;
        return {
          // Where the other is said to be nobody listens.
          brokers: [
            { nodeId: 1, host: '127.0.0.1', port: this.port },
            { nodeId: GONE, host: '127.0.0.1', port: 1 },
          ],
          controllerId: this.asked++ < this.goneFor ? GONE : 1,
          topics: isOfAll && this.state.hasLeaderlessTopic ? [...topics, leaderless] : topics,
        };
      }
      case ApiKey.InitProducerId:
        return { producerId: ++this.producerIds, producerEpoch: 0 };
      case ApiKey.Produce:
        return this.take(request as ProduceRequest);
      default:
        throw new Error(`nobody asks for ${apiKey}`);
    }
  }

  private take({ topicData }: ProduceRequest): object {
    const errorCode = this.state.refusals?.[this.produced] ?? ErrorCode.NONE;
    this.produced++;
    const { partitionData } = topicData[0]!;
    for (const { index, records } of partitionData) {
      for (const batch of iterateBatches(records as Buffer)) {
        const { producerIdExact: producerId, baseSequence } = batch;
        const values = [...batch.records()].map(({ value }) => String(value));
        this.written.push({ partition: index, producerId, baseSequence, values, among: partitionData.length });
      }
    }
    const partitionResponses = partitionData.map(({ index }) => ({ index, errorCode, baseOffset: 0n }));
    return { responses: [{ name: 't', partitionResponses }] };
  }
}

let broker: LoneBroker;
afterEach(() => broker.stop());

/** What is typed comes piece by piece, each when all lines of those before it were sent. */
async function produce(
  args: readonly string[],
  otherServers = '',
  typed: readonly string[] = ['a line\n'],
): Promise<{ code: number; said: string }> {
  const [stdout, stderr, stdin] = [new PassThrough(), new PassThrough(), new PassThrough()];
  void type(stdin, typed);
  const address = await broker.start();
  const command = ['console-producer', '--topic', 't', '--bootstrap-server', otherServers + address, ...args];
  const code = await main(command, { stdout, stderr, stdin, env: {}, colour: false });
  return { code, said: String((stderr.read() as Buffer | null) ?? '') };
}

async function type(stdin: PassThrough, typed: readonly string[]): Promise<void> {
  let lines = 0;
  for (const piece of typed) {
    const due = lines;
    await eventually(() => broker.written.reduce((sum, { values }) => sum + values.length, 0) >= due, {
      what: `${due} lines to be sent`,
    });
    stdin.write(piece);
    lines += piece.split('\n').length - 1;
  }
  stdin.end();
}

test.each([
  ['waits for the next controller, as Kafka does', ''],
  ['also where that was the first of the servers it is told of', '127.0.0.1:1,'],
])('%s', async (_title, otherServers) => {
  broker = new LoneBroker(1);
  expect(await produce([], otherServers)).toEqual({ code: 0, said: '' });
  expect(broker.asked).toBeGreaterThan(1);
  expect(broker.produced).toBe(1);
});

test('waits no longer than --max-block-ms', async () => {
  broker = new LoneBroker(Infinity);
  const { code, said } = await produce(['--max-block-ms', '300']);
  expect(said).toMatch(/TimeoutException: Topic t not present in metadata after 300 ms/);
  expect(code).toBe(1);
  expect(broker.produced).toBe(0);
});

test('waits no longer than --max-block-ms for a server that is silent, and not for its answers either', async () => {
  broker = new LoneBroker(0, { isSilent: true });
  const { code, said } = await produce(['--max-block-ms', '300']);
  expect(said).toMatch(/TimeoutException: Topic t not present in metadata/);
  expect(code).toBe(1);
});

test('another topic without a leader is none of its business', async () => {
  broker = new LoneBroker(0, { hasLeaderlessTopic: true });
  expect(await produce([])).toEqual({ code: 0, said: '' });
  expect(broker.produced).toBe(1);
});

test('a line after one that failed is not taken for its retry', async () => {
  broker = new LoneBroker(0, { refusals: [ErrorCode.NONE, ErrorCode.MESSAGE_TOO_LARGE] });
  const { code, said } = await produce([], '', ['one\n', 'two\n', 'three\n']);
  expect(said).toMatch(/Error when sending message to topic t with key: null, value: 3 bytes/);
  expect(code).toBe(0);
  expect(broker.written.map(({ values, producerId, baseSequence }) => [...values, producerId, baseSequence])).toEqual([
    ['one', 7n, 0],
    ['two', 7n, 1],
    ['three', 8n, 0],
  ]);
});

test('each request is for one partition, so that a leader that moves takes no lines along', async () => {
  broker = new LoneBroker(0, { partitions: 4 });
  const lines = Array.from({ length: 50 }, (_, n) => `key${n}:${n}`);
  const options = ['--property', 'parse.key=true', '--property', 'key.separator=:', '--batch-size', '20'];
  expect(await produce(options, '', [`${lines.join('\n')}\n`])).toEqual({ code: 0, said: '' });
  expect(new Set(broker.written.map(({ among }) => among))).toEqual(new Set([1]));
  for (let partition = 0; partition < 4; partition++) {
    const values = broker.written.filter((batch) => batch.partition === partition).flatMap((batch) => batch.values);
    expect(values.length).toBeGreaterThan(2);
    expect(values).toEqual([...values].sort((a, b) => Number(a) - Number(b)));
  }
  expect(broker.written.flatMap(({ values }) => values).sort()).toEqual(lines.map((_, n) => String(n)).sort());
});

test('lines with a key and without keep their order in a partition', async () => {
  broker = new LoneBroker(0);
  const lines = ['a:0', '1', 'a:2', 'a:3', 'a:4', '5', 'a:6', '7'];
  const options = ['--property', 'parse.key=true', '--property', 'key.separator=:', '--property', 'ignore.error=true'];
  const typed = [`${lines.join('\n')}\n`];
  expect(await produce([...options, '--batch-size', '4'], '', typed)).toEqual({ code: 0, said: '' });
  expect(broker.written.flatMap(({ values }) => values)).toEqual(['0', '1', '2', '3', '4', '5', '6', '7']);
});

test('a line for a partition that is gone is not lost without a word', async () => {
  const { failed, taken } = await produceToFewer('all');
  expect(failed).toBeGreaterThan(0);
  expect(taken + failed).toBe(20);
});

test('nor is it with acks=0', async () => {
  const { failed } = await produceToFewer('0');
  expect(failed).toBeGreaterThan(0);
});

/** Lines for six partitions, of which two are left after the first. */
async function produceToFewer(acks: string): Promise<{ failed: number; taken: number }> {
  broker = new LoneBroker(0, { partitions: 6, partitionsSince: 2 });
  const lines = Array.from({ length: 20 }, (_, n) => `key${n}:${n}`);
  const options = ['--property', 'parse.key=true', '--property', 'key.separator=:', '--request-required-acks', acks];
  const { said } = await produce([...options, '--metadata-expiry-ms', '0'], '', [`${lines.join('\n')}\n`]);
  expect(said).toMatch(/UnknownTopicOrPartitionException/);
  const failed = said.split('\n').filter((line) => line.includes('Error when sending message')).length;
  return { failed, taken: broker.written.flatMap(({ values }) => values).length };
}

test('the lines before one that is none are sent, and none after it', async () => {
  broker = new LoneBroker(0);
  const options = ['--property', 'parse.key=true', '--property', 'key.separator=:'];
  const { code, said } = await produce(options, '', ['a:1\nb:2\nno separator\nc:3\n']);
  expect(said).toMatch(/No key separator found on line number 3: 'no separator'/);
  expect(code).toBe(1);
  expect(broker.written.flatMap(({ values }) => values)).toEqual(['1', '2']);
});

test('a batch is tried again as often as --message-send-max-retries says', async () => {
  broker = new LoneBroker(0, { refusals: Array<number>(9).fill(ErrorCode.NOT_ENOUGH_REPLICAS) });
  const { code, said } = await produce(['--message-send-max-retries', '2', '--retry-backoff-ms', '1']);
  expect(said).toMatch(/NotEnoughReplicasException/);
  expect(code).toBe(0);
  expect(broker.produced).toBe(3);
});

test('with --sync the first failure ends it', async () => {
  broker = new LoneBroker(0, { refusals: [ErrorCode.NONE, ErrorCode.MESSAGE_TOO_LARGE] });
  const { code, said } = await produce(['--sync'], '', ['one\ntwo\nthree\n']);
  expect(said).toMatch(/ExecutionException/);
  expect(code).toBe(1);
  expect(broker.written.flatMap(({ values }) => values)).toEqual(['one', 'two']);
});

test.each(['max.block.ms', 'batch.size'])('refuses a %s that is no number', async (name) => {
  broker = new LoneBroker(0);
  const { code, said } = await produce(['--producer-property', `${name}=soon`]);
  expect(said).toMatch(new RegExp(`Invalid value soon for configuration ${name}: Not a number of type (INT|LONG)`));
  expect(code).toBe(1);
});
