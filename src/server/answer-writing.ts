import { startInSlices, type Clock, type SliceLimits, type Steps } from '../common/index.js';
import { MAX_ANSWER_BYTES, UnreadAnswers, type Request } from '../network/index.js';
import { encodeResponseFrameInSteps } from '../protocol/index.js';
import { SMALL_ANSWER_BYTES } from './answer-turns.js';

/** So long an answer waits at most for more room until others are read: less where others of its kind wait for its turn. */
const MAX_WAIT_MS = 30_000;
const MAX_WAIT_BEFORE_OTHERS_MS = 1000;
/** What is unread may be read at any time: whoever waits looks again so often. */
const RETRY_MS = 50;

/**
 * Of the answers that wait for room, the one that keeps what it has: each would wait for what the others have. Those give it back, and are made
 * again once there is room for as much. A process has one clock.
 */
const keepers = new WeakMap<Clock, AnswerWriting>();

/** There was no room for the answer beside those that clients do not read. */
export class NoRoomForAnswer extends Error {}

/** What becomes of an answer that is being written. */
export interface AnswerWritingOptions {
  /** What it takes is counted with what clients have not read (`UnreadAnswers`), and where there is no room for more of it, it waits. */
  readonly isCounted: boolean;
  readonly limits: SliceLimits | undefined;
  readonly keepsOthersWaiting: () => boolean;
  readonly onWritten: (chunks: Buffer[]) => void;
  readonly onError: (error: unknown) => void;
}

/** Writes a large answer in slices. */
export class AnswerWriting {
  private steps: Steps<Buffer[]>;
  private chunks: Buffer[] | null = null;
  private writtenBytes = 0;
  /** What is written may be a small answer more. */
  private claimedBytes = 0;
  /** Of an answer that has given way: so much is claimed before it is made again. */
  private neededBytes = 0;
  /** The most that it has had. */
  private reachedBytes = 0;
  /** Since it had more than ever. */
  private waitedMs = 0;
  /** In all: no longer than its client may take to read it, else a trickle of room would keep it for hours. */
  private waitedInAllMs = 0;

  constructor(
    private readonly clock: Clock,
    private readonly request: Request,
    private readonly body: object,
    private readonly options: AnswerWritingOptions,
  ) {
    this.steps = this.encode();
  }

  private encode(): Steps<Buffer[]> {
    const { apiKey, apiVersion, correlationId } = this.request.header;
    const onGrowth = (bytes: number): void => void (this.writtenBytes += bytes);
    return encodeResponseFrameInSteps(apiKey, apiVersion, correlationId, this.body, onGrowth);
  }

  goOn(): void {
    const { limits } = this.options;
    const onError = (error: unknown): void => this.fail(error);
    startInSlices(this.clock, this.write(), (isWhole) => this.endSlices(isWhole), onError, limits);
  }

  /** False where there is no room for more. */
  private *write(): Steps<boolean> {
    while (this.hasRoom()) {
      if (this.chunks) return true;
      const step = this.steps.next();
      if (step.done) this.chunks = step.value;
      else yield;
    }
    return false;
  }

  private hasRoom(): boolean {
    if (!this.options.isCounted) return true;
    const bytes = Math.max(this.writtenBytes - this.claimedBytes, this.neededBytes);
    if (bytes <= SMALL_ANSWER_BYTES) return true;
    if (!this.request.claimAnswer(bytes)) return false;
    this.claimedBytes += bytes;
    this.neededBytes = 0;
    if (this.claimedBytes > this.reachedBytes) {
      this.reachedBytes = this.claimedBytes;
      this.waitedMs = 0;
    }
    return true;
  }

  /** Gives back what it has, unless it is the one that keeps it. */
  private giveWay(): void {
    const keeper = keepers.get(this.clock) ?? this;
    if (keeper === this) {
      keepers.set(this.clock, this);
      this.neededBytes = 0;
      return;
    }
    this.neededBytes = Math.max(this.neededBytes, this.writtenBytes);
    this.request.unclaimAnswer();
    this.claimedBytes = this.writtenBytes = 0;
    this.chunks = null;
    this.steps = this.encode();
  }

  private stopKeeping(): void {
    if (keepers.get(this.clock) === this) keepers.delete(this.clock);
  }

  private fail(error: unknown): void {
    this.stopKeeping();
    this.options.onError(error);
  }

  private get maxWaitMs(): number {
    return this.options.keepsOthersWaiting() ? MAX_WAIT_BEFORE_OTHERS_MS : MAX_WAIT_MS;
  }

  private endSlices(isWhole: boolean): void {
    if (isWhole) {
      this.stopKeeping();
      this.options.onWritten(this.chunks!);
      return;
    }
    if (this.request.isAbandoned) return this.stopKeeping();
    const bytes = Math.max(this.writtenBytes, this.neededBytes);
    const hasWaited = this.waitedMs >= this.maxWaitMs || this.waitedInAllMs >= UnreadAnswers.readMs(bytes);
    if (bytes > MAX_ANSWER_BYTES || hasWaited) {
      this.fail(new NoRoomForAnswer(`${bytes} bytes`));
      return;
    }
    this.giveWay();
    this.waitedMs += RETRY_MS;
    this.waitedInAllMs += RETRY_MS;
    this.clock.setTimer(RETRY_MS, () => this.goOn(), { background: true });
  }
}
