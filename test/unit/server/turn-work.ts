import { SimulatedClock } from '../../../src/testing/index.js';
import type { Outcome } from './request-call.js';

const WORK_MS = 5;
/** Of a turn of 10 ms. */
export const MOST_A_TURN = 4;
/** Of what a test asks for. */
export const COUNT = 50;

/** Work that takes time, under a clock that tells how much of it is done in one turn; and a ZooKeeper that answers many at one time. */
export class TurnWork {
  readonly clock = new SimulatedClock();
  private nowMs = 0;
  private sinceTurn = 0;
  most = 0;
  total = 0;
  private readonly answers: (() => void)[] = [];

  readonly busy = {
    monotonicMs: () => this.nowMs,
    defer: (task: () => void): void =>
      this.clock.defer(() => {
        this.sinceTurn = 0;
        task();
      }),
    setTimer: this.clock.setTimer.bind(this.clock),
  };

  /** What is done with the result takes its time. */
  work<T>(result: T): T {
    this.nowMs += WORK_MS;
    this.total++;
    this.most = Math.max(this.most, ++this.sinceTurn);
    return result;
  }

  /** Of ZooKeeper. */
  answered<T>(result: T): Promise<T> {
    return new Promise((resolve) => this.answers.push(() => resolve(result)));
  }

  /** ZooKeeper answers whoever has asked. */
  answerAll(): void {
    for (const answer of this.answers.splice(0)) answer();
  }

  async done(outcomes: Promise<Outcome>[]): Promise<Outcome[]> {
    for (let turn = 0; turn < 4 * COUNT; turn++) {
      this.answerAll();
      await this.clock.advance(1);
    }
    return Promise.all(outcomes);
  }
}
