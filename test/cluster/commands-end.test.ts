/** Commands end when they are told to, whatever they wait for, with the status by which a shell knows why. */
import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import net, { type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { eventually } from '../support/eventually.js';
import { BackgroundProcess, ottla, ottlaBin, type ToolResult } from '../support/processes.js';

const held = new Set<net.Socket>();
let silent: net.Server;
let address: string;
let dir: string;
let properties: string;

beforeAll(async () => {
  dir = fs.mkdtempSync(path.join(tmpdir(), 'commands-end-'));
  silent = net.createServer((socket) => held.add(socket.on('error', () => undefined)));
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  address = `127.0.0.1:${(silent.address() as AddressInfo).port}`;
  properties = path.join(dir, 'server.properties');
  const connect = `zookeeper.connect=${address}\nzookeeper.connection.timeout.ms=600000\n`;
  fs.writeFileSync(properties, `broker.id=1\nlog.dirs=${dir}/data\n${connect}`);
});

afterAll(() => {
  for (const socket of held) socket.destroy();
  silent.close();
  fs.rmSync(dir, { recursive: true, force: true });
});

/** A command that has connected to what does not answer. */
async function waiting(args: readonly string[]): Promise<BackgroundProcess> {
  const before = held.size;
  const process = new BackgroundProcess(ottlaBin, args, path.join(dir, 'output'));
  process.start();
  await eventually(() => held.size > before, { what: `${args[0]} to connect` });
  return process;
}

const CONSUMER = ['console-consumer', '--topic', 't', '--bootstrap-server'];

test.each([
  { title: 'a consumer told by Ctrl-C', signal: 'SIGINT', command: () => [...CONSUMER, address], code: 130 },
  { title: 'a consumer told by its supervisor', signal: 'SIGTERM', command: () => [...CONSUMER, address], code: 143 },
  { title: 'a consumer whose terminal is gone', signal: 'SIGHUP', command: () => [...CONSUMER, address], code: 129 },
  {
    title: 'a broker that waits for ZooKeeper',
    signal: 'SIGINT',
    command: () => ['server', 'start', properties],
    code: 1,
  },
  // The signal itself ends these: a shell says 128 and its number.
  { title: 'topics', signal: 'SIGINT', command: () => ['topics', '--list', '--bootstrap-server', address], code: null },
  { title: 'server await', signal: 'SIGTERM', command: () => ['server', 'await', address], code: null },
] as const)('$title ends with $code', async ({ signal, command, code }) => {
  const process = await waiting(command());
  expect(await process.end(signal)).toBe(code);
});

test('a consumer waits no longer than --timeout-ms at a port that does not answer', async () => {
  const { stderr, exitCode } = await ottla([...CONSUMER, address, '--timeout-ms', '500'], { timeoutMs: 20_000 });
  expect(stderr).toMatch('TimeoutException\nProcessed a total of 0 messages');
  expect(exitCode).toBe(0);
});

const hasScript = spawnSync('script', ['--version']).error === undefined;
(hasScript ? test : test.skip)('a broker whose terminal is closed ends as it should', async () => {
  const status = path.join(dir, 'status');
  const before = held.size;
  // The shell outlives the terminal, to say what became of the broker, which ends by itself soon.
  const command = `trap : HUP; ${ottlaBin} server start ${properties} --override zookeeper.connection.timeout.ms=3000; echo $? > ${status}.new; mv ${status}.new ${status}`;
  const terminal = spawn('script', ['-qc', `sh -c '${command}'`, '/dev/null'], { stdio: ['pipe', 'ignore', 'ignore'] });
  await eventually(() => held.size > before, { what: 'the broker to connect' });
  terminal.kill('SIGKILL');
  await eventually(() => fs.existsSync(status), { what: 'the broker to end' });
  expect(fs.readFileSync(status, 'utf8')).toBe('1\n');
});

/** Starts a daemon that finds no ZooKeeper. */
function startDaemon(more: readonly string[] = [], env: NodeJS.ProcessEnv = {}): Promise<ToolResult> {
  const settings = [`zookeeper.connect=${address}`, 'zookeeper.connection.timeout.ms=300', ...more];
  const overrides = settings.flatMap((setting) => ['--override', setting]);
  return ottla(['server', 'start', '-daemon', properties, ...overrides], { env: { ...process.env, ...env } });
}

test('a daemon that cannot start says so, and where its log is', async () => {
  const { stderr, exitCode } = await startDaemon();
  expect(stderr).toMatch(/^The broker could not start: .*no session with ZooKeeper/);
  expect(stderr).toContain(path.join(dir, 'data', 'ottla-server.out'));
  expect(stderr).toContain(`Its log is ${path.join(dir, 'data', 'server.log')}`);
  // What is said twice would fill a file that nobody puts aside.
  const said = (name: string): string => fs.readFileSync(path.join(dir, 'data', name), 'utf8');
  expect(said('ottla-server.out')).toMatch(/^The broker could not start: .*\n$/);
  expect(said('server.log')).toMatch(/ ERROR Fatal error during startup\. Prepare to shutdown /);
  expect(exitCode).toBe(1);
});

test('a daemon without LOG_DIR logs to the first log directory that can be written to', async () => {
  const [dead, good] = [path.join(properties, 'dead'), path.join(dir, 'good')];
  const { stderr, exitCode } = await startDaemon([`log.dirs=${dead},${good}`], { LOG_DIR: '' });
  expect(stderr).toContain(`Its log is ${path.join(good, 'server.log')}`);
  expect(exitCode).toBe(1);
});

test('a daemon that can write its log nowhere says so in a sentence', async () => {
  const dead = path.join(properties, 'dead');
  const nowhere = await startDaemon([`log.dirs=${dead}`]);
  expect(nowhere.stderr).toBe(`Cannot write log files to any of ${dead}: set LOG_DIR to a directory for them\n`);
  const named = await startDaemon([], { LOG_DIR: dead });
  expect(named.stderr).toMatch(/^Cannot write log files to .*, which LOG_DIR names: .*\n$/);
  expect([nowhere.exitCode, named.exitCode]).toEqual([1, 1]);
});
