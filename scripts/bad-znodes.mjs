// What a cluster makes of znodes that people write by hand, and wrongly: the table of docs/compatibility.md, on a real ZooKeeper.
//   node scripts/bad-znodes.mjs [--peer] [--only WORD] [--base-port 29000]
// For each znode a broker of its own is started (with --peer Apache Kafka 3.6.1, test/peer/kafka), and the znode is written. Then: can a topic be
// created; does a new controller stay when /controller is deleted; can a topic be created then; does the log name the znode; and is it taken
// up once it is mended. Wants `npm run build`.
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { loadSources, root } from './bundle.mjs';
import { readCommandLine } from './command-line.mjs';

const { values: options } = readCommandLine({ peer: false, only: '', 'base-port': 29_000 });
const basePort = options['base-port'];
const brokerPort = basePort + 40;
const WAIT_MS = 10_000;
/** A controller that is the same for so long stays: one that fails gives up at once, or after a second. */
const STAYS_MS = 3_000;

const { ApiKey, ZooKeeperClient, common, encodeRequestFrame, decodeResponseFrame, topicZnode } = await loadSources(`
  export { ApiKey, encodeRequestFrame, decodeResponseFrame } from './src/protocol/index.js';
  export { ZooKeeperClient, topicZnode } from './src/zookeeper/index.js';
  export * as common from './src/common/index.js';
`);

const ON_1 = new Map([[0, { replicas: [1], adding: [], removing: [] }]]);
const topicOf = (topicId) => topicZnode.encode({ topicId, partitions: ON_1 });
const KNOWN = '/brokers/topics/known';
const STATE = `${KNOWN}/partitions/0/state`;
const led = (topic) => async (zk) =>
  (await textOf(zk, `/brokers/topics/${topic}/partitions/0/state`)).includes('"leader":1');
const gone = (where) => async (zk) => (await zk.exists(where)) === null;

/** The znode, what is written (null: it is deleted), what mends it (null: it is deleted, undefined: the broker), and how that shows. */
const newTopic = (data) => ['/brokers/topics/bad', data, topicOf('AAAAAAAAAAAAAAAAAAAACA'), led('bad')];
const ROWS = [
  newTopic('hello'),
  newTopic(''),
  newTopic('{"version":1,"partitions":[1,2]}'),
  newTopic('{"version":1,"partitions":{"x":[1]}}'),
  ['/brokers/topics/bad', '{"version":1,"partitions":{"0":[77]}}', undefined],
  ['/brokers/topics/a b', topicOf('AAAAAAAAAAAAAAAAAAAACQ'), undefined],
  ['/brokers/topics/copy', (zk) => textOf(zk, KNOWN), topicOf('AAAAAAAAAAAAAAAAAAAACA'), led('copy')],
  [KNOWN, 'oops', (zk, before) => before, led('known')],
  [STATE, 'oops', (zk, before) => before, led('known')],
  [
    STATE,
    '{"controller_epoch":1,"leader":9999999999,"version":1,"leader_epoch":0,"isr":[1]}',
    (zk, before) => before,
    led('known'),
  ],
  [STATE, null, undefined],
  [`${KNOWN}/partitions/zero`, '', null],
  ['/config/topics/known', 'oops', '{"version":1,"config":{}}'],
  ['/config/brokers/1', 'oops', '{"version":1,"config":{}}'],
  ['/config/changes/config_change_9999999999', 'oops', undefined],
  ['/isr_change_notification/isr_change_x', 'oops', undefined, gone('/isr_change_notification/isr_change_x')],
  [
    '/log_dir_event_notification/log_dir_event_x',
    'oops',
    undefined,
    gone('/log_dir_event_notification/log_dir_event_x'),
  ],
  ['/admin/reassign_partitions', 'oops', null],
  ['/admin/preferred_replica_election', 'oops', undefined, gone('/admin/preferred_replica_election')],
  ['/admin/delete_topics/nowhere', '', undefined, gone('/admin/delete_topics/nowhere')],
  ['/brokers/ids/77', 'oops', null],
  ['/brokers/ids/abc', 'oops', null],
  ['/feature', 'oops', (zk, before) => before],
  ['/latest_producer_id_block', 'oops', ''],
  ['/controller', 'oops', undefined],
  ['/controller_epoch', (zk, before) => before, undefined],
];

async function textOf(zk, where) {
  return (await zk.exists(where)) === null ? '' : String((await zk.get(where)).data);
}

async function write(zk, where, data) {
  if (data === null) return await zk.delete(where, -1);
  if ((await zk.exists(where)) === null) return await zk.create(where, Buffer.from(data));
  return await zk.set(where, Buffer.from(data), -1);
}

/** The first that `look` gives other than false; null when there was none in time. */
async function within(ms, look) {
  for (const endMs = Date.now() + ms; Date.now() < endMs; await new Promise((resolve) => setTimeout(resolve, 100))) {
    const seen = await look().catch(() => false);
    if (seen !== false) return seen;
  }
  return null;
}

