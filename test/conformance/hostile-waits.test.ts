/** Requests of thousands of elements whose senders let them wait for days: what they keep others from. */
import * as net from 'node:net';
import {
  ApiKey,
  encodeRequestFrame,
  type CreateTopicsResponse,
  type ProduceResponse,
} from '../../src/protocol/index.js';
import { BatchBuilder } from '../../src/records/index.js';
import { startOneBroker, type OneBroker } from './support/one-broker.js';

const DAYS_MS = 2_000_000_000;
const REFUSED = 2500;

/** One topic that never gets a leader, for its replica is on a broker that is not there; and others that are refused, to fill the frame. */
function waitingCreateTopics(clientId: string, topic: string, bytes: number): Buffer {
  const refused = { name: 'd'.repeat(Math.floor(bytes / REFUSED) - 12), numPartitions: 1, replicationFactor: 1 };
  const topics = [
    { name: topic, numPartitions: -1, replicationFactor: -1, assignments: [{ brokerIds: [999] }] },
    ...Array.from({ length: REFUSED }, () => refused),
  ];
  return Buffer.concat(encodeRequestFrame(ApiKey.CreateTopics, 5, 1, clientId, { timeoutMs: DAYS_MS, topics }));
}

function sendFrom(port: number, frame: Buffer): Promise<net.Socket> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(port, '127.0.0.1', () => socket.write(frame, () => resolve(socket)));
    socket.once('error', reject);
  });
}

function produceOf(topic: string, bytes: number): object {
  const builder = new BatchBuilder();
  builder.append({ timestamp: 1, key: null, value: Buffer.alloc(bytes), headers: [] });
  const topicData = [{ name: topic, partitionData: [{ index: 0, records: builder.build() }] }];
  return { acks: 1, timeoutMs: 1000, topicData };
}

describe('a stranger whose large requests wait for days', () => {
  let one: OneBroker;
  const sockets: net.Socket[] = [];

  beforeAll(async () => {
    one = await startOneBroker({ 'controlled.shutdown.enable': 'false' });
  });

  afterAll(async () => {
    for (const socket of sockets) socket.destroy();
    await one.stop();
  });

  const create = (name: string, numPartitions: number): Promise<CreateTopicsResponse> =>
    one
      .client('honest')
      .send(ApiKey.CreateTopics, 5, { timeoutMs: 15_000, topics: [{ name, numPartitions, replicationFactor: 1 }] });

  test.each(['stranger', 'broker-7-fetcher-0'])(
    'as %s keeps no one from the memory of requests',
    async (clientId) => {
      await create(`topic-of-${clientId}`, 1);
      // More than the whole part of the class, and a part of it besides.
      for (const bytes of [30e6, 8e6, 1e6]) {
        sockets.push(await sendFrom(one.port, waitingCreateTopics(clientId, `${clientId}-${bytes}`, bytes)));
      }
      for (const bytes of [30_000, 100_000, 900_000]) {
        const produced = await one
          .client('honest')
          .send<ProduceResponse>(ApiKey.Produce, 8, produceOf(`topic-of-${clientId}`, bytes));
        expect(produced.responses[0]!.partitionResponses[0]!.errorCode).toBe(0);
      }
      const { topics } = await create(`large-of-${clientId}`, 700);
      expect(topics[0]!.errorCode).toBe(0);
    },
    60_000,
  );
});
