/**
 * AlterConfigs, IncrementalAlterConfigs and DescribeConfigs of brokers and topics as Kafka 3.6.1 answered them, put to a broker of ours in
 * the same order: what is refused and in which words, and what is in force, from where, and by which names after each change.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import {
  ApiKey,
  type AlterConfigsResponse,
  type DescribeConfigsResponse,
  type MetadataResponse,
} from '../../src/protocol/index.js';
import type { NetworkClient } from '../../src/network/index.js';
import { eventually } from '../support/eventually.js';
import { startOneBroker, type OneBroker } from './support/one-broker.js';

type Op = readonly [name: string, value: string | null, operation?: number];
type Request =
  | readonly [api: 'describe', type: number, name: string, keys: readonly string[]]
  | readonly [api: 'incremental' | 'full', type: number, name: string, ops: readonly Op[], validateOnly?: boolean];

interface Exchange {
  readonly request: Request;
  readonly answer: unknown;
}

const RECORDED = JSON.parse(
  readFileSync(path.join(__dirname, 'recorded', 'config-apis.json'), 'utf8'),
) as readonly Exchange[];

/** What stood in the file of the recorded broker, but for its ports. */
const SETTINGS = {
  listeners: 'PLAINTEXT://127.0.0.1:0,EXTRA://127.0.0.1:0',
  'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,EXTRA:PLAINTEXT',
  'log.retention.hours': '10',
  'log.flush.scheduler.interval.ms': '999999',
  'listener.name.extra.max.connections': '50',
  'offsets.topic.num.partitions': '2',
  'offsets.topic.replication.factor': '1',
  'someones.own': 'x',
};

let one: OneBroker;
let client: NetworkClient;

beforeAll(async () => {
  one = await startOneBroker(SETTINGS);
  client = one.client('probe');
  const topic = { name: 't1', numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] };
  await client.send(ApiKey.CreateTopics, 5, { topics: [topic], timeoutMs: 10_000, validateOnly: false });
  await eventually(async () => {
    const { topics } = await client.send<MetadataResponse>(ApiKey.Metadata, 9, { topics: [{ name: 't1' }] });
    return topics[0]?.errorCode === 0;
  });
});
afterAll(() => one.stop());

async function describe_(type: number, name: string, keys: readonly string[]): Promise<unknown> {
  const resource = { resourceType: type, resourceName: name, configurationKeys: keys };
  const request = { resources: [resource], includeSynonyms: true, includeDocumentation: false };
  const { results } = await client.send<DescribeConfigsResponse>(ApiKey.DescribeConfigs, 4, request);
  const { errorCode, errorMessage, configs } = results[0]!;
  const rows = configs.map((it) => [
    it.name,
    it.value,
    it.configSource,
    it.readOnly,
    it.isSensitive,
    it.configType,
    it.synonyms.map((synonym) => [synonym.name, synonym.value, synonym.source]),
  ]);
  return [errorCode, errorMessage, rows];
}

async function answerTo(request: Request): Promise<unknown> {
  const [api, type, name] = request;
  if (api === 'describe') return describe_(type, name, request[3]);
  const [, , , ops, validateOnly = false] = request;
  const isIncremental = api === 'incremental';
  const configs = ops.map(([config, value, configOperation = 0]) =>
    isIncremental ? { name: config, value, configOperation } : { name: config, value },
  );
  const { responses } = await client.send<AlterConfigsResponse>(
    isIncremental ? ApiKey.IncrementalAlterConfigs : ApiKey.AlterConfigs,
    isIncremental ? 1 : 2,
    { resources: [{ resourceType: type, resourceName: name, configs }], validateOnly },
  );
  return [responses[0]!.errorCode, responses[0]!.errorMessage];
}

test.each(RECORDED.map((exchange, at) => [`${at} ${JSON.stringify(exchange.request)}`, exchange] as const))(
  'Kafka and we answer %s alike',
  async (_title, { request, answer }) => {
    if (request[0] === 'describe') {
      // A change is in force when its notification has come.
      await eventually(async () => JSON.stringify(await answerTo(request)) === JSON.stringify(answer), {
        timeoutMs: 3_000,
      }).catch(() => undefined);
    }
    expect(await answerTo(request)).toEqual(answer);
  },
);

test("configurations are described in Kafka's words to who asks for them, and to no one else", async () => {
  const describe2 = async (resourceType: number, resourceName: string, includeDocumentation: boolean) => {
    const resource = { resourceType, resourceName, configurationKeys: null };
    const request = { resources: [resource], includeSynonyms: false, includeDocumentation };
    const { results } = await client.send<DescribeConfigsResponse>(ApiKey.DescribeConfigs, 4, request);
    return new Map(results[0]!.configs.map(({ name, documentation }) => [name, documentation]));
  };
  const broker = await describe2(4, '1', true);
  expect([...broker].filter(([, text]) => text === null).map(([name]) => name)).toEqual([
    'listener.name.extra.max.connections',
    'someones.own',
  ]);
  expect(broker.get('num.partitions')).toBe('The default number of log partitions per topic');
  const topic = await describe2(2, 't1', true);
  expect(topic.get('file.delete.delay.ms')).toBe('The time to wait before deleting a file from the filesystem');
  expect([...topic.values()]).not.toContain(null);
  expect(new Set([...(await describe2(4, '1', false)).values()])).toEqual(new Set([null]));
});

test('a change of the broker is in force without a restart, and its secrets are in no log line', async () => {
  await answerTo(['incremental', 4, '1', [['log.retention.ms', '123456']]]);
  const logs = one.broker.services!.logs;
  await eventually(() => [...logs.allLogs()].every((log) => log.config.retentionMs === 123_456));
  const refused = await answerTo(['incremental', 4, '1', [['listener.name.extra.ssl.keystore.password', 'hunter2']]]);
  expect(refused).toEqual([
    40,
    "Invalid config value for resource ConfigResource(type=BROKER, name='1'): Password encoder secret not configured",
  ]);
  expect(one.complaints.join('\n')).not.toContain('hunter2');
});
