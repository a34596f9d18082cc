/**
 * Single requests as they were once put to Kafka 3.6.1 (test/.fixtures/reference/behaviour), put to broker processes of ours in the
 * same order over raw sockets, and every field of the answers compared. Only what the interpreter of the recording lists may differ:
 * ids and ports (the same thing must keep its id), times, and the order among equals; and what the tables below give a reason for.
 */
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import {
  ApiKey,
  apiOf,
  decodeResponseFrame,
  encodeRequestFrame,
  ErrorCode,
  toJson,
  type ApiDescription,
  type ApiVersionsResponse,
  type JsonObject,
  type JsonValue,
  type MetadataResponse,
} from '../../src/protocol/index.js';
import { BatchBuilder, type Compression } from '../../src/records/index.js';
import { BrokerProcess } from './support/broker-process.js';
import { eventually } from '../support/eventually.js';
import { portBase } from '../support/ports.js';
import { OttlaCluster } from './support/ottla-cluster.js';
import {
  apiOfRecording,
  Interpreter,
  recordedExchanges,
  recordedVersions,
  type Exchange,
} from './support/recorded-exchanges.js';
import { ask, WireClient } from './support/wire-client.js';
import { describeIfJava } from '../support/zookeeper-ensemble.js';

/** The recorded broker's. */
const SETTINGS = {
  'socket.request.max.bytes': 500_000,
  'connections.max.idle.ms': 6_000,
  'message.max.bytes': 100_000,
  'group.min.session.timeout.ms': 1_000,
  'transaction.max.timeout.ms': 60_000,
  'num.partitions': 2,
  'offsets.topic.num.partitions': 2,
  // Some partitions have replicas on brokers that never were: nobody could lead them instead.
  'controlled.shutdown.max.retries': 1,
  'controlled.shutdown.retry.backoff.ms': 100,
};

/** APIs of the recording that this broker does not offer. What does come to be offered is compared from then on. */
const NOT_OFFERED = new Set([
  'SaslHandshake',
  'Envelope',
  'SaslAuthenticate',
  'CreateAcls',
  'DeleteAcls',
  'RenewDelegationToken',
  'ExpireDelegationToken',
  'DescribeDelegationToken',
  'WriteTxnMarkers',
  'AddPartitionsToTxn',
  'AddOffsetsToTxn',
  'EndTxn',
  'TxnOffsetCommit',
  'DescribeTransactions',
  'ListTransactions',
  'DescribeProducers',
  'AlterPartitionReassignments',
  'ListPartitionReassignments',
  'DescribeAcls',
  'DescribeLogDirs',
  'AlterReplicaLogDirs',
  'DescribeClientQuotas',
  'AlterClientQuotas',
  'DescribeUserScramCredentials',
  'AlterUserScramCredentials',
  'UpdateFeatures',
  'CreateDelegationToken',
]);

const HAS_TRANSACTIONS = !NOT_OFFERED.has('AddPartitionsToTxn');
/** FindCoordinator's key type. */
const TRANSACTION = 1;

/** Answers that differ from Kafka's, by `category: name`, and why. */
const DIFFERENCES = new Map([
  ['produce: magic 1 at produce v2', 'formats of before 0.11 are refused (UNSUPPORTED_VERSION), not converted'],
  ['produce: magic 0 at produce v0', 'formats of before 0.11 are refused (UNSUPPORTED_VERSION), not converted'],
  ['produce: magic 1 gzip at produce v2', 'formats of before 0.11 are refused (UNSUPPORTED_VERSION), not converted'],
  ['fetch: v0', 'nothing is converted down to formats of before 0.11 (UNSUPPORTED_VERSION)'],
  ['fetch: v3 (down conversion)', 'nothing is converted down to formats of before 0.11 (UNSUPPORTED_VERSION)'],
  ['fetch: v10 fetch of a topic with compression.type=zstd', 'other libraries compress to other sizes'],
]);

/** Recorded in the moment before the controller had told a broker that had started again about its topics. */
const OF_A_MOMENT = new Set([
  'after restart: fetch with fenced epoch 0',
  'after restart: metadata leader epoch',
  'after restart: offset for leader epoch 0',
]);

/** A topic that a request had made just before, and that was not known everywhere yet when this was recorded. */
const NOT_YET_THERE = new Map([
  ['metadata: null topics v1', 'auto3'],
  ['metadata: empty topics v0', 'auto3'],
]);

