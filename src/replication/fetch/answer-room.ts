import type { ReadResult } from './fetch-reader.js';

/** More than what an answer says of a partition takes, but for records and the name of its topic. */
const PARTITION_BYTES = 64;
/** So much an answer may take whatever others have not read. */
const SMALL_ANSWER_BYTES = 64 * 1024;

/**
 * What an answer of Fetch takes besides its records. A session may hold a hundred thousand partitions in error, of each of which every answer
 * tells: a fetch of 60 bytes is answered with megabytes.
 */
export class AnswerRoom {
  private lastTopic: string | null = null;
  bytes = 0;
  isFull = false;

  /** `availableBytes` besides its records; what is small has room all the same. */
  constructor(private readonly availableBytes = Infinity) {}

  /** Takes one more, unless it is without records and there is no room for it. */
  take({ cached: { topic }, sizeInBytes }: ReadResult): boolean {
    const bytes = PARTITION_BYTES + (topic !== this.lastTopic ? (topic?.length ?? 0) : 0);
    const hasRoom = this.bytes + bytes <= Math.max(this.availableBytes, SMALL_ANSWER_BYTES);
    if (!hasRoom && sizeInBytes === 0) {
      this.isFull = true;
      return false;
    }
    this.lastTopic = topic;
    this.bytes += bytes;
    return true;
  }

  /** It is no small answer. */
  get isCounted(): boolean {
    return this.bytes > SMALL_ANSWER_BYTES;
  }
}
