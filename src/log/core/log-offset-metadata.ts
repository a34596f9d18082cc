import { assert } from '../../common/index.js';

const UNKNOWN_SEGMENT = -1;
const UNKNOWN_POSITION = -1;

/** An offset and, when known, where it lies on disk (`org.apache.kafka.storage.internals.log.LogOffsetMetadata`). Immutable. */
export class LogOffsetMetadata {
  constructor(
    readonly messageOffset: number,
    /** The base offset of the segment it lies in; -1 when only the offset is known. */
    readonly segmentBaseOffset: number = UNKNOWN_SEGMENT,
    /** In bytes from the start of that segment; -1 when only the offset is known. */
    readonly relativePositionInSegment: number = UNKNOWN_POSITION,
  ) {}

  /** True when the place on disk is not known. */
  get messageOffsetOnly(): boolean {
    return this.segmentBaseOffset === UNKNOWN_SEGMENT;
  }

  /** True when this offset lies in an earlier segment than `that`. */
  onOlderSegment(that: LogOffsetMetadata): boolean {
    assert(!this.messageOffsetOnly && !that.messageOffsetOnly, 'both places on disk are known');
    return this.segmentBaseOffset < that.segmentBaseOffset;
  }

  onSameSegment(that: LogOffsetMetadata): boolean {
    return !this.messageOffsetOnly && this.segmentBaseOffset === that.segmentBaseOffset;
  }

  /** Bytes from `that` up to this; both must lie in one segment. */
  positionDiff(that: LogOffsetMetadata): number {
    assert(this.onSameSegment(that), 'both lie in the same segment');
    return this.relativePositionInSegment - that.relativePositionInSegment;
  }
}

/** The four ends of a log at one moment, for a fetch to decide by (`LogOffsetSnapshot`). */
export interface LogOffsetSnapshot {
  readonly logStartOffset: number;
  readonly logEndOffset: LogOffsetMetadata;
  readonly highWatermark: LogOffsetMetadata;
  readonly lastStableOffset: LogOffsetMetadata;
}
