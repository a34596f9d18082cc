import type { AnyMessage } from '../../../src/protocol/index.js';
import type { FieldShape, PrimitiveName, StructShape } from '../../../src/protocol/notation.js';
import { isIn } from '../../../src/protocol/versions.js';
import { fc } from '../../support/fast-check.js';

/** Any message of a version: every field that the version has is given a value, or sometimes left out. */
export function arbitraryMessage(message: AnyMessage, version: number): fc.Arbitrary<object> {
  return arbitraryStruct(message.shape, version);
}

function arbitraryStruct(shape: StructShape, version: number): fc.Arbitrary<object> {
  const fields = Object.entries(shape.fields).filter(([, field]) => isIn(field.versions, version));
  return fc.record(Object.fromEntries(fields.map(([name, field]) => [name, arbitraryField(field, version)])), {
    noNullPrototype: true,
    requiredKeys: fields.filter((_, index) => index % 5 !== 4).map(([name]) => name),
  });
}

function arbitraryField(field: FieldShape, version: number): fc.Arbitrary<unknown> {
  const value = arbitraryValue(field, version);
  return isIn(field.nullable, version) ? fc.option(value, { nil: null, freq: 4 }) : value;
}

function arbitraryValue({ type, struct, element }: FieldShape, version: number): fc.Arbitrary<unknown> {
  if (struct) return arbitraryStruct(struct, version);
  if (type !== 'array') return arbitraryPrimitive(type as PrimitiveName);
  const items = typeof element === 'object' ? arbitraryStruct(element, version) : arbitraryPrimitive(element!);
  return fc.array(items, { maxLength: 3 });
}

const INTEGERS = {
  int8: { min: -128, max: 127 },
  int16: { min: -32768, max: 32767 },
  uint16: { min: 0, max: 65535 },
  int32: { min: -(2 ** 31), max: 2 ** 31 - 1 },
  uint32: { min: 0, max: 2 ** 32 - 1 },
} as const;

function arbitraryPrimitive(type: PrimitiveName): fc.Arbitrary<unknown> {
  switch (type) {
    case 'bool':
      return fc.boolean();
    case 'int8':
    case 'int16':
    case 'uint16':
    case 'int32':
    case 'uint32':
      return fc.integer(INTEGERS[type]);
    case 'int64':
      return fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
    case 'float64':
      return fc.double();
    case 'uuid':
      return fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => Buffer.from(bytes).toString('base64url'));
    case 'string':
      return fc.oneof(fc.string(), fc.string({ unit: 'binary' }), fc.string({ minLength: 40, maxLength: 200 }));
    case 'bytes':
    case 'records':
      return fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes));
  }
}
