import type { MessageKind, MessageSpec, MessageType, ReadPosition, StructShape } from '../notation.js';
import { ProtocolError } from '../protocol-error.js';
import { isIn, parseVersions } from '../versions.js';
import { compileDecoder, type Decoder } from './decoder.js';
import { compileEncoder, type Encoder } from './encoder.js';
import { writer, type Writer } from './writer.js';

/** A described message with its codecs, one pair for each version, compiled when first used. */
export class CompiledMessage<T, I> implements MessageType<T, I> {
  readonly name: string;
  readonly kind: MessageKind;
  readonly apiKey: number | null;
  readonly validVersions: { readonly min: number; readonly max: number };
  readonly flexibleVersions: { readonly min: number } | null;
  readonly latestVersionUnstable: boolean;
  private readonly decoders: Decoder[] = [];
  private readonly encoders: Encoder[] = [];

  constructor(
    private readonly spec: MessageSpec,
    readonly shape: StructShape,
  ) {
    this.name = spec.name;
    this.kind = spec.kind;
    this.apiKey = spec.apiKey ?? null;
    const versions = parseVersions(spec.versions);
    if (!versions || versions.max === Infinity)
      throw new RangeError(`${spec.name}: versions must end: ${spec.versions}`);
    this.validVersions = versions;
    const flexible = parseVersions(spec.flexible);
    this.flexibleVersions = flexible && { min: flexible.min };
    this.latestVersionUnstable = spec.latestVersionUnstable ?? false;
  }

  isFlexible(version: number): boolean {
    return isIn(this.spec.flexible, version);
  }

  decode(buffer: Buffer, version: number, offset = 0): T {
    return this.decodeFrom({ buffer, position: offset }, version);
  }

  decodeFrom(at: ReadPosition, version: number): T {
    return (this.decoders[version] ?? this.decoderOf(version))(at) as T;
  }

  encode(message: I, version: number): Buffer {
    return writer.whole((body) => this.encodeTo(body, message, version));
  }

  encodeChunks(message: I, version: number): Buffer[] {
    return writer.chunks((body) => this.encodeTo(body, message, version));
  }

  encodeTo(target: Writer, message: I, version: number): void {
    (this.encoders[version] ?? this.encoderOf(version))(message, target);
  }

  private decoderOf(version: number): Decoder {
    this.checkVersion(version);
    return (this.decoders[version] = compileDecoder(this.shape, version, this.isFlexible(version)));
  }

  private encoderOf(version: number): Encoder {
    this.checkVersion(version);
    return (this.encoders[version] = compileEncoder(this.shape, version, this.isFlexible(version)));
  }

  private checkVersion(version: number): void {
    const { min, max } = this.validVersions;
    if (Number.isInteger(version) && version >= min && version <= max) return;
    throw new ProtocolError('UnsupportedVersion', `${this.name} has no version ${version}, but ${min} to ${max}`);
  }
}
