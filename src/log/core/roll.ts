import type { Int64 } from '../../records/index.js';

/** What decides whether an append goes to a new segment (`RollParams`, `LogSegment.shouldRoll`). */
export interface RollQuestion {
  readonly segmentSizeInBytes: number;
  readonly appendSizeInBytes: number;
  readonly maxSegmentBytes: number;
  /** How long the segment has been taking records: by their timestamps if they have any. */
  readonly timeWaitedMs: Int64;
  /** `segment.ms` less the jitter that the segment drew, so that the segments of many partitions are not rolled together. */
  readonly maxSegmentMs: number;
  readonly isIndexFull: boolean;
  /** False when the last offset is too far from the segment's base offset for 32 bits. */
  readonly fitsRelativeOffset: boolean;
}

/** True when the append must go to a new segment; a batch is never split between two. */
export function shouldRoll(question: RollQuestion): boolean {
  const { segmentSizeInBytes: size } = question;
  return (
    size > question.maxSegmentBytes - question.appendSizeInBytes ||
    (size > 0 && question.timeWaitedMs > question.maxSegmentMs) ||
    question.isIndexFull ||
    !question.fitsRelativeOffset
  );
}
