import type { Steps } from '../../common/index.js';
import type { MessageKind, MessageSpec, MessageType, ReadPosition, StructShape } from '../notation.js';
import { ProtocolError } from '../protocol-error.js';
import { isIn, parseVersions } from '../versions.js';
import {
  compileBoundedDecoder,
  compileDecoder,
  compileSteppedDecoder,
  type BoundedDecoder,
  type Decoder,
  type SteppedDecoder,
} from './decoder.js';
import {
  compileBoundedEncoder,
  compileEncoder,
  compileSteppedEncoder,
  type BoundedEncoder,
  type Encoder,
  type SteppedEncoder,
} from './encoder.js';
import { compileMeasurer, type Measurer, type MessageSize } from './measurer.js';
import { writer, type Writer } from './writer.js';

/** A described message with its codecs, one pair for each version, compiled when first used. */
export class CompiledMessage<T, I> implements MessageType<T, I> {
  readonly name: string;
  readonly kind: MessageKind;
  readonly apiKey: number | null;
  readonly validVersions: { readonly min: number; readonly max: number };
  readonly flexibleVersions: { readonly min: number } | null;
  readonly latestVersionUnstable: boolean;
  readonly clusterAction: boolean;
  private readonly decoders: Decoder[] = [];
  private readonly encoders: Encoder[] = [];
  private readonly boundedDecoders: BoundedDecoder[] = [];
  private readonly boundedEncoders: BoundedEncoder[] = [];
  private readonly steppedDecoders: SteppedDecoder[] = [];
  private readonly steppedEncoders: SteppedEncoder[] = [];
  private readonly measurers: Measurer[] = [];

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
    this.clusterAction = spec.clusterAction ?? false;
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

  decodeUpTo(maxElements: number, buffer: Buffer, version: number, offset = 0): T | null {
    const decode = (this.boundedDecoders[version] ??= this.compiled(compileBoundedDecoder, version));
    return decode({ buffer, position: offset }, maxElements) as T | null;
  }

  measureInSteps(buffer: Buffer, version: number, offset = 0): Steps<MessageSize> {
    const measure = (this.measurers[version] ??= this.compiled(compileMeasurer, version));
    return measure({ buffer, position: offset });
  }

  decodeInSteps(buffer: Buffer, version: number, offset = 0): Steps<T> {
    const decode = (this.steppedDecoders[version] ??= this.compiled(compileSteppedDecoder, version));
    return decode({ buffer, position: offset }) as Steps<T>;
  }

  encodeUpTo(maxElements: number, target: Writer, message: I, version: number): boolean {
    const encode = (this.boundedEncoders[version] ??= this.compiled(compileBoundedEncoder, version));
    return encode(message, target, maxElements);
  }

  encodeInSteps(target: Writer, message: I, version: number): Steps<void> {
    const encode = (this.steppedEncoders[version] ??= this.compiled(compileSteppedEncoder, version));
    return encode(message, target);
  }

  private decoderOf(version: number): Decoder {
    return (this.decoders[version] = this.compiled(compileDecoder, version));
  }

  private encoderOf(version: number): Encoder {
    return (this.encoders[version] = this.compiled(compileEncoder, version));
  }

  private compiled<C>(compile: (shape: StructShape, version: number, flexible: boolean) => C, version: number): C {
    this.checkVersion(version);
    return compile(this.shape, version, this.isFlexible(version));
  }

  private checkVersion(version: number): void {
    const { min, max } = this.validVersions;
    if (Number.isInteger(version) && version >= min && version <= max) return;
    throw new ProtocolError('UnsupportedVersion', `${this.name} has no version ${version}, but ${min} to ${max}`);
  }
}
