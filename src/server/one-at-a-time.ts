import type { Clock } from '../common/index.js';

type Work = (done: () => void) => void;

/** A process has one clock. */
const linesByClock = new WeakMap<Clock, Work[]>();

/**
 * Large answers are encoded one at a time, in the order in which they were given: there is one thread, and side by side they would all be half
 * there, in memory that is short (`UnreadAnswers`), where one after the other each is on its way to its client before the next begins.
 * Whoever is done says so, once; the next begins in a turn of its own.
 */
export function oneAtATime(clock: Clock, work: Work): void {
  let line = linesByClock.get(clock);
  if (!line) linesByClock.set(clock, (line = []));
  if (line.push(work) === 1) beginFirst(clock, line);
}

function beginFirst(clock: Clock, line: Work[]): void {
  line[0]!(() => {
    line.shift();
    if (line.length > 0) clock.defer(() => beginFirst(clock, line));
  });
}
