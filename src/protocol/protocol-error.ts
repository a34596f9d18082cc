/**
 * Why a body could not be read or written. `Malformed`: the bytes are no message of that version. `UnsupportedVersion`: the version
 * is not one of the message's, or lacks a field whose value must not be lost. `InvalidValue`: the object to encode has a value that
 * the field's type cannot hold, which is a bug of the caller or a mistake in a JSON line.
 */
export type ProtocolErrorKind = 'Malformed' | 'UnsupportedVersion' | 'InvalidValue';

/** A message that does not decode or encode. Of bytes that a client sent, it costs the client its connection and is no bug of ours. */
export class ProtocolError extends Error {
  override readonly name = 'ProtocolError';

  constructor(
    readonly kind: ProtocolErrorKind,
    message: string,
  ) {
    super(message);
  }
}
