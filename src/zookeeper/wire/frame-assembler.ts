/** Frames longer than this end the connection: no answer to what is asked for here comes near. Kafka's own limit is 4 MiB. */
export const MAX_FRAME_BYTES = 64 * 1024 * 1024;

/** Cuts a stream into frames with an int32 length in front. Each byte is copied at most once, however the stream is chopped. */
export class FrameAssembler {
  private parts: Buffer[] = [];
  private partsBytes = 0;
  /** Bytes until the next decision: the length, or the whole frame with it. */
  private needed = 4;

  constructor(private readonly maxFrameBytes = MAX_FRAME_BYTES) {}

  /** Takes the next bytes and returns the frames that they complete. Throws a RangeError for an impossible length. */
  push(bytes: Buffer): Buffer[] {
    const frames: Buffer[] = [];
    let chunk = bytes;
    if (this.partsBytes > 0) {
      this.parts.push(bytes);
      this.partsBytes += bytes.length;
      if (this.partsBytes < this.needed) return frames;
      chunk = Buffer.concat(this.parts, this.partsBytes);
      this.parts = [];
      this.partsBytes = 0;
    }
    let offset = 0;
    for (;;) {
      const available = chunk.length - offset;
      this.needed = 4;
      if (available < 4) break;
      const length = chunk.readInt32BE(offset);
      if (length < 0 || length > this.maxFrameBytes) throw new RangeError(`a frame of ${length} bytes`);
      this.needed = 4 + length;
      if (available < this.needed) break;
      frames.push(chunk.subarray(offset + 4, offset + this.needed));
      offset += this.needed;
    }
    if (offset < chunk.length) {
      this.parts = [chunk.subarray(offset)];
      this.partsBytes = chunk.length - offset;
    }
    return frames;
  }
}