/** What Kafka had converted these to: appended in their place, so that later offsets and sizes are those of the recording. */
const CONVERTED: ReadonlyMap<string, { records: number; compression: Compression }> = new Map([
  ['magic 1 at produce v2', { records: 2, compression: 'none' }],
  ['magic 0 at produce v0', { records: 2, compression: 'none' }],
  ['magic 1 gzip at produce v2', { records: 3, compression: 'gzip' }],
] as const);

/** Keys of APIs that only KRaft has: Kafka in ZooKeeper mode does not know them either. */
const KRAFT_ONLY = new Map([
  ['UNREGISTER_BROKER', 64],
  ['DESCRIBE_QUORUM', 55],
]);

/** Asked again until it is so, as the recorder did. */
const EVENTUALLY = new Set([
  'the same again',
  'find coordinator again',
  'heartbeat after session expiry',
  'InitProducerId again',
  'B heartbeat after rebalance timeout',
]);

const MINUTES = 60_000;
const describeWithJava = describeIfJava('comparing behaviour with the recording needs Java for ZooKeeper.');

const titleOf = ({ category, name }: Exchange): string => `${category}: ${name}`;

/** Requests that were too large to be written down, made again. */
const TOO_LARGE_TO_WRITE_DOWN: ReadonlyMap<string, JsonObject> = new Map<string, JsonObject>([
  [
    'record too large for message.max.bytes',
    {
      acks: -1,
      timeoutMs: 3_000,
      topicData: [{ name: 't1', partitionData: [{ index: 0, records: batchOf(Buffer.alloc(100_001, 'x')) }] }],
    },
  ],
  [
    'offset commit metadata 5000 bytes',
    {
      groupId: 'simple',
      topics: [
        { name: 't1', partitions: [{ partitionIndex: 0, committedOffset: 1, committedMetadata: 'm'.repeat(5_000) }] },
      ],
    },
  ],
]);

/** A test's table: all that can be asked again, but what needs an API we lack. */
function offered(exchanges: readonly Exchange[]): [string, Exchange][] {
  return exchanges
    .filter((exchange) => {
      const { category, api, request } = exchange;
      if (OF_A_MOMENT.has(titleOf(exchange))) return false;
      if (category === 'transactions' || request?.['keyType'] === TRANSACTION) return HAS_TRANSACTIONS;
      return api === null || KRAFT_ONLY.has(api) || !NOT_OFFERED.has(apiOfRecording(api).name);
    })
    .map((exchange) => {
      const request = TOO_LARGE_TO_WRITE_DOWN.get(exchange.name) ?? exchange.request;
      return [titleOf(exchange), { ...exchange, request }];
    });
}