function ask(apiKey, version, body) {
  return new Promise((resolve, reject) => {
    let received = Buffer.alloc(0);
    const socket = connect(brokerPort, '127.0.0.1', () => {
      for (const chunk of encodeRequestFrame(apiKey, version, 1, 'bad-znodes', body)) socket.write(chunk);
    });
    socket.setTimeout(WAIT_MS, () => socket.destroy(new Error('no answer')));
    socket.on('error', reject).on('close', () => reject(new Error('closed')));
    socket.on('data', (bytes) => {
      received = Buffer.concat([received, bytes]);
      if (received.length < 4 || received.length < 4 + received.readInt32BE(0)) return;
      resolve(decodeResponseFrame(apiKey, version, received.subarray(4)).body);
      socket.destroy();
    });
  });
}

/** Whether it has a leader: one that is only written is not there for clients. */
async function canCreate(zk, name) {
  const topic = { name, numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] };
  const created = async () => {
    await ask(ApiKey.CreateTopics, 4, { topics: [topic], timeoutMs: 2_000, validateOnly: false });
    return await led(name)(zk);
  };
  return (await within(WAIT_MS, created)) !== null;
}

async function controllerStays(zk) {
  await zk.delete('/controller', -1).catch(() => undefined);
  let [holder, sinceMs] = [null, 0];
  const stays = async () => {
    const now = (await zk.get('/controller')).stat.czxid;
    if (now !== holder) [holder, sinceMs] = [now, Date.now()];
    return Date.now() - sinceMs >= STAYS_MS;
  };
  return (await within(WAIT_MS, stays)) !== null;
}

async function tryRow([where, bad, mended, isTakenUp = () => true], index) {
  const dir = mkdtempSync(path.join(tmpdir(), 'bad-znodes-'));
  const [file, logFile] = [path.join(dir, 'server.properties'), path.join(dir, 'log')];
  const zooKeeper = `127.0.0.1:${basePort}/row${index}`;
  const properties = [
    'broker.id=1',
    `listeners=PLAINTEXT://127.0.0.1:${brokerPort}`,
    `log.dirs=${path.join(dir, 'data')}`,
    `zookeeper.connect=${zooKeeper}`,
    'zookeeper.session.timeout.ms=6000',
    '',
  ];
  writeFileSync(file, properties.join('\n'));
  const log = openSync(logFile, 'a');
  const [program, ...words] = options.peer
    ? [path.join(root, 'test/peer/kafka'), 'broker', file]
    : [path.join(root, 'bin/ottla'), 'server', 'start', file];
  const broker = spawn(program, words, { stdio: ['ignore', log, log], detached: true });
  const ended = new Promise((resolve) => broker.once('exit', resolve));
  const { nodeTransport: transport, systemClock: clock, systemRandom: random, silentLogger: logger } = common;
  const session = { sessionTimeoutMs: 30_000, connectionTimeoutMs: 30_000, transport, clock, random, logger };
  const zk = new ZooKeeperClient({ connect: zooKeeper, ...session });
  try {
    await zk.connect();
    if ((await within(60_000, () => canCreate(zk, 'known').then((can) => can || false))) === null) {
      throw new Error(`the broker does not start; see ${logFile}`);
    }
    const before = await textOf(zk, where);
    const dataOf = (data) => (typeof data === 'function' ? data(zk, before) : data);
    const logged = readFileSync(logFile).length;
    await write(zk, where, await dataOf(bad));
    const answers = [await canCreate(zk, 'one'), await controllerStays(zk), await canCreate(zk, 'two')];
    const isNamed = readFileSync(logFile, 'utf8').slice(logged).includes(path.basename(where));
    if (mended !== undefined) await write(zk, where, await dataOf(mended));
    const isMended = (await within(WAIT_MS, async () => (await isTakenUp(zk)) === true)) !== null;
    return [...answers, isNamed, isMended && (await canCreate(zk, 'three'))];
  } finally {
    await zk.close();
    try {
      process.kill(-broker.pid, 'SIGKILL');
    } catch (error) {
      if (error.code !== 'ESRCH') throw error;
    }
    await ended;
    if (!process.env.KEEP) rmSync(dir, { recursive: true, force: true });
  }
}

const ensembleDir = mkdtempSync(path.join(tmpdir(), 'bad-znodes-zk-'));
const ensemble = (...words) => {
  const { status } = spawnSync(path.join(root, 'zk/ensemble'), [...words, '--dir', ensembleDir], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  if (status !== 0) throw new Error(`zk/ensemble ${words.join(' ')} failed`);
};
ensemble('start', '--members', '1', '--base-port', String(basePort), '--no-fsync');
try {
  console.log(
    '| znode | written | a topic | a new controller stays | a topic then | named in the log | taken up when mended |',
  );
  console.log('| --- | --- | --- | --- | --- | --- | --- |');
  for (const [index, row] of ROWS.entries()) {
    const [where, bad] = row;
    const shown =
      bad === null
        ? 'deleted'
        : typeof bad === 'function'
          ? 'copied, or touched'
          : bad === ''
            ? 'nothing'
            : String(bad);
    if (!`${where} ${shown}`.includes(options.only)) continue;
    const answers = await tryRow(row, index).catch((error) => [String(error)]);
    const words = answers.map((it) => (it === true ? 'yes' : it === false ? 'no' : it));
    console.log(`| \`${where}\` | ${shown.slice(0, 60)} | ${words.join(' | ')} |`);
  }
} finally {
  ensemble('clean');
  rmSync(ensembleDir, { recursive: true, force: true });
}
