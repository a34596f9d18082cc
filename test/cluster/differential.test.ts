/**
 * The same random requests put to a broker of Kafka and to one of ours, one after another, and every field of the answers compared
 * (but ids, ports and times, see `Interpreter`). The seed is printed; OTTLA_TEST_SEED sets it, OTTLA_TEST_STEPS how many requests.
 */
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { seededRandom } from '../../src/common/index.js';
import {
  ApiKey,
  APIS,
  ErrorCode,
  fromJson,
  toJson,
  type CreateTopicsResponse,
  type JsonObject,
  type JsonValue,
  type MetadataResponse,
} from '../../src/protocol/index.js';
import { BrokerProcess } from './support/broker-process.js';
import { eventually, pause } from '../support/eventually.js';
import { portBase } from '../support/ports.js';
import { RandomRequests, type Known, type RandomRequest } from './support/random-requests.js';
import { Interpreter, type Exchange } from './support/recorded-exchanges.js';
import { ask } from './support/wire-client.js';
import { describeIfJava, ZooKeeperEnsemble } from '../support/zookeeper-ensemble.js';

const MINUTES = 60_000;
const SEED = Number(process.env['OTTLA_TEST_SEED'] ?? 1);
const STEPS = Number(process.env['OTTLA_TEST_STEPS'] ?? 1_500);
/** Records are made out to be this old, so that times given by the brokers stand out. */
const AGE_MS = 3 * 3_600_000;
const SETTINGS = {
  'auto.create.topics.enable': 'false',
  'offsets.topic.num.partitions': 2,
  'offsets.topic.replication.factor': 1,
  'group.initial.rebalance.delay.ms': 0,
  'num.partitions': 2,
};

const describeWithJava = describeIfJava('comparing with Kafka needs Java for it and for ZooKeeper.');

describeWithJava('random requests', () => {
  let zookeeper: ZooKeeperEnsemble;
  let kafka: BrokerProcess;
  let ottla: BrokerProcess;

  beforeAll(async () => {
    zookeeper = await ZooKeeperEnsemble.start({ basePort: portBase(), members: 1 });
    const brokerOf = (kind: 'kafka' | 'ottla', port: number): BrokerProcess => {
      const dir = path.join(zookeeper.dir, kind);
      mkdirSync(dir, { recursive: true });
      const zookeeperConnect = `${zookeeper.connect}/${kind}`;
      return new BrokerProcess({ id: 1, port, dir, zookeeperConnect, kind, properties: SETTINGS });
    };
    kafka = brokerOf('kafka', portBase() + 51);
    ottla = brokerOf('ottla', portBase() + 52);
    await Promise.all([kafka.start(), ottla.start()]);
    for (const { port } of [kafka, ottla]) {
      await eventually(async () => {
        const { controllerId } = await ask<MetadataResponse>(port, ApiKey.Metadata, 9, { topics: [] });
        return controllerId === 1;
      });
      await untilAnswered(port, ApiKey.FindCoordinator, 0, { key: 'g' });
      await untilAnswered(port, ApiKey.InitProducerId, 4, { transactionalId: null, transactionTimeoutMs: 1_000 });
    }
  }, 2 * MINUTES);

  afterAll(async () => {
    await Promise.all([kafka?.kill(), ottla?.kill()]);
    await zookeeper?.stop();
  }, MINUTES);

  test(
    `of seed ${SEED} are answered by both alike`,
    async () => {
      const known: Known = { members: new Map(), topicIds: new Map(), generations: new Map() };
      const requests = new RandomRequests(seededRandom(SEED), known, Date.now() - AGE_MS);
      const interpreter = new Interpreter([]);
      const differences: unknown[] = [];
      const answered = new Map<string, number>();
      for (let step = 0; step < STEPS && differences.length < 5; step++) {
        const request = requests.next();
        const exchange = exchangeOf(request);
        const asTheirs = fromJson(apiNamed(request.api).request, request.body);
        let theirs = await answerOf(kafka, exchange, asTheirs);
        const asOurs = interpreter.request(exchange, apiNamed(request.api));
        let ours = await answerOf(ottla, exchange, asOurs);
        let { expected, actual } = interpreter.compare(theirs, ours);
        // What was made just before need not be known everywhere yet.
        for (let tries = 0; READING.has(request.api) && tries < 40 && !isSame(expected, actual); tries++) {
          await pause(50);
          theirs = await answerOf(kafka, exchange, asTheirs);
          ours = await answerOf(ottla, exchange, asOurs);
          ({ expected, actual } = interpreter.compare(theirs, ours));
        }
        learn(known, request, theirs);
        answered.set(request.api, (answered.get(request.api) ?? 0) + 1);
        if (!isSame(expected, actual)) {
          differences.push({ step, request, expected, actual });
        }
        if (request.api === 'DeleteTopics')
          await Promise.all([kafka, ottla].map(({ port }) => untilDeleted(port, theirs)));
        if (CHANGING_TOPICS.has(request.api)) await untilBothKnow();
      }
      expect(differences).toEqual([]);
      expect(answered.size).toBeGreaterThan(20);
    },
    3 * MINUTES,
  );

  /** The brokers hear of topics after the requests that changed them were answered. */
  async function untilBothKnow(): Promise<void> {
    const topicsOf = async ({ port }: BrokerProcess): Promise<string> => {
      const { topics } = await ask<MetadataResponse>(port, ApiKey.Metadata, 9, { topics: null });
      const lines = topics.map(({ name, partitions }) =>
        [name, ...partitions.map(({ leaderId, partitionIndex }) => `${partitionIndex}:${leaderId}`).sort()].join(' '),
      );
      return lines.sort().join('\n');
    };
    await eventually(async () => (await topicsOf(kafka)) === (await topicsOf(ottla)), {
      timeoutMs: 10_000,
      what: 'both brokers to have the same topics',
    });
  }

  function exchangeOf({ api, version, body }: RandomRequest): Exchange {
    return { category: 'random', name: api, api, version, request: body, response: null };
  }

  async function answerOf(broker: BrokerProcess, { api, version }: Exchange, body: object): Promise<JsonValue> {
    const description = apiNamed(api!);
    try {
      const answer = await ask<object>(broker.port, description.key, version!, body);
      return toJson(description.response, answer, version!);
    } catch (error) {
      // That a connection is closed is an answer too.
      return { failed: (error as Error).message };
    }
  }
});

