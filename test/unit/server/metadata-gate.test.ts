/** What a broker that has just started answers before the controller has told it of the cluster: nothing. */
import { silentLogger } from '../../../src/common/index.js';
import { SimulatedClock } from '../../../src/testing/index.js';
import type { Request } from '../../../src/network/index.js';
import { ApiKey } from '../../../src/protocol/index.js';
import {
  FIRST_TOPICS_WITHIN_MS,
  MAX_HOLD_MS,
  MetadataGate,
  TOPICS_WITHIN_MS,
} from '../../../src/server/metadata-gate.js';
import { frameOf, requestOf } from './request-of.js';

class Lab {
  readonly clock = new SimulatedClock();
  readonly warnings: unknown[] = [];
  readonly handedOut: number[] = [];
  readonly closed: string[] = [];
  memoryLetGo = 0;
  /** Topics that have had a leader, or what keeps it from being known. */
  led: readonly string[] | Error = [];
  asked = 0;
  private topics: readonly string[] = [];
  private brokers: readonly { id: number; rack: null }[] = [];
  private listener = (): void => undefined;
  readonly gate = new MetadataGate({
    metadata: {
      hasTopic: (topic) => this.topics.includes(topic),
      aliveBrokers: () => this.brokers,
      onUpdate: (listener) => {
        this.listener = listener;
        return () => true;
      },
    },
    clock: this.clock,
    logger: { ...silentLogger, warn: (_sentence, fields) => void this.warnings.push(fields) },
    everLed: (topics) => {
      this.asked++;
      if (this.led instanceof Error) return Promise.reject(this.led);
      const led = this.led;
      return Promise.resolve(topics.filter((topic) => led.includes(topic)));
    },
    handOut: (request) => this.handOut(request),
    handOutHeld: (request) => request.handOutHeld((held) => this.handOut(held)),
  });

  /** Its frame is there to be decoded. */
  private handOut({ frame, header }: Request): void {
    if (frame.length > 0) this.handedOut.push(header.apiKey);
  }

  /** The controller tells of a broker and of these topics. */
  async tell(...topics: string[]): Promise<void> {
    this.brokers = [{ id: 1, rack: null }];
    this.topics = topics;
    this.listener();
    await this.clock.advance(0);
  }

  send(apiKey: number, clientId = 'c'): Request {
    const frame = frameOf(apiKey, 0, {}, clientId);
    const request = requestOf(frame, {
      answered: () => undefined,
      refused: (reason) => void this.closed.push(reason),
    });
    this.gate.pass(request);
    request.handedOut({ releaseMemory: () => void this.memoryLetGo++, end: () => undefined });
    return request;
  }
}

test('holds a client back until the controller has told of every topic, not only of brokers', async () => {
  const lab = new Lab();
  lab.led = ['orders', 'payments'];
  lab.gate.expect(['orders', 'payments']);
  lab.send(ApiKey.Metadata);
  await lab.tell();
  await lab.tell('orders');
  expect([lab.handedOut, lab.memoryLetGo]).toEqual([[], 0]);
  await lab.tell('orders', 'payments');
  lab.send(ApiKey.FindCoordinator);
  expect([lab.handedOut, lab.memoryLetGo]).toEqual([[ApiKey.Metadata, ApiKey.FindCoordinator], 2]);
});

test('lets the controller, followers and questions for versions pass', () => {
  const lab = new Lab();
  lab.gate.expect(['orders']);
  lab.send(ApiKey.UpdateMetadata);
  lab.send(ApiKey.Fetch, 'broker-2-fetcher-0');
  lab.send(ApiKey.ApiVersions);
  lab.send(ApiKey.Fetch, 'consumer');
  expect(lab.handedOut).toEqual([ApiKey.UpdateMetadata, ApiKey.Fetch, ApiKey.ApiVersions]);
});

test('lets clients go elsewhere when no controller tells it of anything', async () => {
  const lab = new Lab();
  lab.gate.expect([]);
  lab.send(ApiKey.Metadata);
  await lab.clock.advance(MAX_HOLD_MS);
  expect([lab.handedOut, lab.closed]).toEqual([[], [expect.stringMatching('no controller')]]);
});

