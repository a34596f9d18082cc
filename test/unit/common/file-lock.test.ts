import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import path from 'node:path';
import { nodeFileSystem } from '../../../src/common/index.js';

/** Another process that takes the lock, says so, and keeps it until it is killed. */
const HOLDER = `
  const fs = require('node:fs');
  const fd = fs.openSync(process.argv[1], 'a+');
  require('fs-native-extensions').tryLock(fd);
  fs.writeSync(1, 'locked');
  setInterval(() => undefined, 1000);
`;

let dir: string;
let file: string;
let holder: ChildProcess | null = null;
beforeEach(() => {
  dir = mkdtempSync(path.join(tmpdir(), 'file-lock-'));
  file = `${dir}/.lock`;
});
afterEach(async () => {
  await kill();
  rmSync(dir, { recursive: true });
});

async function hold(): Promise<ChildProcess> {
  holder = spawn(process.execPath, ['-e', HOLDER, file], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(holder.stdout!, 'data');
  return holder;
}

async function kill(): Promise<void> {
  if (!holder) return;
  const exited = once(holder, 'exit');
  holder.kill('SIGKILL');
  await exited;
  holder = null;
}

function take(): void {
  const lock = nodeFileSystem.lock(file);
  expect(lock.isHeld).toBe(true);
  if (lock.isHeld) lock.release();
}

test('a lock that another process holds is refused, also while that process is stopped, until it is killed', async () => {
  const { pid } = await hold();
  expect(nodeFileSystem.lock(file).isHeld).toBe(false);
  process.kill(pid!, 'SIGSTOP');
  expect(nodeFileSystem.lock(file).isHeld).toBe(false);
  await kill();
  take();
});

test('what a file says of a holder that is gone holds no one up', () => {
  writeFileSync(file, `${process.pid}@${hostname()}\n`);
  take();
});

test('a second lock within one process is refused, with the holder and its command, and the first one stays', () => {
  const first = nodeFileSystem.lock(file);
  const command = existsSync('/proc/self/cmdline') ? ' (' : '';
  const holder = expect.stringContaining(`process ${process.pid}@${hostname()}${command}`) as string;
  expect(nodeFileSystem.lock(file)).toEqual({ isHeld: false, holder });
  expect(nodeFileSystem.lock(file)).toEqual({ isHeld: false, holder });
  if (first.isHeld) first.release();
  // As Kafka leaves it.
  expect(readFileSync(file, 'utf8')).toBe('');
  take();
});

test('a holder of this machine is named with its command, one of another machine by its name', async () => {
  const { pid } = await hold();
  const nameIt = (name: string): string | null => {
    writeFileSync(file, `${name}\n`);
    const lock = nodeFileSystem.lock(file);
    return lock.isHeld ? 'nobody' : lock.holder;
  };
  if (existsSync('/proc/self/cmdline'))
    expect(nameIt(`${pid}@${hostname()}`)).toMatch(/^process \d+@.* \(.*node.*\)$/s);
  expect(nameIt(`${pid}@another-machine`)).toBe(`process ${pid}@another-machine`);
});
