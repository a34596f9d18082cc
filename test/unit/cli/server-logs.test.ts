/** Where a broker's lines go, by its environment and its properties. */
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { PassThrough } from 'node:stream';
import { main } from '../../../src/cli/main.js';
import type { LoggerFactory } from '../../../src/common/index.js';
import { Broker } from '../../../src/server/index.js';

let dir: string;
beforeEach(() => {
  dir = fs.mkdtempSync(path.join(tmpdir(), 'server-logs-'));
});
afterEach(() => {
  jest.restoreAllMocks();
  fs.rmSync(dir, { recursive: true, force: true });
});

/** Runs a broker that says something and ends. */
async function run(
  say: (logger: LoggerFactory) => void,
  env: Record<string, string>,
  more = '',
): Promise<{ code: number; stdout: string; stderr: string }> {
  const file = path.join(dir, 'server.properties');
  fs.writeFileSync(file, `zookeeper.connect=127.0.0.1:1\nbroker.id=1\nlog.dirs=${dir}/data\n${more}`);
  jest.spyOn(Broker.prototype, 'startup').mockImplementation(async function (this: Broker) {
    say(this['options'].loggerFactory);
  });
  jest.spyOn(Broker.prototype, 'whenStopped').mockResolvedValue(undefined);
  const [stdout, stderr, stdin] = [new PassThrough(), new PassThrough(), new PassThrough()];
  const code = await main(['server', 'start', file], { stdout, stderr, stdin, env, colour: false });
  return { code, stdout: String(stdout.read() ?? ''), stderr: String(stderr.read() ?? '') };
}

const speak = (logger: LoggerFactory): void => {
  logger('server').info('of the broker');
  logger('state.change.logger').info('of a partition');
};

test.each([
  ['nothing else is asked for', {}, '', false],
  ['an empty LOG_DIR is none', { LOG_DIR: '' }, '', false],
  ['all is asked for', { OTTLA_LOG_LEVEL: 'debug' }, '', true],
  ['they are asked for', { OTTLA_LOG_LEVEL: 'state.change.logger=info' }, '', true],
  ['the file asks for them', {}, 'ottla.log.level.state.change.logger=info\n', true],
])('stdout alone has single partitions where %s: %p', async (_, env: Record<string, string>, more, has) => {
  const { stdout } = await run(speak, env, more);
  expect(stdout).toContain(' INFO of the broker (server)\n');
  expect(stdout.includes(' INFO of a partition (state.change.logger)\n')).toBe(has);
});

test('a log folder has them in a file of their own, and stdout has the others', async () => {
  const LOG_DIR = path.join(dir, 'a', 'logs');
  const { stdout } = await run(speak, { LOG_DIR });
  expect(stdout).toMatch(/ INFO of the broker \(server\)\n$/);
  expect(stdout).not.toContain('of a partition');
  expect(fs.readFileSync(path.join(LOG_DIR, 'state-change.log'), 'utf8')).toMatch(/^\S+ \S+ INFO of a partition .*\n$/);
  expect(fs.readFileSync(path.join(LOG_DIR, 'server.log'), 'utf8')).toBe(stdout);
});

test('log files are as long and as many as the properties say', async () => {
  const say = (logger: LoggerFactory): void => {
    for (let i = 0; i < 1000; i++) logger('server').info('x'.repeat(100));
  };
  await run(say, { LOG_DIR: dir }, 'ottla.log.rotation.bytes=8192\nottla.log.rotation.files=3\n');
  const sizes = fs
    .readdirSync(dir)
    .filter((name) => name.startsWith('server.log'))
    .map((name) => [name, fs.statSync(path.join(dir, name)).size] as const);
  expect(sizes.map(([name]) => name)).toEqual(['server.log', 'server.log.1', 'server.log.2']);
  expect(Math.max(...sizes.map(([, size]) => size))).toBeLessThanOrEqual(8192);
});

test('a log folder that cannot be written to is refused with a sentence', async () => {
  const LOG_DIR = path.join(dir, 'file');
  fs.writeFileSync(LOG_DIR, '');
  const { code, stderr } = await run(speak, { LOG_DIR });
  expect(code).toBe(1);
  expect(stderr).toMatch(new RegExp(`Cannot write log files to ${LOG_DIR}, which LOG_DIR names: .*\\n$`));
  expect(stderr).not.toContain('    at ');
});

test('a directory in the place of a log file is refused with a sentence', async () => {
  fs.mkdirSync(path.join(dir, 'server.log'));
  const { code, stderr } = await run(speak, { LOG_DIR: dir });
  expect(code).toBe(1);
  expect(stderr).toMatch(/Cannot write the log file .*server\.log: it is a directory\n$/);
  expect(stderr).not.toContain('    at ');
});
