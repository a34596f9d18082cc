/** Data messages as they stand in logs, in group metadata and in envelopes: with their version as an int16 in front. */
import type { MessageType } from './notation.js';
import { ProtocolError } from './protocol-error.js';

/** The version in front of a data message. Throws a ProtocolError when not even that is there. */
export function versionOf(bytes: Buffer): number {
  if (bytes.length < 2) throw new ProtocolError('Malformed', `${bytes.length} bytes, less than a version`);
  return bytes.readInt16BE(0);
}

/** Reads a data message with its version in front. Throws a ProtocolError for a version that is not defined. */
export function decodeVersioned<T, I>(type: MessageType<T, I>, bytes: Buffer): T {
  return type.decode(bytes, versionOf(bytes), 2);
}

/** Writes a data message with its version in front. */
export function encodeVersioned<T, I>(type: MessageType<T, I>, message: I, version: number): Buffer {
  const body = type.encode(message, version);
  const bytes = Buffer.allocUnsafe(2 + body.length);
  bytes.writeInt16BE(version, 0);
  bytes.set(body, 2);
  return bytes;
}
