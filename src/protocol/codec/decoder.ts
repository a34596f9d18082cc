/**
 * Compiles the decoder of one version of a message: straight-line code with the field reads written out, from the description. The
 * source holds nothing but names and numbers of descriptions. Lengths and counts are checked against what remains before anything
 * is allocated for them.
 */
import { ZERO_UUID, type Steps } from '../../common/index.js';
import type { FieldShape, PrimitiveName, ReadPosition, StructShape } from '../notation.js';
import { isIn } from '../versions.js';
import { defaultSource, fieldsOf, FIXED_SIZES, isCompact, minElementSize, type NamedField } from './layout.js';
import * as reading from './reading.js';
import { quote, Source, type Mode } from './source.js';

/** Reads a message at a position, and moves the position behind it. */
export type Decoder = (at: ReadPosition) => unknown;
/** The same for a message of up to `left` elements and tagged fields in all; null when it states more, which costs next to nothing. */
export type BoundedDecoder = (at: ReadPosition, left: number) => unknown;
/** The same in steps of some hundred elements each. */
export type SteppedDecoder = (at: ReadPosition) => Steps<unknown>;

/** Beyond this many elements an array grows as it is read instead of being allocated at once. */
const PREALLOCATED_ELEMENTS = 65536;
/**
 * Names that are longer than those of topics are a stranger's. V8 hashes texts of more than 16,383 characters by their length alone, so that maps of
 * thousands are lists; and keys that are put together of a name and a number take its bytes each time. A request has them only where it
 * has few elements: their product is bounded. Values, sentences and paths are no keys.
 */
const LONG_NAME_BYTES = 300;
const LONG_NAMES_MAX_BYTES = 128 * 1024;
const VALUES: ReadonlySet<string> = new Set([
  'value',
  'errorMessage',
  'committedMetadata',
  'reason',
  'protocolData',
  'path',
  'logDir',
]);
/** A message has them once; they are no part of keys. Those of transactional ids that are made of a host's and a task's name are longer than topics'. */
const OWN_NAMES: ReadonlySet<string> = new Set(['memberId', 'groupInstanceId', 'transactionalId']);
/** Elements and tagged fields that a step reads: some 50 µs. */
export const ELEMENTS_A_STEP = 256;
/** A text counts as an element for each so many bytes: malformed ones take up to 15 ns a byte. */
const TEXT_BYTES_AN_ELEMENT = 1024;
/** Of texts longer than that, so much is read in one go. */
const LONG_TEXT_BYTES_AT_ONCE = 256 * 1024;

export function compileDecoder(shape: StructShape, version: number, flexible: boolean): Decoder {
  return compile(shape, version, flexible, 'whole') as Decoder;
}

export function compileBoundedDecoder(shape: StructShape, version: number, flexible: boolean): BoundedDecoder {
  return compile(shape, version, flexible, 'bounded') as BoundedDecoder;
}

export function compileSteppedDecoder(shape: StructShape, version: number, flexible: boolean): SteppedDecoder {
  return compile(shape, version, flexible, 'stepped') as SteppedDecoder;
}

function compile(shape: StructShape, version: number, flexible: boolean, mode: Mode): unknown {
  const source = new DecoderSource(version, flexible, mode);
  const value = source.struct(shape, `${shape.name} v${version}`);
  const body = `
    const { readText, readInt64, readFloat64, readUuid, readVarint, readTag, skipTags, cursor, tagSize,
      truncated, refuseLength, refuseNull, refuseLongName, EMPTY_BYTES: EMPTY } = reading;
    return function${mode === 'stepped' ? '*' : ''} decode${shape.name}${version}(at${mode === 'bounded' ? ', left' : ''}) {
      const b = at.buffer, end = b.length;
      let p = at.position, n = 0${mode === 'stepped' ? `, pace = ${ELEMENTS_A_STEP}` : ''};
      ${mode === 'bounded' ? `const most = left; let longest = ${LONG_NAME_BYTES}, longName = '', texts = ${LONG_TEXT_BYTES_AT_ONCE};` : ''}
      ${source.lines.join('\n')}
      const value = ${value};
      ${mode === 'bounded' ? `if (longest * (most - left) > ${LONG_NAMES_MAX_BYTES} && longest > ${LONG_NAME_BYTES}) refuseLongName(longName, p);` : ''}
      at.position = p;
      return value;
    };`;
  return (new Function('reading', 'ZERO_UUID', body) as (r: typeof reading, zero: string) => unknown)(
    reading,
    ZERO_UUID,
  );
}

class DecoderSource extends Source {
  private arrayDepth = 0;

  constructor(
    private readonly version: number,
    private readonly flexible: boolean,
    private readonly mode: Mode,
  ) {
    super();
  }

