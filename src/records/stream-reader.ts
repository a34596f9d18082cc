import type { Transform } from 'node:stream';
import type { ContentReader } from './content-reader.js';
import { DecompressionLimitError, UndecodableRecordsError } from './errors.js';

/** What one step of a decoder makes: 1 to 2 ms of another thread's time. */
const PIECE_BYTES = 512 * 1024;

/** Content that one of Node's decoders makes in another thread, a piece ahead of who reads it. */
export class StreamReader implements ContentReader {
  private stream: Transform | null = null;
  private pieces: AsyncIterator<Buffer> | null = null;
  private total = 0;

  constructor(
    private readonly create: (options: { chunkSize: number }) => Transform,
    private readonly data: Buffer,
    private readonly maxBytes: number,
    private readonly codec: string,
  ) {}

  next(): Promise<Buffer | null> {
    return this.begin()
      .next()
      .then(
        (result) => {
          if (result.done === true) return null;
          this.total += result.value.length;
          if (this.total > this.maxBytes) throw new DecompressionLimitError(this.maxBytes);
          return result.value;
        },
        (error: unknown) => {
          throw new UndecodableRecordsError(`Failed to decompress record stream (${this.codec})`, { cause: error });
        },
      );
  }

  close(): void {
    this.stream?.destroy();
  }

  /** With the first piece that is asked for, and so listened to: an error that comes before that is one that nobody has caught. */
  private begin(): AsyncIterator<Buffer> {
    if (!this.pieces) {
      this.stream = this.create({ chunkSize: PIECE_BYTES });
      this.pieces = this.stream[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
      this.stream.end(this.data);
    }
    return this.pieces;
  }
}
