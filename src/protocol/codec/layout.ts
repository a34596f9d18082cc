/** What both compilers ask of a description: which fields a version has, how large they are at least, what they default to. */
import { ZERO_UUID } from '../../common/index.js';
import type { FieldShape, PrimitiveName, StructShape } from '../notation.js';
import { isIn } from '../versions.js';
import { EMPTY_BYTES } from './reading.js';

/** Bytes of the types that always have the same size. */
export const FIXED_SIZES: Partial<Record<FieldShape['type'], number>> = {
  bool: 1,
  int8: 1,
  int16: 2,
  uint16: 2,
  int32: 4,
  uint32: 4,
  int64: 8,
  float64: 8,
  uuid: 16,
};

export interface NamedField {
  readonly name: string;
  readonly field: FieldShape;
}

export interface FieldsOfVersion {
  /** In the order of the wire. */
  readonly plain: readonly NamedField[];
  /** In the order of their tags. */
  readonly tagged: readonly NamedField[];
  readonly absent: readonly NamedField[];
}

export function fieldsOf(shape: StructShape, version: number): FieldsOfVersion {
  const plain: NamedField[] = [];
  const tagged: NamedField[] = [];
  const absent: NamedField[] = [];
  for (const [name, field] of Object.entries(shape.fields)) {
    if (!isIn(field.versions, version)) absent.push({ name, field });
    else if (isIn(field.tagged, version)) tagged.push({ name, field });
    else plain.push({ name, field });
  }
  tagged.sort((a, b) => a.field.tag! - b.field.tag!);
  return { plain, tagged, absent };
}

/** True when the lengths of the field are compact in this version. */
export function isCompact(field: FieldShape, version: number, flexible: boolean): boolean {
  return field.flexible === undefined ? flexible : isIn(field.flexible, version);
}

/** The fewest bytes that one element of an array can take: no more elements can be there than bytes allow. */
export function minElementSize(element: PrimitiveName | StructShape, version: number, flexible: boolean): number {
  if (typeof element === 'string') return FIXED_SIZES[element] ?? minLengthSize(element, flexible);
  const { plain } = fieldsOf(element, version);
  let size = flexible ? 1 : 0;
  for (const { field } of plain) size += minFieldSize(field, version, isCompact(field, version, flexible));
  return size;
}

function minFieldSize(field: FieldShape, version: number, flexible: boolean): number {
  if (field.struct) return isIn(field.nullable, version) ? 1 : minElementSize(field.struct, version, flexible);
  return FIXED_SIZES[field.type] ?? minLengthSize(field.type, flexible);
}

function minLengthSize(type: FieldShape['type'], flexible: boolean): number {
  if (flexible) return 1;
  return type === 'string' ? 2 : 4;
}

/** What an element of an array takes on V8's heap besides its place there: about, and without the elements of its own arrays. */
export function heapBytesOf(element: PrimitiveName | StructShape, version: number): number {
  if (typeof element === 'string') return 8 + heapBytesOfValue({ type: element, versions: '0+' }, version);
  return 8 + heapBytesOfStruct(element, version);
}

/** Fields that the version lacks are in the object too, with their default. */
function heapBytesOfStruct({ fields }: StructShape, version: number): number {
  let bytes = 24;
  for (const field of Object.values(fields)) {
    bytes += 8;
    if (isIn(field.versions, version) && !isIn(field.tagged, version)) bytes += heapBytesOfValue(field, version);
  }
  return bytes;
}

function heapBytesOfValue(field: FieldShape, version: number): number {
  switch (field.type) {
    case 'int64':
      return 24;
    case 'float64':
      return 16;
    case 'string':
    case 'uuid':
      return 32;
    case 'array':
      return 32;
    case 'bytes':
    case 'records':
      return 160;
    case 'struct':
      return heapBytesOfStruct(field.struct!, version);
    case 'bool':
    case 'int8':
    case 'int16':
    case 'uint16':
    case 'int32':
    case 'uint32':
      return 0;
  }
}

/** The value of a field that is missing, as a fresh object. */
export function defaultOf(field: FieldShape): unknown {
  if (field.default !== undefined) return Array.isArray(field.default) ? [] : field.default;
  switch (field.type) {
    case 'bool':
      return false;
    case 'int64':
      return 0n;
    case 'string':
      return '';
    case 'uuid':
      return ZERO_UUID;
    case 'bytes':
    case 'records':
      return EMPTY_BYTES;
    case 'array':
      return [];
    case 'struct':
      return Object.fromEntries(Object.entries(field.struct!.fields).map(([name, inner]) => [name, defaultOf(inner)]));
    case 'int8':
    case 'int16':
    case 'uint16':
    case 'int32':
    case 'uint32':
    case 'float64':
      return 0;
  }
}

/** The default of a field as source text. `EMPTY` stands for no bytes. */
export function defaultSource(field: FieldShape): string {
  const value = defaultOf(field);
  if (value === null) return 'null';
  if (field.struct) {
    const parts = Object.entries(field.struct.fields).map(([name, inner]) => `${name}: ${defaultSource(inner)}`);
    return `{ ${parts.join(', ')} }`;
  }
  if (typeof value === 'bigint') return `${value}n`;
  if (Buffer.isBuffer(value)) return 'EMPTY';
  return JSON.stringify(value);
}

/** True when `value` is what a reader would put in place of a missing field. Undefined is missing. */
export function isDefault(field: FieldShape, value: unknown): boolean {
  if (value === undefined) return true;
  const standard = defaultOf(field);
  if (value === null || standard === null) return value === standard;
  if (field.struct) {
    const fields = value as Record<string, unknown>;
    return Object.entries(field.struct.fields).every(([name, inner]) => isDefault(inner, fields[name]));
  }
  if (field.type === 'array' || field.type === 'bytes' || field.type === 'records') {
    return (value as { length: number }).length === 0;
  }
  return value === standard;
}
