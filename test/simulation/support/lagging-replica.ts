import type { Clock, Random } from '../../../src/common/index.js';
import {
  ZooKeeperCore,
  type CoreResponse,
  type EmbeddedZooKeeper,
  type Replica,
  type ReplicaRequest,
} from '../../../src/zookeeper/index.js';
import { isRead, type Decision, type OrderedCore } from './ordered-core.js';

/** How late a member may be; one of these for a while, then another. */
const LAGS_MS = [0, 2, 20, 200, 1_500];
const LAG_CHANGES_EVERY_MS = 4_000;
const CALM_LAG_MS = 20;

type Answer = (response: CoreResponse | null) => void;

/** What waits until so many decisions are known. */
interface Waiting {
  readonly knownAt: number;
  readonly run: () => void;
}

/**
 * A follower of an ensemble, as ZooKeeper's clients may find it. It hears of each decision after a while, though in their order, and answers
 * reads from what it has heard, so that two members tell different states at the same time. A write is decided at once, and answered when
 * this member has heard of it; what its session asks after that, and `sync`, waits for that as well (`CommitProcessor`). Watches fire when
 * it hears of the change.
 */
export class LaggingReplica implements Replica {
  private readonly core: ZooKeeperCore;
  private readonly unheard: { decision: Decision; atMs: number }[] = [];
  private readonly waiting = new Map<bigint, Waiting[]>();
  private known = 0;
  private isHeld = false;
  private timerIsSet = false;
  private lagMs = 0;
  private lagUntilMs = 0;
  private isCalm = false;
  private deafUntilMs = 0;
  /** How likely it is that the connection breaks instead of carrying the answer to a write. */
  lostAnswerProbability = 0;

  constructor(
    private readonly zooKeeper: EmbeddedZooKeeper,
    private readonly ordered: OrderedCore,
    private readonly clock: Clock,
    private readonly random: Random,
  ) {
    this.core = new ZooKeeperCore(ordered.options);
    ordered.onDecision((decision) => this.decided(decision));
  }

  get lastZxid(): bigint {
    return this.core.lastZxid;
  }

  step(session: bigint, request: ReplicaRequest, answer: Answer): void {
    const { ordered, clock } = this;
    const nowMs = clock.monotonicMs();
    const timestampMs = Math.floor(clock.nowMs());
    if (request.op === 'closeSession') {
      ordered.closeSession(session);
      const response = { op: 'done', zxid: ordered.lastZxid } as const;
      return this.afterwards(session, ordered.decided, () => answer(response));
    }
    if (!isRead(request)) {
      const { response } = ordered.step(session, request, nowMs, timestampMs);
      const isLost = this.random.nextDouble() < this.lostAnswerProbability;
      return this.afterwards(session, ordered.decided, () => answer(isLost ? null : response));
    }
    ordered.touch(session, nowMs);
    const knownAt = request.op === 'sync' ? ordered.decided : ordered.beginningOf(session);
    this.afterwards(session, knownAt, () => {
      const { response, fired } = this.core.step(session, request, nowMs, timestampMs);
      this.zooKeeper.deliver(fired, this);
      answer(response);
    });
  }

  dropWatches(session: bigint): void {
    this.core.dropWatches(session);
    // What was asked on a connection that is gone is answered to no one.
    this.waiting.delete(session);
  }

  /** Stands still, and goes on. */
  hold(isHeld: boolean): void {
    this.isHeld = isHeld;
    if (!isHeld) this.hear();
  }

  /** Hears of nothing for so long. */
  fallBehind(forMs: number): void {
    this.deafUntilMs = this.clock.monotonicMs() + forMs;
  }

  /** From now on it is hardly late. */
  calmDown(): void {
    this.isCalm = true;
    this.lagMs = CALM_LAG_MS;
    this.deafUntilMs = 0;
    this.lostAnswerProbability = 0;
    this.hear();
  }

  private decided(decision: Decision): void {
    const nowMs = this.clock.monotonicMs();
    if (nowMs >= this.lagUntilMs && !this.isCalm) {
      this.lagMs = LAGS_MS[this.random.nextInt(LAGS_MS.length)]!;
      this.lagUntilMs = nowMs + LAG_CHANGES_EVERY_MS * this.random.nextDouble();
    }
    const earliestMs = this.unheard.at(-1)?.atMs ?? 0;
    this.unheard.push({ decision, atMs: Math.max(earliestMs, nowMs + this.lagMs * this.random.nextDouble()) });
    this.hearLater();
  }

  private hear(): void {
    const nowMs = this.clock.monotonicMs();
    const isDeaf = this.isHeld || nowMs < this.deafUntilMs;
    while (!isDeaf && this.unheard.length > 0 && this.unheard[0]!.atMs <= nowMs) {
      const fired = this.unheard.shift()!.decision(this.core);
      this.known++;
      // Events go out before the answer to the request that caused them.
      this.zooKeeper.deliver(fired, this);
      for (const session of [...this.waiting.keys()]) this.answerKnown(session);
    }
    this.hearLater();
  }

  private hearLater(): void {
    const [next] = this.unheard;
    if (!next || this.timerIsSet || this.isHeld) return;
    this.timerIsSet = true;
    const atMs = Math.max(next.atMs, this.deafUntilMs);
    const hear = (): void => {
      this.timerIsSet = false;
      this.hear();
    };
    this.clock.setTimer(Math.max(0, atMs - this.clock.monotonicMs()), hear, { background: true });
  }

  private afterwards(session: bigint, knownAt: number, run: () => void): void {
    const waiting = this.waiting.get(session);
    if (waiting) waiting.push({ knownAt, run });
    else this.waiting.set(session, [{ knownAt, run }]);
    this.answerKnown(session);
  }

  private answerKnown(session: bigint): void {
    const waiting = this.waiting.get(session);
    // An answer may end the connection, and with it all that was asked on it.
    while (waiting && this.waiting.get(session) === waiting) {
      if (waiting.length === 0) this.waiting.delete(session);
      else if (waiting[0]!.knownAt <= this.known) waiting.shift()!.run();
      else return;
    }
  }
}
