import { spawn, type ChildProcess } from 'node:child_process';
import { Attempt, Interrupted, interruptible, pause } from '../../../../src/cli/cluster/attempt.js';
import { eventually } from '../../../support/eventually.js';
import { endProcesses, isAlive, listProcesses } from '../../../../src/cli/cluster/processes.js';

/** Runs a shell's script, and answers its first line with the process. */
async function shell(script: string): Promise<{ child: ChildProcess; line: string }> {
  const child = spawn('sh', ['-c', script], { stdio: ['ignore', 'pipe', 'ignore'] });
  const line = await new Promise<string>((resolve) =>
    child.stdout.once('data', (bytes: Buffer) => resolve(`${bytes}`)),
  );
  return { child, line: line.trim() };
}

test('a process that has ended is dead, whether or not its parent asks for its status', async () => {
  // `sleep` takes the shell's place, and knows of no child.
  const { child, line } = await shell('sleep 0.01 & echo $!; exec sleep 100');
  const zombie = Number(line);
  await eventually(() => !isAlive(zombie), { timeoutMs: 20_000, everyMs: 5 });
  expect(process.kill(zombie, 0)).toBe(true);
  expect(listProcesses().some(({ pid }) => pid === zombie)).toBe(false);
  expect(
    listProcesses()
      .find(({ pid }) => pid === child.pid)
      ?.words.slice(0, 2),
  ).toEqual(['sleep', '100']);
  expect(isAlive(child.pid!)).toBe(true);
  expect(await endProcesses([child.pid!, zombie], 'SIGTERM', 60_000)).toEqual([]);
  expect(isAlive(child.pid!)).toBe(false);
});

test('a process is found also while one program takes the place of another in it', async () => {
  const again = 'if [ $1 -gt 0 ]; then exec sh -c "$0" "$0" $(($1 - 1)); else exec sleep 100; fi';
  const child = spawn('sh', ['-c', again, again, '1000'], { stdio: 'ignore' });
  const words = (): readonly string[] => listProcesses().find(({ pid }) => pid === child.pid)?.words ?? [];
  try {
    do expect(words()).not.toEqual([]);
    while (words()[0] !== 'sleep');
  } finally {
    await endProcesses([child.pid!], 'SIGKILL', 60_000);
  }
});

test('a process that was stopped ends as well, and one that does not listen is killed at the limit', async () => {
  const stopped = await shell('echo ready; exec sleep 100');
  stopped.child.kill('SIGSTOP');
  expect(await endProcesses([stopped.child.pid!], 'SIGTERM', 60_000)).toEqual([]);
  // A shell that has nothing to wait for: it leaves no child behind when it is killed.
  const deaf = await shell("trap '' TERM; echo ready; while :; do :; done");
  expect(await endProcesses([deaf.child.pid!], 'SIGTERM', 50)).toEqual([deaf.child.pid]);
});

test('who is told to end waits no longer for processes that end by themselves', async () => {
  const { child } = await shell("trap '' TERM; echo ready; while :; do :; done");
  const abort = new AbortController();
  const ending = endProcesses([child.pid!], 'SIGTERM', 60_000, abort.signal);
  abort.abort(new Interrupted('SIGINT'));
  await expect(ending).rejects.toMatchObject({ exitCode: 130 });
  await endProcesses([child.pid!], 'SIGKILL', 60_000);
});

test('work that does not look at the signal has ended by it all the same, and what it did is taken back', async () => {
  const undone: string[] = [];
  const work = (signal: AbortSignal): Promise<string> =>
    Attempt.run(signal, async (attempt) => {
      attempt.onFailure(() => void undone.push('it'));
      process.emit('SIGTERM', 'SIGTERM');
      return Promise.resolve('done');
    });
  await expect(interruptible(work)).rejects.toMatchObject({ exitCode: 143 });
  expect(undone).toEqual(['it']);
  const quick = (): Promise<string> => {
    process.emit('SIGHUP', 'SIGHUP');
    return Promise.resolve('done');
  };
  await expect(interruptible(quick)).rejects.toMatchObject({ exitCode: 129 });
});

test('what was done is taken back in reverse order when a later step fails', async () => {
  const steps: string[] = [];
  const failing = Attempt.run(new AbortController().signal, async (attempt) => {
    attempt.onFailure(() => void steps.push('first'));
    attempt.onFailure(async () => {
      await Promise.resolve();
      steps.push('second');
    });
    await Promise.reject(new Error('third'));
  });
  await expect(failing).rejects.toThrow('third');
  expect(steps).toEqual(['second', 'first']);
  await Attempt.run(new AbortController().signal, (attempt) => {
    attempt.onFailure(() => void steps.push('never'));
    return Promise.resolve();
  });
  expect(steps).toEqual(['second', 'first']);
});

test('a wait ends at once when the command is interrupted', async () => {
  const controller = new AbortController();
  const waiting = pause(100_000, controller.signal);
  controller.abort(new Interrupted('SIGINT'));
  await expect(waiting).rejects.toMatchObject({ message: 'interrupted by SIGINT', exitCode: 130 });
  await expect(pause(1, controller.signal)).rejects.toMatchObject({ exitCode: 130 });
});

test.each([
  ['SIGHUP', 129],
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)('%s interrupts a command, and nothing after it', async (name, exitCode) => {
  const listeners = process.listenerCount(name);
  const command = interruptible((signal) => pause(100_000, signal));
  process.emit(name);
  await expect(command).rejects.toMatchObject({ message: `interrupted by ${name}`, exitCode });
  expect(process.listenerCount(name)).toBe(listeners);
});
