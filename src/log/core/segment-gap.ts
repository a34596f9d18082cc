/** What recovery knows of the border between two segments. */
export interface SegmentBorder {
  readonly baseOffset: number;
  /** Behind the last batch of the segment. */
  readonly endOffset: number;
  readonly nextBaseOffset: number;
  /** Offsets are missing inside of the segments before the border: the cleaner was here, or on the leader they were fetched from. */
  readonly hasGapsWithin: boolean;
  /** The cleaner of this broker has been up to here (`cleaner-offset-checkpoint`). */
  readonly cleanedUpTo: number;
}

const MAX_SEGMENT_OFFSETS = 0x80000000;

/**
 * True when the next segment cannot belong to the log any more. A loss of power can take the end of a segment away at the border of two
 * batches and leave the next segment; Kafka goes on with such a hole, and a follower would then miss those records forever. Or it brings
 * segments back that a truncation has cut. The cleaner leaves gaps that are right, whatever the topic's policy is today: it syncs what it
 * wrote, so a segment that it has been through has lost nothing. Offsets that no segment has room for were not lost from its end.
 */
export function isLogBroken(border: SegmentBorder): boolean {
  const { baseOffset, endOffset, nextBaseOffset } = border;
  if (nextBaseOffset <= endOffset) return nextBaseOffset < endOffset;
  const isLegitimate =
    border.hasGapsWithin || nextBaseOffset <= border.cleanedUpTo || nextBaseOffset - baseOffset > MAX_SEGMENT_OFFSETS;
  return !isLegitimate;
}
