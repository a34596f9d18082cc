/** Decompressed content that is had piece by piece, so that it takes no more memory than a piece. */

export interface ContentReader {
  /** The next piece, good until the next call; null at the end. A promise where another thread makes it. Throws, or rejects with, `RecordsError`. */
  next(): Buffer | null | Promise<Buffer | null>;
  /** Nothing more is wanted of it. */
  close?(): void;
}

/** One that needs no other thread. */
export interface SyncContentReader extends ContentReader {
  next(): Buffer | null;
}

/** All of it at once: the pieces must stay good. */
export function readAll(reader: SyncContentReader): Buffer {
  const first = reader.next();
  if (!first) return EMPTY;
  const second = reader.next();
  if (!second) return first;
  const pieces = [first];
  let total = first.length;
  for (let piece: Buffer | null = second; piece; piece = reader.next()) {
    pieces.push(piece);
    total += piece.length;
  }
  return Buffer.concat(pieces, total);
}

const EMPTY = Buffer.alloc(0);