  /** Emits the reading of a struct. Returns the literal that builds it from the variables read. */
  struct(shape: StructShape, where: string): string {
    const { plain, tagged } = fieldsOf(shape, this.version);
    const values = new Map<string, string>();
    for (let i = 0; i < plain.length;) {
      const run = fixedRun(plain, i);
      if (run.length > 0) this.fixedFields(run, where, values);
      else values.set(plain[i]!.name, this.lengthField(plain[i]!, `${where}.${plain[i]!.name}`));
      i += Math.max(1, run.length);
    }
    if (this.flexible) this.tagSection(tagged, where, values);
    const parts = Object.entries(shape.fields).map(
      ([name, field]) => `${name}: ${values.get(name) ?? defaultSource(field)}`,
    );
    return `{ ${parts.join(', ')} }`;
  }

  /** Fields of fixed size that follow each other are checked for at once. */
  private fixedFields(run: readonly NamedField[], where: string, values: Map<string, string>): void {
    const size = run.reduce((sum, { field }) => sum + FIXED_SIZES[field.type]!, 0);
    this.emit(`if (p + ${size} > end) truncated(${quote(`${where}.${run[0]!.name}`)}, p);`);
    let offset = 0;
    for (const { name, field } of run) {
      const variable = this.name();
      this.emit(`const ${variable} = ${fixedRead(field.type as PrimitiveName, offset)};`);
      values.set(name, variable);
      offset += FIXED_SIZES[field.type]!;
    }
    this.emit(`p += ${size};`);
  }

  /** Emits the reading of a field with a length, or of a struct. Returns its variable. */
  private lengthField({ name, field }: NamedField, where: string): string {
    const variable = this.name();
    const nullable = isIn(field.nullable, this.version);
    this.emit(`let ${variable};`);
    if (field.struct) {
      this.nestedStruct(field.struct, variable, nullable, where);
      return variable;
    }
    const compact = isCompact(field, this.version, this.flexible);
    this.length(field.type === 'string' ? 2 : 4, compact, where);
    const onNull = nullable ? `${variable} = null;` : `refuseNull(${quote(where)}, p);`;
    this.emit(`if (n < 0) { ${onNull} } else {`);
    if (field.type === 'array') {
      this.array(field.element!, variable, where);
    } else {
      const most = field.type === 'string' ? ' || n > 32767' : '';
      this.emit(`if (n > end - p${most}) refuseLength(${quote(where)}, p, n, end - p);`);
      if (field.type === 'string') this.text(name, where);
      const read = field.type === 'string' ? 'readText(b, p, n)' : 'n === 0 ? EMPTY : b.subarray(p, p + n)';
      this.emit(`${variable} = ${read}; p += n;`);
    }
    this.emit('}');
    return variable;
  }

  /** Of `n` bytes. Whatever goes in steps has many elements. */
  private text(name: string, where: string): void {
    const isLong = `n > ${TEXT_BYTES_AN_ELEMENT}`;
    if (this.mode === 'stepped') this.emit(`if (${isLong}) pace -= n / ${TEXT_BYTES_AN_ELEMENT} | 0;`);
    else if (this.mode === 'bounded') this.emit(`if (${isLong} && (texts -= n) < 0) return null;`);
    if (VALUES.has(name) || (this.arrayDepth === 0 && OWN_NAMES.has(name))) return;
    if (this.mode === 'stepped') this.emit(`if (n > ${LONG_NAME_BYTES}) refuseLongName(${quote(where)}, p);`);
    else if (this.mode === 'bounded') this.emit(`if (n > longest) { longest = n; longName = ${quote(where)}; }`);
  }

  private nestedStruct(shape: StructShape, variable: string, nullable: boolean, where: string): void {
    if (nullable) {
      this.emit(`if (p >= end) truncated(${quote(where)}, p);`);
      this.emit(`if (b[p++] > 127) ${variable} = null; else {`);
    } else {
      this.emit('{');
    }
    this.emit(`${variable} = ${this.struct(shape, where)}; }`);
  }

  private array(element: PrimitiveName | StructShape, variable: string, where: string): void {
    const elementSize = minElementSize(element, this.version, this.flexible);
    const factor = elementSize > 1 ? ` * ${elementSize}` : '';
    const [index, count] = [this.name(), this.name()];
    this.emit(`if (n${factor} > end - p) refuseLength(${quote(where)}, p, n, end - p);`);
    this.countDown();
    this.emit(`const ${count} = n; ${variable} = n > ${PREALLOCATED_ELEMENTS} ? [] : new Array(n);`);
    this.emit(`for (let ${index} = 0; ${index} < ${count}; ${index}++) {`);
    this.arrayDepth++;
    if (typeof element !== 'string') {
      this.emit(`${variable}[${index}] = ${this.struct(element, where)};`);
    } else if (FIXED_SIZES[element] !== undefined) {
      // The count was checked against the size of all.
      this.emit(`${variable}[${index}] = ${fixedRead(element, 0)}; p += ${FIXED_SIZES[element]};`);
    } else {
      const value = this.lengthField({ name: '', field: { type: element, versions: '0+' } }, where);
      this.emit(`${variable}[${index}] = ${value};`);
    }
    this.arrayDepth--;
    this.pause();
    this.emit('}');
  }

