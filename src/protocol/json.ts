/**
 * Messages as JSON, in the conventions of Kafka's generated converters: fields that the version lacks are left out, tagged fields also
 * when they equal their default; `bytes` and `records` are base64, `uuid` base64url, `int64` and `float64` plain numbers.
 */
import { isUuid } from '../common/index.js';
import { fieldsOf, isDefault } from './codec/layout.js';
import type { JsonObject, JsonValue } from './json-text.js';
import type { FieldShape, MessageType, PrimitiveName, StructShape } from './notation.js';
import { ProtocolError } from './protocol-error.js';

/** The JSON of a decoded message. */
export function toJson<T extends object, I>(type: MessageType<T, I>, message: T, version: number): JsonObject {
  return structToJson(type.shape, message as Record<string, unknown>, version);
}

interface JsonField {
  readonly name: string;
  readonly field: FieldShape;
  readonly isTagged: boolean;
}

/** The fields that the JSON of a version shows, in the order of the description. Asked for with every struct, so kept. */
const shown = new WeakMap<StructShape, (readonly JsonField[])[]>();

function shownFields(shape: StructShape, version: number): readonly JsonField[] {
  let byVersion = shown.get(shape);
  if (!byVersion) shown.set(shape, (byVersion = []));
  return (byVersion[version] ??= jsonFields(shape, version));
}

function jsonFields(shape: StructShape, version: number): JsonField[] {
  const { tagged, absent } = fieldsOf(shape, version);
  const isAbsent = new Set(absent.map(({ name }) => name));
  const isTagged = new Set(tagged.map(({ name }) => name));
  return Object.entries(shape.fields)
    .filter(([name]) => !isAbsent.has(name))
    .map(([name, field]) => ({ name, field, isTagged: isTagged.has(name) }));
}

function structToJson(shape: StructShape, value: Record<string, unknown>, version: number): JsonObject {
  const json: Record<string, JsonValue> = {};
  for (const { name, field, isTagged } of shownFields(shape, version)) {
    const item = value[name];
    if (isTagged && isDefault(field, item)) continue;
    json[name] = fieldToJson(field, item, version);
  }
  return json;
}

function fieldToJson(field: FieldShape, value: unknown, version: number): JsonValue {
  if (value === null) return null;
  if (field.struct) return structToJson(field.struct, value as Record<string, unknown>, version);
  if (field.type !== 'array') return primitiveToJson(field.type as PrimitiveName, value);
  const element = field.element!;
  if (typeof element !== 'string') {
    return (value as Record<string, unknown>[]).map((item) => structToJson(element, item, version));
  }
  return (value as unknown[]).map((item) => primitiveToJson(element, item));
}

function primitiveToJson(type: PrimitiveName, value: unknown): JsonValue {
  switch (type) {
    case 'int64': {
      const number = Number(value);
      return Number.isSafeInteger(number) ? number : (value as bigint);
    }
    case 'bytes':
    case 'records':
      return (value as Buffer).toString('base64');
    case 'float64':
      // JSON has no such numbers; Kafka's converter writes their names.
      return Number.isFinite(value) ? (value as number) : String(value);
    case 'bool':
    case 'string':
    case 'uuid':
    case 'int8':
    case 'int16':
    case 'uint16':
    case 'int32':
    case 'uint32':
      return value as JsonValue;
  }
}

/**
 * The message that a JSON value describes, ready to be encoded as `version`. What is missing has its default. Throws a ProtocolError
 * for a name that no version knows and for a value of another type.
 */
export function fromJson<T, I extends object>(type: MessageType<T, I>, json: JsonValue): I {
  return structFromJson(type.shape, json, type.name) as I;
}

function structFromJson(shape: StructShape, json: JsonValue, where: string): Record<string, unknown> {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) return refuse(where, 'an object', json);
  const value: Record<string, unknown> = {};
  for (const [name, item] of Object.entries(json)) {
    const field = Object.hasOwn(shape.fields, name) ? shape.fields[name] : undefined;
    if (!field) throw new ProtocolError('InvalidValue', `${where} has no field ${JSON.stringify(name)}`);
    value[name] = fieldFromJson(field, item, `${where}.${name}`);
  }
  return value;
}

function fieldFromJson(field: FieldShape, json: JsonValue, where: string): unknown {
  // Whether null is allowed depends on the version: the encoder knows.
  if (json === null) return null;
  if (field.struct) return structFromJson(field.struct, json, where);
  if (field.type !== 'array') return primitiveFromJson(field.type as PrimitiveName, json, where);
  if (!Array.isArray(json)) return refuse(where, 'an array', json);
  const element = field.element!;
  return (json as readonly JsonValue[]).map((item, index) =>
    typeof element === 'string'
      ? primitiveFromJson(element, item, `${where}[${index}]`)
      : structFromJson(element, item, `${where}[${index}]`),
  );
}

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}(?:==)?|[A-Za-z0-9+/]{3}=?)?$/;
const DECIMAL = /^-?\d+$/;

function primitiveFromJson(type: PrimitiveName, json: JsonValue, where: string): unknown {
  switch (type) {
    case 'bool':
      return typeof json === 'boolean' ? json : refuse(where, 'true or false', json);
    case 'string':
      return typeof json === 'string' ? json : refuse(where, 'a string', json);
    case 'uuid':
      return typeof json === 'string' && isUuid(json) ? json : refuse(where, 'a uuid of 22 base64url characters', json);
    case 'bytes':
    case 'records':
      return typeof json === 'string' && BASE64.test(json)
        ? Buffer.from(json, 'base64')
        : refuse(where, 'base64', json);
    case 'float64':
      return floatFromJson(json, where);
    case 'int64':
      return integerFromJson(json, where);
    case 'int8':
    case 'int16':
    case 'uint16':
    case 'int32':
    case 'uint32':
      // The encoder checks the range.
      return Number(integerFromJson(json, where));
  }
}

/** Kafka's converters also take integers that stand in strings. */
function integerFromJson(json: JsonValue, where: string): bigint {
  if (typeof json === 'bigint') return json;
  if (typeof json === 'number' && Number.isInteger(json)) return BigInt(json);
  if (typeof json === 'string' && DECIMAL.test(json)) return BigInt(json);
  return refuse(where, 'an integer', json);
}

function floatFromJson(json: JsonValue, where: string): number {
  if (typeof json === 'number') return json;
  if (typeof json === 'bigint') return Number(json);
  if (json === 'NaN' || json === 'Infinity' || json === '-Infinity') return Number(json);
  return refuse(where, 'a number', json);
}

function refuse(where: string, wanted: string, found: JsonValue): never {
  const shown =
    typeof found === 'object' && found !== null ? (Array.isArray(found) ? 'an array' : 'an object') : String(found);
  throw new ProtocolError('InvalidValue', `${where}: ${shown.slice(0, 60)} is not ${wanted}`);
}