test('does not wait for long for topics that no controller tells of, such as one whose znodes cannot be read', async () => {
  const lab = new Lab();
  lab.led = ['damaged', 'orders'];
  lab.gate.expect(['damaged', 'orders']);
  await lab.tell('orders');
  lab.send(ApiKey.Metadata);
  await lab.clock.advance(TOPICS_WITHIN_MS);
  expect(lab.handedOut).toEqual([ApiKey.Metadata]);
  expect(lab.warnings).toEqual([{ count: 1, topics: ['damaged'] }]);
});

test('waits for the first topics longer than for the rest: a new controller may be slow to read them', async () => {
  const lab = new Lab();
  lab.led = ['damaged', 'orders', 'payments'];
  lab.gate.expect(['damaged', 'orders', 'payments']);
  await lab.tell();
  await lab.clock.advance(FIRST_TOPICS_WITHIN_MS - 1);
  lab.send(ApiKey.Metadata);
  await lab.tell('orders');
  await lab.clock.advance(TOPICS_WITHIN_MS - 1);
  await lab.tell('orders', 'payments');
  await lab.clock.advance(TOPICS_WITHIN_MS - 1);
  expect([lab.handedOut, lab.warnings]).toEqual([[], []]);
  await lab.clock.advance(1);
  expect(lab.handedOut).toEqual([ApiKey.Metadata]);
});

test('serves in the end where no controller can tell of any topic', async () => {
  const lab = new Lab();
  lab.led = ['damaged'];
  lab.gate.expect(['damaged']);
  await lab.tell();
  await lab.clock.advance(FIRST_TOPICS_WITHIN_MS);
  lab.send(ApiKey.Metadata);
  expect(lab.handedOut).toEqual([ApiKey.Metadata]);
});

test('forgets a client that has gone', async () => {
  const lab = new Lab();
  lab.gate.expect(['orders']);
  const request = lab.send(ApiKey.Metadata);
  request.abandon();
  await lab.tell('orders');
  expect([request.isEnded, lab.handedOut]).toEqual([true, []]);
});

test('is told of no topics by ZooKeeper that are being deleted', async () => {
  const lab = new Lab();
  await lab.gate.expectTopicsOf({
    topics: { topics: () => Promise.resolve(['orders', 'going']) },
    deletions: { topicDeletions: () => Promise.resolve(['going']) },
  } as unknown as Parameters<MetadataGate['expectTopicsOf']>[0]);
  lab.send(ApiKey.Metadata);
  await lab.tell('orders');
  expect(lab.handedOut).toEqual([ApiKey.Metadata]);
});

// Anyone may make one: CreateTopics with an assignment to a broker that is not there.
test('does not wait for a topic that no broker has ever led', async () => {
  const lab = new Lab();
  lab.led = ['orders'];
  lab.gate.expect(['orders', 'nowhere']);
  lab.send(ApiKey.Metadata);
  await lab.tell();
  expect([lab.handedOut, lab.asked]).toEqual([[], 0]);
  await lab.tell('orders');
  expect([lab.handedOut, lab.asked]).toEqual([[ApiKey.Metadata], 1]);
});

test('does not wait for long where no topic has ever been led', async () => {
  const lab = new Lab();
  lab.gate.expect(['nowhere']);
  await lab.tell();
  lab.send(ApiKey.Metadata);
  await lab.clock.advance(TOPICS_WITHIN_MS);
  expect([lab.handedOut, lab.warnings]).toEqual([[ApiKey.Metadata], []]);
});

test('waits for all topics when ZooKeeper does not say which were led', async () => {
  const lab = new Lab();
  lab.led = new Error('the session has ended');
  lab.gate.expect(['orders', 'payments']);
  lab.send(ApiKey.Metadata);
  await lab.tell('orders');
  expect(lab.handedOut).toEqual([]);
  await lab.tell('orders', 'payments');
  expect(lab.handedOut).toEqual([ApiKey.Metadata]);
});

test('hands a crowd that waited out in slices, and what comes meanwhile beside it', async () => {
  const lab = new Lab();
  lab.gate.expect(['orders']);
  for (let count = 0; count < 1000; count++) lab.send(ApiKey.Metadata);
  const telling = lab.tell('orders');
  // Of the next turn, as what has been read from other connections.
  lab.clock.defer(() => void lab.send(ApiKey.FindCoordinator));
  await telling;
  expect(lab.handedOut).toHaveLength(1001);
  expect(lab.handedOut.indexOf(ApiKey.FindCoordinator)).toBeLessThan(1000);
});
