import { runInThisContext } from 'node:vm';

/** The process itself; Jest gives tests a copy, which is told nothing. */
export const realProcess = runInThisContext('process') as NodeJS.Process;

/** What was rejected while `act` ran and no one listened to: in a broker each is an error that was caught by nobody. */
export async function strayRejections(act: () => Promise<void>): Promise<unknown[]> {
  const strays: unknown[] = [];
  const onStray = (error: unknown): void => void strays.push(error);
  realProcess.on('unhandledRejection', onStray);
  try {
    await act();
    // Node tells of them when the microtasks are done.
    await new Promise((resolve) => setImmediate(resolve));
  } finally {
    realProcess.off('unhandledRejection', onStray);
  }
  return strays;
}
