import type { Transform } from 'node:stream';
import type { ContentReader } from './content-reader.js';
import { DecompressionLimitError, UndecodableRecordsError } from './errors.js';

/** What one step of a decoder makes: 1 to 2 ms of another thread's time. */
const PIECE_BYTES = 512 * 1024;

/** Content that one of Node's decoders makes in another thread, a piece ahead of who reads it. */
export class StreamReader implements ContentReader {
  private readonly stream: Transform;
  private readonly pieces: AsyncIterator<Buffer>;
  private total = 0;

  constructor(
    create: (options: { chunkSize: number }) => Transform,
    data: Buffer,
    private readonly maxBytes: number,
    private readonly codec: string,
  ) {
    this.stream = create({ chunkSize: PIECE_BYTES });
    this.pieces = this.stream[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
    this.stream.end(data);
  }

  next(): Promise<Buffer | null> {
    return this.pieces.next().then(
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
    this.stream.destroy();
  }
}
