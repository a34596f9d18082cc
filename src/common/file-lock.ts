/** An exclusive lock on a file between processes, containers and machines that share a volume, of the kind that Kafka's `FileLock` takes. */
import * as fs from 'node:fs';
import { createRequire } from 'node:module';
import { hostname } from 'node:os';
import type { FileLock } from './file-system.js';

/** What of the native module is used. It throws EAGAIN when another holds the lock. */
interface Locking {
  tryLock(fd: number, offset: number, length: number, exclusive: boolean): void;
}

const MAX_COMMAND = 200;

/**
 * Takes the lock, or says who holds it. On Linux it is an `fcntl` lock of the open file (F_OFD_SETLK): it conflicts with the POSIX locks
 * that Java takes, the kernel lets go of it when the process ends however it ends, and a second holder within one process is refused
 * as well. Throws the file system's error where it has no locks.
 */
export function lockFile(path: string): FileLock {
  const fd = fs.openSync(path, fs.constants.O_RDWR | fs.constants.O_CREAT, 0o644);
  try {
    nativeLocking().tryLock(fd, 0, 0, true);
  } catch (error) {
    const isHeld = (error as NodeJS.ErrnoException).code === 'EAGAIN';
    const holder = isHeld ? holderOf(fd) : null;
    fs.closeSync(fd);
    if (isHeld) return { isHeld: false, holder };
    throw asFileSystemError(error, path);
  }
  writeHolder(fd, `${process.pid}@${hostname()}\n`);
  return {
    isHeld: true,
    release() {
      // Kafka leaves an empty `.lock` behind; so do we.
      writeHolder(fd, '');
      fs.closeSync(fd);
    },
  };
}

/** Only for the message of who comes later: the lock is the kernel's, and held or given back also on a disk that is full. */
function writeHolder(fd: number, holder: string): void {
  try {
    fs.ftruncateSync(fd);
    fs.writeSync(fd, holder, 0);
  } catch (error) {
    void error;
  }
}

let locking: Locking | null = null;

/** The package's own loader looks through dozens of paths, which takes longer than the rest of a broker's start. */
function nativeLocking(): Locking {
  if (locking) return locking;
  const file = `fs-native-extensions/prebuilds/${process.platform}-${process.arch}/fs-native-extensions.node`;
  locking = createRequire(__filename)(file) as Locking;
  return locking;
}

/**
 * `process 7@host (node … server start FILE)`. A Java process is named by the kernel; one of ours has written its name into the file, as the kernel
 * does not know it. The command is told of a process of this machine.
 */
function holderOf(fd: number): string | null {
  const pid = posixHolderOf(fd);
  if (pid !== null) return `process ${pid}${commandOf(pid)}`;
  const written = Buffer.alloc(256);
  const length = fs.readSync(fd, written, 0, written.length, 0);
  const [name] = written.toString('utf8', 0, length).split('\n');
  const [, own, host] = /^(\d+)@(.*)$/.exec(name ?? '') ?? [];
  return name ? `process ${name}${host === hostname() ? commandOf(Number(own)) : ''}` : null;
}

/** In brackets; its middle is left out when it is long, as a class path is. */
function commandOf(pid: number): string {
  let command: string;
  try {
    command = fs.readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
  } catch (error) {
    void error; // Not Linux, somebody else's, or gone in this moment.
    return '';
  }
  if (command.length > MAX_COMMAND) {
    command = `${command.slice(0, MAX_COMMAND / 4)} … ${command.slice(-(MAX_COMMAND * 3) / 4)}`;
  }
  return command === '' ? '' : ` (${command})`;
}

function posixHolderOf(fd: number): number | null {
  let locks: string;
  try {
    locks = fs.readFileSync('/proc/locks', 'utf8');
  } catch (error) {
    // Not Linux, or hidden from a container.
    void error;
    return null;
  }
  const { ino } = fs.fstatSync(fd);
  for (const line of locks.split('\n')) {
    const [, kind, , , pid, file] = line.split(/\s+/);
    if (kind === 'POSIX' && file?.split(':')[2] === String(ino) && Number(pid) > 0) return Number(pid);
  }
  return null;
}

function asFileSystemError(error: unknown, path: string): Error {
  const cause = error as NodeJS.ErrnoException;
  const message = `${path}: the file system does not lock it: ${cause.message}`;
  return Object.assign(new Error(message, { cause }), { code: cause.code ?? 'ENOLCK', syscall: 'fcntl', path });
}
