import { startInSlices, type Clock, type SliceLimits, type Steps } from '../common/index.js';
import { MAX_ANSWER_BYTES, type Request } from '../network/index.js';
import { encodeResponseFrameInSteps } from '../protocol/index.js';
import { SMALL_ANSWER_BYTES } from './answer-turns.js';

/** So long an answer waits at most until others are read: less where others of its kind wait for its turn. */
const MAX_WAIT_MS = 30_000;
const MAX_WAIT_BEFORE_OTHERS_MS = 1000;
/** What is unread may be read at any time: whoever waits looks again so often. */
const RETRY_MS = 50;

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
  private readonly steps: Steps<Buffer[]>;
  private chunks: Buffer[] | null = null;
  private claimedBytes = 0;
  private unclaimedBytes = 0;
  private waitedMs = 0;

  constructor(
    private readonly clock: Clock,
    private readonly request: Request,
    body: object,
    private readonly options: AnswerWritingOptions,
  ) {
    const { apiKey, apiVersion, correlationId } = request.header;
    const onGrowth = (bytes: number): void => void (this.unclaimedBytes += bytes);
    this.steps = encodeResponseFrameInSteps(apiKey, apiVersion, correlationId, body, onGrowth);
  }

  goOn(): void {
    const { onError, limits } = this.options;
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
    const { unclaimedBytes } = this;
    if (!this.options.isCounted || unclaimedBytes <= SMALL_ANSWER_BYTES) return true;
    if (!this.request.claimAnswer(unclaimedBytes)) return false;
    this.claimedBytes += unclaimedBytes;
    this.unclaimedBytes = 0;
    return true;
  }

  private get maxWaitMs(): number {
    return this.options.keepsOthersWaiting() ? MAX_WAIT_BEFORE_OTHERS_MS : MAX_WAIT_MS;
  }

  private endSlices(isWhole: boolean): void {
    if (isWhole) {
      this.options.onWritten(this.chunks!);
      return;
    }
    if (this.request.isAbandoned) return;
    const bytes = this.claimedBytes + this.unclaimedBytes;
    if (bytes > MAX_ANSWER_BYTES || this.waitedMs >= this.maxWaitMs) {
      this.options.onError(new NoRoomForAnswer(`${bytes} bytes`));
      return;
    }
    this.waitedMs += RETRY_MS;
    this.clock.setTimer(RETRY_MS, () => this.goOn(), { background: true });
  }
}
