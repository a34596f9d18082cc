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
} from '../../../src/protocol/index.js';

const VERSIONS = [
  { apiKey: ApiKey.Produce, minVersion: 3, maxVersion: 7 },
  { apiKey: ApiKey.Metadata, minVersion: 0, maxVersion: 5 },
  { apiKey: ApiKey.ApiVersions, minVersion: 0, maxVersion: 2 },
  { apiKey: ApiKey.InitProducerId, minVersion: 0, maxVersion: 1 },
];
const GONE = 2;

/** Broker 1 of a cluster whose controller has gone, until it was asked for metadata so often. */
class LoneBroker {
  produced = 0;
  asked = 0;
  private readonly server = net.createServer((socket) => this.serve(socket));
  private readonly sockets = new Set<net.Socket>();

  constructor(
    private readonly goneFor: number,
    private readonly state: { readonly isSilent?: boolean; readonly hasLeaderlessTopic?: boolean } = {},
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
        const topics = [{ name: 't', partitions: [{ partitionIndex: 0, ...replicas }] }];
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
        return { producerId: 7n, producerEpoch: 0 };
      case ApiKey.Produce:
        this.produced++;
        return { responses: [{ name: 't', partitionResponses: [{ index: 0, baseOffset: 0n }] }] };
      default:
        throw new Error(`nobody asks for ${apiKey}`);
    }
  }
}

let broker: LoneBroker;
afterEach(() => broker.stop());

async function produce(args: readonly string[], otherServers = ''): Promise<{ code: number; said: string }> {
  const [stdout, stderr, stdin] = [new PassThrough(), new PassThrough(), new PassThrough()];
  stdin.end('a line\n');
  const address = await broker.start();
  const command = ['console-producer', '--topic', 't', '--bootstrap-server', otherServers + address, ...args];
  const code = await main(command, { stdout, stderr, stdin, env: {}, colour: false });
  return { code, said: String((stderr.read() as Buffer | null) ?? '') };
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

test.each(['max.block.ms', 'batch.size'])('refuses a %s that is no number', async (name) => {
  broker = new LoneBroker(0);
  const { code, said } = await produce(['--producer-property', `${name}=soon`]);
  expect(said).toMatch(new RegExp(`Invalid value soon for configuration ${name}: Not a number of type (INT|LONG)`));
  expect(code).toBe(1);
});