const CHANGING_TOPICS = new Set(['CreateTopics', 'DeleteTopics', 'CreatePartitions']);
/** May be asked again. */
const READING = new Set(['Metadata', 'DescribeConfigs', 'ListOffsets', 'DescribeGroups', 'ListGroups']);

function isSame(one: JsonValue, other: JsonValue): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

function apiNamed(name: string): (typeof APIS)[number] {
  return APIS.find((api) => api.name === name)!;
}

async function untilAnswered(port: number, apiKey: number, version: number, body: object): Promise<void> {
  await eventually(
    async () => (await ask<{ errorCode: number }>(port, apiKey, version, body)).errorCode === ErrorCode.NONE,
  );
}

/** A topic's znodes go after its deletion was answered. */
async function untilDeleted(port: number, answer: JsonValue): Promise<void> {
  const { responses = [] } = answer as unknown as { responses?: { name: string | null; errorCode: number }[] };
  for (const { name, errorCode } of responses) {
    if (name === null || errorCode !== ErrorCode.NONE) continue;
    await eventually(async () => {
      const topics = [{ name, numPartitions: 1, replicationFactor: 1 }];
      const { topics: results } = await ask<CreateTopicsResponse>(port, ApiKey.CreateTopics, 5, {
        topics,
        validateOnly: true,
      });
      return results[0]!.errorCode !== ErrorCode.TOPIC_ALREADY_EXISTS;
    });
  }
}

function learn({ members, topicIds, generations }: Known, { api, body }: RandomRequest, answer: JsonValue): void {
  const { topics = [], ...rest } = answer as { topics?: { name?: string; topicId?: string }[] } & JsonObject;
  for (const { name, topicId } of topics) {
    if (name && topicId && !/^A+$/.test(topicId)) topicIds.set(name, topicId);
  }
  if (api !== 'JoinGroup') return;
  const groupId = body['groupId'] as string;
  const { errorCode, memberId, generationId } = rest as {
    errorCode?: number;
    memberId?: string;
    generationId?: number;
  };
  const isOver = errorCode === ErrorCode.UNKNOWN_MEMBER_ID || errorCode === ErrorCode.FENCED_INSTANCE_ID;
  if (body['memberId'] === 'nobody') return;
  if (isOver) members.delete(groupId);
  else if (memberId) members.set(groupId, [...(members.get(groupId) ?? []), memberId]);
  if (errorCode === ErrorCode.NONE && generationId) generations.set(groupId, generationId);
}
