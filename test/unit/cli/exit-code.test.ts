/** What a supervisor is told by the exit code of the server. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { PassThrough } from 'node:stream';
import { main } from '../../../src/cli/main.js';
import { Broker } from '../../../src/server/index.js';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(`${tmpdir()}/exit-code-`);
  writeFileSync(`${dir}/server.properties`, `zookeeper.connect=127.0.0.1:1\nbroker.id=1\nlog.dirs=${dir}\n`);
});
afterEach(() => {
  jest.restoreAllMocks();
  rmSync(dir, { recursive: true, force: true });
});

test.each([
  {
    title: 'a fatal error stops it',
    started: async () => undefined,
    stopped: async () => new Error('no disk'),
    code: 1,
  },
  {
    title: 'it cannot start',
    started: () => Promise.reject(new Error('no ZooKeeper')),
    stopped: async () => undefined,
    code: 1,
  },
  { title: 'it is shut down', started: async () => undefined, stopped: async () => undefined, code: 0 },
])('is $code when $title', async ({ started, stopped, code }) => {
  jest.spyOn(Broker.prototype, 'startup').mockImplementation(started as Broker['startup']);
  jest.spyOn(Broker.prototype, 'whenStopped').mockImplementation(stopped as Broker['whenStopped']);
  const [stdout, stderr, stdin] = [new PassThrough(), new PassThrough(), new PassThrough()];
  const terminal = { stdout, stderr, stdin, env: { LOG_DIR: dir }, colour: false };
  expect(await main(['server', 'start', `${dir}/server.properties`], terminal)).toBe(code);
});

test.each([
  { title: 'before it serves, as half-recovered logs are not closed', isRunning: false, code: 1, shutdowns: 0 },
  { title: 'while it serves and the controller is still being elected', isRunning: true, code: 0, shutdowns: 1 },
])('is $code when it is told to stop $title', async ({ isRunning, code, shutdowns }) => {
  let begun = (): void => undefined;
  const starting = new Promise<void>((resolve) => (begun = resolve));
  jest.spyOn(Broker.prototype, 'startup').mockImplementation(() => {
    begun();
    return new Promise<void>(() => undefined);
  });
  jest.spyOn(Broker.prototype, 'isRunning', 'get').mockReturnValue(isRunning);
  const shutdown = jest.spyOn(Broker.prototype, 'shutdown').mockResolvedValue(undefined);
  const [stdout, stderr, stdin] = [new PassThrough(), new PassThrough(), new PassThrough()];
  const terminal = { stdout, stderr, stdin, env: { LOG_DIR: dir }, colour: false };
  const exit = main(['server', 'start', `${dir}/server.properties`], terminal);
  await starting;
  process.emit('SIGTERM');
  expect(await exit).toBe(code);
  expect(shutdown).toHaveBeenCalledTimes(shutdowns);
});