  /** What is bounded ends before it has read the `n` elements or tags that exceed its bound. */
  private countDown(): void {
    if (this.mode === 'bounded') this.emit('if ((left -= n) < 0) return null;');
  }

  private pause(): void {
    if (this.mode === 'stepped') this.emit(`if (--pace <= 0) { pace = ${ELEMENTS_A_STEP}; yield; }`);
  }

  /** Emits the reading of a length or count into `n`: any that is negative for null, as Kafka's readers have it. */
  private length(size: 2 | 4, compact: boolean, where: string): void {
    if (compact) {
      this.varint(where);
      this.emit('n -= 1;');
    } else {
      this.emit(`if (p + ${size} > end) truncated(${quote(where)}, p);`);
      this.emit(`n = ${fixedRead(size === 2 ? 'int16' : 'int32', 0)}; p += ${size};`);
    }
  }

  private varint(where: string): void {
    this.emit(`if (p >= end) truncated(${quote(where)}, p);`);
    this.emit(`n = b[p++]; if (n > 127) { n = readVarint(b, p, n, ${quote(where)}); p = cursor.position; }`);
  }

  /** Known tags are read whatever size is given for them, and in any order, as Kafka's readers do; unknown ones are skipped. */
  private tagSection(tagged: readonly NamedField[], where: string, values: Map<string, string>): void {
    for (const { name, field } of tagged) {
      const variable = this.name();
      this.emit(`let ${variable} = ${defaultSource(field)};`);
      values.set(name, variable);
    }
    this.varint(where);
    this.countDown();
    if (tagged.length === 0) {
      if (this.mode === 'stepped') {
        this.emit(`for (; n > 0; n--) { p = skipTags(b, p, 1, ${quote(where)});`);
        this.pause();
        this.emit('}');
      } else {
        this.emit(`if (n !== 0) p = skipTags(b, p, n, ${quote(where)});`);
      }
      return;
    }
    const [left, tag] = [this.name(), this.name()];
    this.emit(`for (let ${left} = n; ${left} > 0; ${left}--) {`);
    this.emit(`const ${tag} = readTag(b, p, ${quote(where)}); p = cursor.position;`);
    this.emit(`switch (${tag}) {`);
    for (const { name, field } of tagged) {
      this.emit(`case ${field.tag!}: {`);
      const inner = new Map<string, string>();
      if (FIXED_SIZES[field.type] !== undefined) this.fixedFields([{ name, field }], where, inner);
      else inner.set(name, this.lengthField({ name, field }, `${where}.${name}`));
      this.emit(`${values.get(name)!} = ${inner.get(name)!}; break; }`);
    }
    this.emit(`default: p += tagSize.value; }`);
    this.pause();
    this.emit('}');
  }
}

/** The fields of fixed size that begin at `from`, up to the first that is not. */
function fixedRun(fields: readonly NamedField[], from: number): NamedField[] {
  let to = from;
  while (to < fields.length && FIXED_SIZES[fields[to]!.field.type] !== undefined) to++;
  return fields.slice(from, to);
}

/** The expression that reads a value of fixed size at `p + offset`. */
function fixedRead(type: PrimitiveName | FieldShape['type'], offset: number): string {
  const at = (index: number): string => `b[p + ${offset + index}]`;
  switch (type) {
    case 'bool':
      return `${at(0)} !== 0`;
    case 'int8':
      return `${at(0)} << 24 >> 24`;
    case 'int16':
      return `(${at(0)} << 24 >> 16) | ${at(1)}`;
    case 'uint16':
      return `(${at(0)} << 8) | ${at(1)}`;
    case 'int32':
      return `(${at(0)} << 24) | (${at(1)} << 16) | (${at(2)} << 8) | ${at(3)}`;
    case 'uint32':
      return `((${at(0)} << 24) | (${at(1)} << 16) | (${at(2)} << 8) | ${at(3)}) >>> 0`;
    case 'int64':
      return `readInt64(b, p + ${offset})`;
    case 'float64':
      return `readFloat64(b, p + ${offset})`;
    case 'uuid':
      return `readUuid(b, p + ${offset})`;
    default:
      throw new RangeError(`${type} has no fixed size`);
  }
}
