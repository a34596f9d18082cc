/** The directory in which a cluster or an ensemble keeps all its state. */
import fs from 'node:fs';
import path from 'node:path';
import { nodeFileSystem, systemClock } from '../../common/index.js';
import { CommandError } from '../terminal.js';
import { pause } from './attempt.js';
import { formatKept, parseKept, type Kept, type Setting } from './core/settings.js';

/** What says that there is something in a directory. */
const KEPT = ['cluster.conf', 'ensemble.conf'];
const LOCK = '.lock';
const LOCK_PATIENCE_MS = 60_000;
const POLL_MS = 50;
const LOG_LINES = 5;

/** What is kept in a file of the directory; null when there is none. */
export function readKept<K extends string>(
  definitions: readonly Setting<K>[],
  file: string,
  remedy: string,
): Kept<K> | null {
  if (!fs.existsSync(file)) return null;
  const kept = parseKept(definitions, fs.readFileSync(file, 'utf8'));
  if (!kept.ok) throw new CommandError(`${file} is damaged: ${kept.refusal} (${remedy})`);
  return kept.value;
}

export function writeKept<K extends string>(definitions: readonly Setting<K>[], file: string, kept: Kept<K>): void {
  nodeFileSystem.replaceFile(file, Buffer.from(formatKept(definitions, kept)));
}

export interface LockOptions {
  readonly signal: AbortSignal;
  /** Makes the directory; one that was made is removed when nothing is left in it. */
  readonly create?: boolean;
  readonly say: (line: string) => void;
}

/** Lets no other command change what runs in a directory meanwhile. The kernel gives the lock back when the process ends, however it ends. */
export async function withLock<T>(
  dir: string,
  { signal, create = false, say }: LockOptions,
  work: () => Promise<T>,
): Promise<T> {
  const made = create ? fs.mkdirSync(dir, { recursive: true }) : undefined;
  const file = path.join(dir, LOCK);
  const release = await takeLock(file, signal, say);
  try {
    return await work();
  } finally {
    const isGivenUp = !fs.readdirSync(dir).some((name) => KEPT.includes(name));
    if (isGivenUp) fs.rmSync(file, { force: true });
    const top = create ? made : dir;
    if (isGivenUp && top !== undefined) removeEmpty(dir, top);
    release();
  }
}

async function takeLock(file: string, signal: AbortSignal, say: (line: string) => void): Promise<() => void> {
  const startMs = systemClock.monotonicMs();
  let isSaid = false;
  for (;;) {
    const lock = nodeFileSystem.lock(file);
    if (lock.isHeld) return () => lock.release();
    const who = lock.holder ?? 'another command';
    const waitedMs = systemClock.monotonicMs() - startMs;
    if (waitedMs > LOCK_PATIENCE_MS) throw new CommandError(`${who} is still at work on ${path.dirname(file)}`);
    if (!isSaid && waitedMs > 500) {
      say(`waiting for ${who}, which is at work on ${path.dirname(file)}, at most ${LOCK_PATIENCE_MS / 1000} s`);
      isSaid = true;
    }
    await pause(POLL_MS, signal);
  }
}

/** Removes a directory and those above it that are empty then, up to `top`. */
function removeEmpty(dir: string, top: string): void {
  for (let at = dir; at.startsWith(top); at = path.dirname(at)) {
    try {
      fs.rmdirSync(at);
    } catch (error) {
      if (['ENOTEMPTY', 'EBUSY', 'EACCES', 'ENOENT'].includes((error as NodeJS.ErrnoException).code ?? '')) return;
      throw error;
    }
  }
}

/** As a word of a shell's command. */
export function shellWord(text: string): string {
  return /^[\w./:@%+,=-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

/** A sentence about servers, and the ends of their logs: those of a start that is taken back are removed with it. */
export function withLogs(sentence: string, logs: readonly string[]): string {
  const ends = logs.flatMap((log) => {
    const lines = fs.existsSync(log) ? fs.readFileSync(log, 'utf8').trimEnd().split('\n').slice(-LOG_LINES) : [];
    return [`${log} ends:`, ...lines.map((line) => `  ${line}`)];
  });
  return [sentence, ...ends].join('\n');
}
