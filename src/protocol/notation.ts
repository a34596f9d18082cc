/**
 * The notation in which every message is described once for all its versions. Its TypeScript type and its codec both come from the
 * description (Kafka's own are the JSON files of its `clients/src/main/resources/common/message`).
 */
import { CompiledMessage } from './codec/compiled-message.js';
import type { MessageSize } from './codec/measurer.js';
import type { Writer } from './codec/writer.js';
import type { Steps, Uuid } from '../common/index.js';

/** Types of Kafka that hold no others. `int64` is a bigint, `uuid` 22 characters of base64url, `records` raw batches. */
export interface PrimitiveTypes {
  bool: boolean;
  int8: number;
  int16: number;
  uint16: number;
  int32: number;
  uint32: number;
  int64: bigint;
  float64: number;
  uuid: Uuid;
  string: string;
  bytes: Buffer;
  records: Buffer;
}
export type PrimitiveName = keyof PrimitiveTypes;

/** Record batches to send: whole, or as slices that go out one after another. */
export type RecordsValue = Buffer | readonly Buffer[] | null;

/** What a description may say of a field besides its type and versions. Versions are texts: `3`, `2-5`, `2+`, `none`. */
export interface FieldOptions<T> {
  /** Versions in which null is allowed. A nullable field still defaults to the type's zero unless `default` is null. */
  readonly nullable?: string;
  /** The value of a field that is missing. Otherwise zero, false, empty, the zero uuid, or a struct of defaults. */
  readonly default?: T;
  /** The value may be dropped when the version lacks the field; otherwise writing it there is refused. */
  readonly ignorable?: boolean;
  /** Part of the key of an array that Java keeps as a keyed collection. On the wire it means nothing. */
  readonly mapKey?: boolean;
  /** Versions in which the field stands in the tag section (KIP-482), under the number `tag`. */
  readonly tagged?: string;
  readonly tag?: number;
  /** Versions in which the field's length is compact, when they differ from the message's. */
  readonly flexible?: string;
}

/** A struct's name in Kafka and its fields in the order of the wire. */
export interface StructShape {
  readonly name: string;
  readonly fields: Readonly<Record<string, FieldShape>>;
}

/** A field without its types: what the codec compiler and the checks of descriptions read. */
export interface FieldShape extends FieldOptions<unknown> {
  readonly type: PrimitiveName | 'array' | 'struct';
  readonly versions: string;
  /** Of an array: what it holds. */
  readonly element?: PrimitiveName | StructShape;
  /** Of a struct. */
  readonly struct?: StructShape;
}

declare const VALUE: unique symbol;
declare const INPUT: unique symbol;

/** A described field whose decoded value is a `T`, and for which an `I` is accepted when encoding. */
export interface Field<T, I = T> extends FieldShape {
  readonly [VALUE]: T;
  readonly [INPUT]: I;
}

type Fields = Readonly<Record<string, Field<unknown, unknown>>>;

/** A described struct. */
export interface Struct<F extends Fields> extends StructShape {
  readonly fields: F;
}

/** The object that decoding gives: every field is there, missing ones with their default. */
export type Infer<F extends Fields> = { -readonly [K in keyof F]: F[K][typeof VALUE] };
/** The object that encoding takes: every field may be left out and then has its default. */
export type InferInput<F extends Fields> = { readonly [K in keyof F]?: F[K][typeof INPUT] };

/** Every field optional, at every depth: what may be encoded as a `T`. */
export type DeepPartial<T> = T extends Buffer | string | number | bigint | boolean | null
  ? T
  : T extends readonly (infer E)[]
    ? readonly DeepPartial<E>[]
    : { readonly [K in keyof T]?: DeepPartial<T[K]> };

export type MessageKind = 'request' | 'response' | 'header' | 'data';

export interface MessageSpec {
  readonly name: string;
  readonly kind: MessageKind;
  /** Of requests and responses. */
  readonly apiKey?: number;
  /** Versions that are defined, as `0-3`. */
  readonly versions: string;
  /** Versions with compact lengths and tag sections (KIP-482), or `none`. */
  readonly flexible: string;
  /** The highest version is defined, but a broker neither offers nor accepts it unless told to. */
  readonly latestVersionUnstable?: boolean;
  /** Of a request: takes ClusterAction on the cluster, as what brokers ask each other does. */
  readonly clusterAction?: boolean;
}

/** Where decoding stands in a buffer. */
export interface ReadPosition {
  readonly buffer: Buffer;
  position: number;
}

/**
 * A message in all its versions. Decoded `bytes` and `records` are views of the buffer they came from. Both directions throw
 * `ProtocolError`; see there.
 */
