/**
 * What users of Kafka have reported of odd requests, put to a broker of ours: each is answered as Kafka 3.6.1 answered it. The requests are in
 * `support/report-cases.ts`, Kafka's answers in `recorded/reports.json`.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { awaitBrokers } from '../../src/cli/server/server-await.js';
import type { Terminal } from '../../src/cli/terminal.js';
import type { JsonValue } from '../../src/protocol/index.js';
import { WireClient } from '../cluster/support/wire-client.js';
import { startOneBroker, type OneBroker } from './support/one-broker.js';
import { answerOf, reportCases, setUp, SETTINGS, type Ask } from './support/report-cases.js';

const RECORDED = JSON.parse(readFileSync(path.join(__dirname, 'recorded', 'reports.json'), 'utf8')) as Readonly<
  Record<string, JsonValue>
>;

const TERMINAL = { stdout: process.stdout, stderr: process.stderr } as unknown as Terminal;

let one: OneBroker;
beforeAll(async () => {
  one = await startOneBroker(SETTINGS);
}, 20_000);
afterAll(() => one.stop(), 20_000);

const ask: Ask = async (apiKey, version, body) => {
  const client = await WireClient.connect(one.port);
  const answer = await client.request(apiKey, version, body);
  await client.close();
  return answer;
};

test('odd requests are answered as Kafka answers them', async () => {
  const cases = reportCases(await setUp(ask), Date.now());
  expect(cases.map(({ title }) => title).sort()).toEqual(Object.keys(RECORDED).sort());
  const answers: Record<string, JsonValue> = {};
  for (const each of cases) answers[each.title] = answerOf(each, await ask(each.apiKey, each.version, each.body));
  expect(answers).toEqual(RECORDED);
}, 60_000);

test('a broker that serves says so in the words that container tools wait for', () => {
  expect(one.told.filter((line) => line.includes('started'))).toEqual([
    '[KafkaServer id=1] started (kafka.server.KafkaServer)',
  ]);
});

test('scripts wait until brokers know of a controller and of each other', async () => {
  expect(await awaitBrokers(`127.0.0.1:${one.port}`, TERMINAL)).toBe(0);
});
