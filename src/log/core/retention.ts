import { subtractInt64, type Int64 } from '../../records/index.js';

/** What retention needs to know of a segment. */
export interface RetainedSegment {
  readonly baseOffset: number;
  readonly sizeInBytes: number;
  /** The greatest timestamp of its records, or when it was written last if they have none. Asked only where it matters. */
  largestTimestamp(): Int64;
}

export interface RetentionQuestion {
  /** Oldest first; the last one is active. */
  readonly segments: readonly RetainedSegment[];
  readonly logStartOffset: number;
  readonly logEndOffset: number;
  readonly highWatermark: number;
  /** False for logs that are only compacted, or whose configuration is not wholly known: then the log start offset alone counts. */
  readonly deletes: boolean;
  /** -1: no limit. */
  readonly retentionMs: number;
  /** -1: no limit. */
  readonly retentionBytes: number;
  readonly nowMs: number;
}

export type RetentionReason = 'log start offset breach' | 'retention size breach' | 'retention time breach';

/**
 * How many of the oldest segments may go, and why (`UnifiedLog.deleteOldSegments`): only such as lie below the high watermark, never an
 * empty active one. One reason at a time; the caller asks again until the answer is 0.
 */
export function deletableSegments(question: RetentionQuestion): { count: number; reason: RetentionReason } {
  const { segments, deletes, retentionMs, retentionBytes, nowMs } = question;
  const none = { count: 0, reason: 'log start offset breach' as const };
  const byStart = countDeletable(
    question,
    (_, next) => next !== undefined && next.baseOffset <= question.logStartOffset,
  );
  if (byStart > 0) return { count: byStart, reason: 'log start offset breach' };
  if (!deletes) return none;
  if (retentionBytes >= 0) {
    let excess = segments.reduce((sum, segment) => sum + segment.sizeInBytes, 0) - retentionBytes;
    const bySize = countDeletable(question, (segment) => {
      if (excess < segment.sizeInBytes) return false;
      excess -= segment.sizeInBytes;
      return true;
    });
    if (bySize > 0) return { count: bySize, reason: 'retention size breach' };
  }
  if (retentionMs >= 0) {
    const byTime = countDeletable(
      question,
      (segment) => subtractInt64(nowMs, segment.largestTimestamp()) > retentionMs,
    );
    if (byTime > 0) return { count: byTime, reason: 'retention time breach' };
  }
  return none;
}

function countDeletable(
  { segments, highWatermark, logEndOffset }: RetentionQuestion,
  shouldDelete: (segment: RetainedSegment, next: RetainedSegment | undefined) => boolean,
): number {
  let count = 0;
  for (const segment of segments) {
    const next = segments[count + 1];
    if (highWatermark < (next?.baseOffset ?? logEndOffset)) break;
    if (!next && segment.sizeInBytes === 0) break;
    if (!shouldDelete(segment, next)) break;
    count++;
  }
  return count;
}