describeWithJava('requests once answered by Kafka', () => {
  const behaviour = recordedExchanges('behaviour');
  const rebalance = recordedExchanges('rebalance');
  const alone = (exchange: Exchange): boolean => exchange.category === 'leader epochs';
  const later = new Set(['leader epochs', 'auto.create.topics.enable=false', 'after restart']);
  const count = { equal: 0, differing: 0 };

  let cluster: OttlaCluster;
  let interpreter = new Interpreter(behaviour);
  /** Started when the recording had them. */
  let second: BrokerProcess;
  let restarted: BrokerProcess | null = null;

  beforeAll(async () => {
    cluster = await OttlaCluster.start({ brokers: 1, properties: SETTINGS });
    await untilControlled(cluster.broker(1).port);
    second = new BrokerProcess({
      id: 2,
      port: portBase() + 52,
      dir: cluster.dir,
      zookeeperConnect: `${cluster.zookeeper.connect}/kafka`,
      properties: { ...SETTINGS, 'offsets.topic.replication.factor': 1 },
    });
  }, MINUTES);

  afterAll(async () => {
    await second?.kill();
    await restarted?.kill();
    await cluster?.stop();
    const all = [...behaviour, ...rebalance, ...recordedVersions()].length;
    console.log(
      `Recorded requests: ${all}; compared ${count.equal + count.differing}, equal ${count.equal}, ` +
        `known to differ ${count.differing}, left out ${all - count.equal - count.differing}.`,
    );
  }, MINUTES);

  describe('by one broker', () => {
    const exchanges = offered(behaviour.filter(({ category }) => !later.has(category)));
    const port = (): number => cluster.broker(1).port;
    const isIdle = (exchange: Exchange): boolean => /^idle:|^then nothing/.test(exchange.name);
    const idle = new Map<Exchange, Promise<WireClient>>();

    beforeAll(async () => {
      // They take seconds, and nothing else depends on them.
      for (const [, exchange] of exchanges) if (isIdle(exchange)) idle.set(exchange, rawClient(exchange));
      await Promise.all(idle.values());
    });

    test.each(exchanges)(
      '%s',
      async (title, exchange) => {
        if (title === 'metadata: unknown topic, auto create on') await tidyUpAsTheRecorderDid();
        if (title === 'admin: delete unknown topic') await appendInPlaceOfTransactions();
        if (exchange.rawRequestHex !== undefined) {
          const client = await (idle.get(exchange) ?? rawClient(exchange));
          await expectAnswerOrEnd(exchange, client);
        } else await compare(exchange, port());
      },
      MINUTES,
    );

    describe('in every version', () => {
      // Logs hear of changed configurations after the requests were answered; the last one takes compaction from t1.
      beforeAll(async () => {
        const told = /Processing a changed topic configuration topic=t1 overrides=(.*) \(/g;
        await eventually(
          () => [...cluster.broker(1).log().matchAll(told)].at(-1)?.[1] === '{"retention.bytes":"1000000"}',
        );
      }, MINUTES);

      test.each(offered(recordedVersions()))('%s', (_, exchange) => compare(exchange, port()), MINUTES);
    });

    function rawClient(exchange: Exchange): Promise<WireClient> {
      return WireClient.connect(port()).then((client) => {
        client.write(Buffer.from(exchange.rawRequestHex!, 'hex'));
        return client;
      });
    }

    /** Topics with assignments to brokers that never were are not in what was recorded later. */
    async function tidyUpAsTheRecorderDid(): Promise<void> {
      const names = ['as0', 'as1', 'as3', 'as4', 'as6'];
      await ask(port(), ApiKey.DeleteTopics, 5, { topicNames: names, timeoutMs: 100 });
      await eventually(async () => {
        const { topics } = await ask<MetadataResponse>(port(), ApiKey.Metadata, 9, { topics: null });
        return topics.every(({ name }) => !names.includes(name!));
      });
    }

    /** Two transactional records and the marker of their abort are in the recorded t1-0 from here on. */
    async function appendInPlaceOfTransactions(): Promise<void> {
      if (!HAS_TRANSACTIONS) await appendPlain(3, 'none');
    }
  });

  describe('by two brokers, and by the first after the second has stopped', () => {
    const AT_THE_FOLLOWER = /follower|non-controller|not the coordinator/;

    beforeAll(() => second.start(), MINUTES);

    test.each(offered(behaviour.filter(alone)))(
      '%s',
      async (title, exchange) => {
        const isAfterStop = /after follower stop/.test(title);
        if (isAfterStop && second.isRunning) expect(await second.stop()).toBe(0);
        const atFollower = !isAfterStop && AT_THE_FOLLOWER.test(exchange.name);
        const isRead = !/^(create|produce|incremental)/.test(exchange.name);
        await compare(exchange, atFollower ? second.port : cluster.broker(1).port, isRead);
      },
      MINUTES,
    );
  });

  describe('by a broker that started again with auto.create.topics.enable=false', () => {
    beforeAll(async () => {
      const { port, isRunning } = cluster.broker(1);
      if (isRunning) await cluster.broker(1).stop();
      restarted = new BrokerProcess({
        id: 1,
        port,
        dir: cluster.dir,
        zookeeperConnect: `${cluster.zookeeper.connect}/kafka`,
        properties: { ...SETTINGS, 'offsets.topic.replication.factor': 1, 'auto.create.topics.enable': 'false' },
      });
      await restarted.start();
    }, MINUTES);

    const exchanges = behaviour.filter(({ category }) => later.has(category) && category !== 'leader epochs');
    test.each(offered(exchanges))('%s', (_, exchange) => compare(exchange, restarted!.port, true), MINUTES);
  });

  describe('by a broker of another cluster, in a group of two', () => {
    let broker: BrokerProcess;
    const joining = new Map<string, Promise<JsonValue>>();

    beforeAll(async () => {
      interpreter = new Interpreter(rebalance);
      const dir = path.join(cluster.dir, 'rebalance');
      mkdirSync(dir, { recursive: true });
      broker = new BrokerProcess({
        id: 1,
        port: portBase() + 53,
        dir,
        zookeeperConnect: `${cluster.zookeeper.connect}/rebalance`,
        properties: {
          ...SETTINGS,
          'group.max.size': 2,
          'offsets.topic.replication.factor': 1,
          'group.initial.rebalance.delay.ms': 0,
        },
      });
      await broker.start();
      await untilControlled(broker.port);
    }, MINUTES);

    afterAll(() => broker?.kill());

    test.each(offered(rebalance))(
      '%s',
      async (_, exchange) => {
        if (exchange.name === 'B join answer') {
          expectEqual(exchange, await joining.get('B')!);
          return;
        }
        if (exchange.name === 'A asks for a member id') await untilCoordinated();
        await compare(exchange, broker.port);
        if (exchange.name === 'B asks for a member id') await joinAsB();
      },
      MINUTES,
    );

    async function untilCoordinated(): Promise<void> {
      await eventually(async () => {
        const answer = await ask<{ errorCode: number }>(broker.port, ApiKey.FindCoordinator, 0, { key: 'rb' });
        return answer.errorCode === ErrorCode.NONE;
      });
    }

    /** B joins and is answered only when A has joined again. */
    async function joinAsB(): Promise<void> {
      const rejoin = rebalance.find(({ name }) => name === 'A rejoins')!;
      const memberId = (rebalance.find(({ name }) => name === 'B asks for a member id')!.response as JsonObject)[
        'memberId'
      ]!;
      const asB = { ...rejoin, request: { ...rejoin.request!, memberId } };
      joining.set('B', answerTo(asB, broker.port));
      await eventually(async () => {
        const { groups } = await ask<{ groups: { groupState: string }[] }>(broker.port, ApiKey.DescribeGroups, 5, {
          groups: ['rb'],
        });
        return groups[0]!.groupState === 'PreparingRebalance';
      });
    }
  });

  describe('the APIs', () => {
    test('that are left out of the comparison are those that are not offered', async () => {
      const { apiKeys } = await ask<ApiVersionsResponse>(restarted!.port, ApiKey.ApiVersions, 3, {
        clientSoftwareName: 'test',
        clientSoftwareVersion: '1',
      });
      const names = new Set(apiKeys.map(({ apiKey }) => apiOf(apiKey)!.name as string));
      expect([...NOT_OFFERED].filter((name) => names.has(name))).toEqual([]);
    });

    test('none of it was an error to a broker', () => {
      const logs = [cluster.broker(1), second, restarted!].map((broker) => broker.log()).join('\n');
      expect(logs.split('\n').filter((line) => /TypeError|RangeError|Assertion|Unexpected/.test(line))).toEqual([]);
    });
  });

  /** Puts a request as it was put to Kafka, and compares what comes. */
  async function compare(
    exchange: Exchange,
    port: number,
    isRepeatable = EVENTUALLY.has(exchange.name),
  ): Promise<void> {
    if (/ v99/.test(exchange.name)) return compareUnknownVersion(exchange, port);
    if (KRAFT_ONLY.has(exchange.api!)) return compareUnknownApi(exchange, port);
    if (exchange.connection === 'closed by broker') {
      const client = await WireClient.connect(port);
      send(client, exchange);
      return expectAnswerOrEnd(exchange, client);
    }
    if (exchange.connection !== undefined) return expectNoAnswer(exchange, port);
    let answer = await answerTo(exchange, port);
    const converted = CONVERTED.get(exchange.name);
    if (converted) await appendPlain(converted.records, converted.compression);
    if (DIFFERENCES.has(titleOf(exchange))) {
      const { expected, actual } = interpreter.compare(exchange.response!, answer);
      expect(actual).not.toEqual(expected);
      count.differing++;
      return;
    }
    if (isRepeatable) {
      await eventually(
        async () => interpreter.isAsExpected(asWeOffer(exchange), answer) || !(answer = await answerTo(exchange, port)),
        { timeoutMs: 10_000 },
      ).catch(() => undefined);
    }
    expectEqual(exchange, answer);
  }

  function expectEqual(exchange: Exchange, answer: JsonValue): void {
    // A large answer was not written down; that its topics are there shows later.
    if (!('omitted' in exchange.response!)) {
      const { expected, actual } = interpreter.compare(
        asWeOffer(exchange),
        without(NOT_YET_THERE.get(titleOf(exchange)), answer),
      );
      expect(actual).toEqual(expected);
    }
    count.equal++;
  }

  async function answerTo(exchange: Exchange, port: number): Promise<JsonValue> {
    const api = apiOfRecording(exchange.api!);
    const body = await ask(port, api.key, exchange.version!, interpreter.request(exchange, api));
    return toJson(api.response, body, exchange.version!);
  }

  function send(client: WireClient, exchange: Exchange): ApiDescription {
    const api = apiOfRecording(exchange.api!);
    client.send(api.key, exchange.version!, interpreter.request(exchange, api));
    return api;
  }

  /** The answer to the next request comes first: there was none to this one. */
  async function expectNoAnswer(exchange: Exchange, port: number): Promise<void> {
    const client = await WireClient.connect(port);
    send(client, exchange);
    const next = client.send(ApiKey.ApiVersions, 0, {});
    const frame = await client.nextFrame();
    expect(decodeResponseFrame(ApiKey.ApiVersions, 0, frame!).correlationId).toBe(next);
    await client.close();
    count.equal++;
  }

  async function expectAnswerOrEnd(exchange: Exchange, client: WireClient): Promise<void> {
    const frame = await client.nextFrame();
    expect(frame === null ? 'closed by broker' : undefined).toBe(exchange.connection);
    await client.close();
    count.equal++;
  }

  async function compareUnknownApi(exchange: Exchange, port: number): Promise<void> {
    const frame = Buffer.from('0000000e' + '0000' + '0000' + '00000001' + '0004' + '74657374', 'hex');
    frame.writeInt16BE(KRAFT_ONLY.get(exchange.api!)!, 4);
    const client = await WireClient.connect(port);
    client.write(frame);
    await expectAnswerOrEnd(exchange, client);
  }

  async function compareUnknownVersion(exchange: Exchange, port: number): Promise<void> {
    const api = apiOfRecording(exchange.api!);
    const client = await WireClient.connect(port);
    const body = interpreter.request(exchange, api);
    const request = Buffer.concat(encodeRequestFrame(api.key, exchange.version!, 1, 'probe', body));
    request.writeInt16BE(99, 6);
    client.write(request);
    if (exchange.connection !== undefined) return expectAnswerOrEnd(exchange, client);
    const answer = decodeResponseFrame(api.key, 0, (await client.nextFrame())!).body;
    await client.close();
    expectEqual(exchange, toJson(api.response, answer, 0));
  }

  async function appendPlain(records: number, compression: Compression): Promise<void> {
    const builder = new BatchBuilder({ compression });
    for (let i = 0; i < records; i++) {
      builder.append({ timestamp: Date.now(), key: Buffer.from(`k${i}`), value: Buffer.from(`v${i}`) });
    }
    const partitionData = [{ index: 0, records: builder.build() }];
    const { responses } = await ask<{ responses: { partitionResponses: { errorCode: number }[] }[] }>(
      cluster.broker(1).port,
      ApiKey.Produce,
      9,
      { acks: -1, timeoutMs: 5_000, topicData: [{ name: 't1', partitionData }] },
    );
    expect(responses[0]!.partitionResponses[0]!.errorCode).toBe(ErrorCode.NONE);
  }
});

/** A broker answers before it knows that it is the controller. */
async function untilControlled(port: number): Promise<void> {
  await eventually(async () => {
    const { controllerId } = await ask<MetadataResponse>(port, ApiKey.Metadata, 9, { topics: [] });
    return controllerId === 1;
  });
}

/** Base64 of a batch of one record. */
function batchOf(value: Buffer): string {
  const builder = new BatchBuilder();
  builder.append({ timestamp: Date.now(), value });
  return builder.build().toString('base64');
}

/** What can be expected of the recorded answer where not all APIs are offered. */
function asWeOffer({ api, response }: Exchange): JsonObject {
  const { apiKeys, replicaElectionResults } = response as Record<string, JsonObject[] | undefined>;
  // That of an unsupported version tells of itself only.
  if (api === 'API_VERSIONS' && apiKeys!.length > 1) {
    return { ...response, apiKeys: apiKeys!.filter(({ apiKey }) => !NOT_OFFERED.has(apiOf(apiKey as number)!.name)) };
  }
  if (api === 'ELECT_LEADERS' && !HAS_TRANSACTIONS) {
    const results = replicaElectionResults!.filter(({ topic }) => topic !== '__transaction_state');
    return { ...response, replicaElectionResults: results };
  }
  return response!;
}

/** Removes a topic from an answer. */
function without(topic: string | undefined, answer: JsonValue): JsonValue {
  const { topics } = answer as { topics: JsonObject[] };
  return topic === undefined
    ? answer
    : { ...(answer as JsonObject), topics: topics.filter(({ name }) => name !== topic) };
}