export interface MessageType<T, I = DeepPartial<T>> {
  readonly name: string;
  readonly kind: MessageKind;
  /** Null for headers and data. */
  readonly apiKey: number | null;
  readonly validVersions: { readonly min: number; readonly max: number };
  /** The first flexible version, null when none is. */
  readonly flexibleVersions: { readonly min: number } | null;
  readonly latestVersionUnstable: boolean;
  readonly clusterAction: boolean;
  /** The description, for tools that walk it. */
  readonly shape: StructShape;
  isFlexible(version: number): boolean;
  /** Reads the message that begins at `offset`. Bytes after it are ignored, as Kafka's readers do. */
  decode(buffer: Buffer, version: number, offset?: number): T;
  /** Reads the message at `at.position` and moves it behind. */
  decodeFrom(at: ReadPosition, version: number): T;
  encode(message: I, version: number): Buffer;
  /** As `encode`, in pieces: `records` of 4 KiB and more are passed on by reference instead of copied. */
  encodeChunks(message: I, version: number): Buffer[];
  /** Appends to what the writer holds already: how frames are put together. */
  encodeTo(writer: Writer, message: I, version: number): void;
  /**
   * As `decode` for a message of up to `maxElements` elements of arrays and tagged fields in all. Null when the bytes state more: then
   * next to nothing was done, and no more is known of them.
   */
  decodeUpTo(maxElements: number, buffer: Buffer, version: number, offset?: number): T | null;
  /** How many elements the message has, and what they would take in memory. Makes nothing. */
  measureInSteps(buffer: Buffer, version: number, offset?: number): Steps<MessageSize>;
  /** As `decode`, for messages of any size. Nobody may change the buffer between the steps. */
  decodeInSteps(buffer: Buffer, version: number, offset?: number): Steps<T>;
  /** As `encodeTo` for a message of up to `maxElements` elements of arrays; false, with a part written, when it has more. */
  encodeUpTo(maxElements: number, writer: Writer, message: I, version: number): boolean;
  /** As `encodeTo`, for messages of any size. Nobody may change the message between the steps. */
  encodeInSteps(writer: Writer, message: I, version: number): Steps<void>;
}

/** A message whose fields are not known here; a handler knows which it is. */
export type AnyMessage = MessageType<object, object>;

/** The type that decoding a message gives. */
export type TypeOf<M> = M extends MessageType<infer T, infer _I> ? T : never;
/** The type that encoding a message takes. */
export type InputOf<M> = M extends MessageType<infer _T, infer I> ? I : never;

/** Describes a message; its codec is compiled for each version when it is first used. */
export function message<F extends Fields>(spec: MessageSpec, fields: F): MessageType<Infer<F>, InferInput<F>> {
  return new CompiledMessage<Infer<F>, InferInput<F>>(spec, { name: spec.name, fields });
}

/** Describes a struct for `array` and `nested`. The name is Kafka's and stands in error messages. */
export function struct<F extends Fields>(name: string, fields: F): Struct<F> {
  return { name, fields };
}

type Options<T> = FieldOptions<T> & { readonly nullable?: never };
type NullableOptions<T> = FieldOptions<T | null> & { readonly nullable: string };

/** An array of primitives or structs. Elements are never null. */
export function array<F extends Fields>(
  versions: string,
  element: Struct<F>,
  options?: Options<never[]>,
): Field<Infer<F>[], readonly InferInput<F>[]>;
export function array<F extends Fields>(
  versions: string,
  element: Struct<F>,
  options: NullableOptions<never[]>,
): Field<Infer<F>[] | null, readonly InferInput<F>[] | null>;
export function array<P extends PrimitiveName>(
  versions: string,
  element: P,
  options?: Options<never[]>,
): Field<PrimitiveTypes[P][], readonly PrimitiveTypes[P][]>;
export function array<P extends PrimitiveName>(
  versions: string,
  element: P,
  options: NullableOptions<never[]>,
): Field<PrimitiveTypes[P][] | null, readonly PrimitiveTypes[P][] | null>;
export function array(
  versions: string,
  element: PrimitiveName | StructShape,
  options?: FieldOptions<unknown>,
): FieldShape {
  return { type: 'array', versions, element, ...options };
}

/** A struct that is itself a field. */
export function nested<F extends Fields>(
  versions: string,
  of: Struct<F>,
  options?: Options<never>,
): Field<Infer<F>, InferInput<F>>;
export function nested<F extends Fields>(
  versions: string,
  of: Struct<F>,
  options: NullableOptions<never>,
): Field<Infer<F> | null, InferInput<F> | null>;
export function nested(versions: string, of: StructShape, options?: FieldOptions<unknown>): FieldShape {
  return { type: 'struct', versions, struct: of, ...options };
}

/** Makes the function that describes fields of a type that is never null. */
function fixed<T>(type: PrimitiveName) {
  return (versions: string, options?: Options<T>): Field<T> =>
    ({ type, versions, ...options }) as FieldShape as Field<T>;
}

/** Makes the function that describes fields of a type that may be null. */
function nullable<T, I = T>(type: PrimitiveName) {
  function field(versions: string, options?: Options<T>): Field<T, I>;
  function field(versions: string, options: NullableOptions<T>): Field<T | null, I | null>;
  function field(versions: string, options?: FieldOptions<unknown>): FieldShape {
    return { type, versions, ...options };
  }
  return field;
}

export const bool = fixed<boolean>('bool');
export const int8 = fixed<number>('int8');
export const int16 = fixed<number>('int16');
export const uint16 = fixed<number>('uint16');
export const int32 = fixed<number>('int32');
export const uint32 = fixed<number>('uint32');
/** A signed 64-bit integer: always a bigint. */
export const int64 = fixed<bigint>('int64');
export const float64 = fixed<number>('float64');
/** A topic or directory id; the zero uuid when missing. */
export const uuid = fixed<Uuid>('uuid');
export const string = nullable<string>('string');
export const bytes = nullable<Buffer>('bytes');
/** Record batches: decoded as one view of the received bytes, encoded from a buffer or a list of slices. */
export const records = nullable<Buffer, Buffer | readonly Buffer[]>('records');
