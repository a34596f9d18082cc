/** The records of magic 2 in content that comes piece by piece. */
import { InvalidRecordError } from './errors.js';
import { toInt64, type Int64 } from './int64.js';
import { RecordCursor } from './record.js';
import type { PassedRecord } from './record-checks.js';
import { readVarlongExact } from './varint.js';

/** Asks for the next piece by each `yield`; null says that there is none. */
export type PieceTaker<T> = Generator<void, T, Buffer | null>;

const EMPTY = Buffer.alloc(0);
const VARLONG_MAX_BYTES = 10;

/**
 * Passes records without keeping them: of a record that goes on in the next piece only what is told about it (`DefaultRecord.readPartiallyFrom`
 * skips keys and values too). It refuses what `RecordCursor` refuses.
 */
export class RecordStream implements PassedRecord {
  timestampDelta: Int64 = 0;
  offsetDelta = 0;
  keySize = 0;
  valueSize = 0;
  /** Of the pieces so far. */
  takenBytes = 0;
  private cursor = new RecordCursor(EMPTY, 0, 0);
  /** Bytes of the record under way that are still to come. */
  private left = 0;

  /** Shows `count` records, which must be all there are; fewer when `visit` returns false. Throws `InvalidRecordError`. */
  *pass(count: number, visit: (index: number, record: PassedRecord) => boolean | void): PieceTaker<void> {
    for (let index = 0; index < count; index++) {
      let record: PassedRecord = this.cursor;
      if (this.cursor.isNextWhole) this.cursor.next();
      else {
        yield* this.passInPieces();
        record = this;
      }
      if (visit(index, record) === false) return;
    }
    if (this.cursor.position < this.cursor.end || (yield* this.nextPiece())) {
      throw new InvalidRecordError('Incorrect declared batch size, records still remaining in file');
    }
  }

  private *passInPieces(): PieceTaker<void> {
    if (this.cursor.position === this.cursor.end && !(yield* this.nextPiece())) {
      throw new InvalidRecordError('Incorrect declared batch size, premature EOF reached');
    }
    this.left = Infinity;
    const bodySize = yield* this.varint();
    if (bodySize < 6) throw new InvalidRecordError(`Invalid record size: ${bodySize} bytes cannot hold a record`);
    this.left = bodySize;
    yield* this.byte(); // Attributes: none are defined.
    this.timestampDelta = yield* this.varlong();
    this.offsetDelta = yield* this.varint();
    this.keySize = yield* this.varint();
    yield* this.skip(this.keySize);
    this.valueSize = yield* this.varint();
    yield* this.skip(this.valueSize);
    const headers = yield* this.varint();
    if (headers < 0) throw new InvalidRecordError(`Found invalid number of record headers ${headers}`);
    if (headers > this.left) {
      throw new InvalidRecordError(
        `Found invalid number of record headers. ${headers} is larger than the remaining size of the buffer`,
      );
    }
    for (let header = 0; header < headers; header++) {
      const keySize = yield* this.varint();
      if (keySize < 0) throw new InvalidRecordError(`Invalid negative header key size ${keySize}`);
      yield* this.skip(keySize);
      yield* this.skip(yield* this.varint());
    }
    if (this.left !== 0) {
      throw new InvalidRecordError(
        `Invalid record size: expected to read ${bodySize} bytes in record payload, but instead read ${bodySize - this.left}`,
      );
    }
  }

  private *skip(bytes: number): PieceTaker<void> {
    if (bytes <= 0) return;
    if (bytes > this.left) throw structureError();
    this.left -= bytes;
    for (let missing = bytes; ;) {
      const { cursor } = this;
      const skipped = Math.min(missing, cursor.end - cursor.position);
      cursor.position += skipped;
      missing -= skipped;
      if (missing === 0) return;
      if (!(yield* this.nextPiece())) throw structureError();
    }
  }

  private *byte(): PieceTaker<number> {
    if (this.left <= 0) throw structureError();
    if (this.cursor.position === this.cursor.end && !(yield* this.nextPiece())) throw structureError();
    this.left--;
    return this.cursor.buffer[this.cursor.position++]!;
  }

  private *varint(): PieceTaker<number> {
    let raw = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = yield* this.byte();
      raw |= (byte & 0x7f) << shift;
      if (byte < 0x80) return (raw >>> 1) ^ -(raw & 1);
      if (shift === 28)
        throw new InvalidRecordError('Varint is too long, the most significant bit in the 5th byte is set');
    }
  }

  private *varlong(): PieceTaker<Int64> {
    const bytes = Buffer.alloc(VARLONG_MAX_BYTES);
    for (let at = 0; at < VARLONG_MAX_BYTES; at++) {
      const byte = yield* this.byte();
      bytes[at] = byte;
      if (byte < 0x80) return toInt64(readVarlongExact(bytes, 0));
    }
    throw new InvalidRecordError('Varlong is too long, most significant bit in the 10th byte is set');
  }

  /** False when there is none. */
  private *nextPiece(): PieceTaker<boolean> {
    for (;;) {
      const piece = yield;
      if (piece === null) return false;
      this.takenBytes += piece.length;
      if (piece.length === 0) continue;
      this.cursor = new RecordCursor(piece, 0, piece.length);
      return true;
    }
  }
}

function structureError(): InvalidRecordError {
  return new InvalidRecordError('Found invalid record structure');
}
