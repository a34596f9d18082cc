/**
 * Compiles the encoder of one version of a message: straight-line code that writes into the growing buffer of the `Writer`. Fields
 * that are missing have their default; integers are checked for their range, since a wrong one would only show on the other side.
 */
import { ZERO_UUID, type Steps } from '../../common/index.js';
import type { FieldShape, PrimitiveName, StructShape } from '../notation.js';
import { isIn } from '../versions.js';
import { defaultOf, defaultSource, fieldsOf, FIXED_SIZES, isCompact, type NamedField } from './layout.js';
import { EMPTY_BYTES } from './reading.js';
import { quote, Source, type Mode } from './source.js';
import * as writing from './writer.js';
import { PIECE_BYTES } from './writer.js';

/** Writes a message into the writer's buffer at its position, and moves the position behind it. */
export type Encoder = (message: unknown, writer: writing.Writer) => void;
/** The same for a message of up to `left` elements in all, and some hundred KB; false, with part of it written, when it has more. */
export type BoundedEncoder = (message: unknown, writer: writing.Writer, left: number) => boolean;
/** The same in steps of some hundred elements each, between which the writer may put away what it has. */
export type SteppedEncoder = (message: unknown, writer: writing.Writer) => Steps<void>;

/** Elements that a step writes: some 50 µs. */
const ELEMENTS_A_STEP = 256;

export function compileEncoder(shape: StructShape, version: number, flexible: boolean): Encoder {
  return compile(shape, version, flexible, 'whole') as Encoder;
}

export function compileBoundedEncoder(shape: StructShape, version: number, flexible: boolean): BoundedEncoder {
  return compile(shape, version, flexible, 'bounded') as BoundedEncoder;
}

export function compileSteppedEncoder(shape: StructShape, version: number, flexible: boolean): SteppedEncoder {
  return compile(shape, version, flexible, 'stepped') as SteppedEncoder;
}

function compile(shape: StructShape, version: number, flexible: boolean, mode: Mode): unknown {
  const source = new EncoderSource(version, flexible, mode);
  source.struct(shape, 'message', `${shape.name} v${version}`);
  const body = `
    const { writeInt64, writeFloat64, writeUuid, writeString, writeCompactString, writeVarint, closeTag, lengthOf,
      refuseValue, refuseField, fittingSentence, ListView } = writing;
    return function${mode === 'stepped' ? '*' : ''} encode${shape.name}${version}(message, w${mode === 'bounded' ? ', left' : ''}) {
      let b = w.buffer, p = w.position, n = 0${mode === 'stepped' ? `, pace = ${ELEMENTS_A_STEP}` : ''};
      ${source.lines.join('\n')}
      w.position = p;
      ${mode === 'bounded' ? 'return true;' : ''}
    };`;
  const make = new Function('writing', 'EMPTY', 'ZERO_UUID', body) as (...values: readonly unknown[]) => unknown;
  return make(writing, EMPTY_BYTES, ZERO_UUID);
}

/** The field of every answer that is a sentence for people. */
const SENTENCE = 'errorMessage';

/** Room that a length in front, a tag or the end of a struct may need besides what is checked for. */
const SPARE = 5;

class EncoderSource extends Source {
  private tagDepth = 0;

  constructor(
    private readonly version: number,
    private readonly flexible: boolean,
    private readonly mode: Mode,
  ) {
    super();
  }

  /** Emits the writing of the struct in the variable `object`. */
  struct(shape: StructShape, object: string, where: string): void {
    const { plain, tagged, absent } = fieldsOf(shape, this.version);
    for (const { name, field } of absent) {
      if (field.ignorable) continue;
      const variable = this.name();
      this.emit(`const ${variable} = ${object}.${name};`);
      this.emit(
        `if (${variable} !== undefined && ${this.isNotDefault(field, variable)}) refuseField(${quote(where)}, ${quote(name)});`,
      );
    }
    for (let i = 0; i < plain.length;) {
      const from = i;
      while (i < plain.length && FIXED_SIZES[plain[i]!.field.type] !== undefined) i++;
      if (i > from) this.fixedFields(plain.slice(from, i), object, where);
      else this.lengthField(plain[i]!, `${object}.${plain[i++]!.name}`, where);
    }
    if (this.flexible) this.tagSection(tagged, object, where);
  }

  private fixedFields(run: readonly NamedField[], object: string, where: string): void {
    const size = run.reduce((sum, { field }) => sum + FIXED_SIZES[field.type]!, 0);
    this.room(String(size));
    let offset = 0;
    for (const { name, field } of run) {
      const variable = this.name();
      this.emit(
        `let ${variable} = ${object}.${name}; if (${variable} === undefined) ${variable} = ${defaultSource(field)};`,
      );
      this.fixed(field.type as PrimitiveName, variable, offset, `${where}.${name}`);
      offset += FIXED_SIZES[field.type]!;
    }
    this.emit(`p += ${size};`);
  }

  /** Emits the writing of a field with a length, or of a struct, whose value is the expression `value`. */
  private lengthField({ name, field }: NamedField, value: string, structWhere: string): void {
    const where = name === '' ? structWhere : `${structWhere}.${name}`;
    const variable = this.name();
    const nullable = isIn(field.nullable, this.version);
    this.emit(`let ${variable} = ${value}; if (${variable} === undefined) ${variable} = ${defaultSource(field)};`);
    if (field.struct) {
      this.nestedStruct(field.struct, variable, nullable, where);
      return;
    }
    const compact = isCompact(field, this.version, this.flexible);
    if (name === SENTENCE) this.emit(`${variable} = fittingSentence(${variable});`);
    this.emit(`if (${variable} === null) {`);
    if (nullable) this.nullLength(field.type === 'string' ? 2 : 4, compact);
    else this.emit(`refuseValue(${quote(where)}, ${quote(field.type)}, null);`);
    this.emit('} else {');
    if (field.type === 'string') this.string(variable, compact, where);
    else if (field.type === 'array') this.array(field.element!, variable, compact, where);
    else this.bytes(field.type, variable, compact, where);
    this.emit('}');
  }

  private nestedStruct(shape: StructShape, variable: string, nullable: boolean, where: string): void {
    if (nullable) {
      this.room('1');
      this.emit(`if (${variable} === null) b[p++] = 255; else { b[p++] = 1;`);
    } else {
      this.emit(`if (${variable} === null) refuseValue(${quote(where)}, ${quote(shape.name)}, null); {`);
    }
    this.struct(shape, variable, where);
    this.emit('}');
  }

  private nullLength(size: 2 | 4, compact: boolean): void {
    this.room('4');
    if (compact) this.emit('b[p++] = 0;');
    else this.emit('b[p++] = 255; '.repeat(size));
  }

  private string(variable: string, compact: boolean, where: string): void {
    this.emit(`if (typeof ${variable} !== 'string') refuseValue(${quote(where)}, 'string', ${variable});`);
    this.room(`${variable}.length * 3 + ${SPARE}`);
    this.emit(`p = ${compact ? 'writeCompactString' : 'writeString'}(b, p, ${variable}, ${quote(where)});`);
  }

  private bytes(type: FieldShape['type'], variable: string, compact: boolean, where: string): void {
    if (type === 'bytes') {
      this.emit(`if (!(${variable} instanceof Uint8Array)) refuseValue(${quote(where)}, 'bytes', ${variable});`);
    }
    this.emit(`n = lengthOf(${variable}, ${quote(where)});`);
    this.length(compact);
    // The size of a tagged field does not count what is referenced.
    if (this.tagDepth === 0) {
      this.emit(`p = w.bytes(${variable}, p); b = w.buffer;`);
    } else {
      this.room('n');
      this.emit(`b.set(${variable}, p); p += n;`);
    }
  }

  private array(element: PrimitiveName | StructShape, variable: string, compact: boolean, where: string): void {
    const [index, count, item] = [this.name(), this.name(), this.name()];
    const isArray = this.name();
    const mayBeView = this.mode !== 'whole';
    const isNoView = mayBeView ? ` && !(${variable} instanceof ListView)` : '';
    this.emit(`const ${isArray} = Array.isArray(${variable});`);
    this.emit(`if (!${isArray}${isNoView}) refuseValue(${quote(where)}, 'array', ${variable});`);
    this.emit(`const ${count} = n = ${variable}.length;`);
    if (this.mode === 'bounded') this.emit('if ((left -= n) < 0) return false;');
    this.length(compact);
    const size = typeof element === 'string' ? FIXED_SIZES[element] : undefined;
    // In steps there is room made for each, as what was written goes away between them.
    const isRoomedAhead = size !== undefined && !this.mayPause;
    if (isRoomedAhead) this.room(size === 1 ? count : `${count} * ${size}`);
    this.emit(`for (let ${index} = 0; ${index} < ${count}; ${index}++) {`);
    if (this.mode === 'bounded') this.emit(`if (p > ${PIECE_BYTES}) return false;`);
    const viewed = mayBeView
      ? `${isArray} ? ${variable}[${index}] : ${variable}.get(${index})`
      : `${variable}[${index}]`;
    this.emit(`const ${item} = ${viewed};`);
    this.emit(`if (${item} === undefined || ${item} === null) refuseValue(${quote(where)}, 'element', ${item});`);
    if (typeof element !== 'string') {
      this.struct(element, item, where);
    } else if (size !== undefined) {
      if (!isRoomedAhead) this.room(String(size));
      this.fixed(element, item, 0, where);
      this.emit(`p += ${size};`);
    } else {
      this.lengthField({ name: '', field: { type: element, versions: '0+' } }, item, where);
    }
    if (this.mayPause) {
      this.emit(
        `if (--pace === 0 || p > ${PIECE_BYTES}) { pace = ${ELEMENTS_A_STEP}; w.position = p; w.putAway(); yield;`,
      );
      this.emit('b = w.buffer; p = w.position; }');
    }
    this.emit('}');
  }

  /** Not within a tagged field: its size, in front, is written when it ends. */
  private get mayPause(): boolean {
    return this.mode === 'stepped' && this.tagDepth === 0;
  }

  /** Emits the writing of the length in `n`. */
  private length(compact: boolean): void {
    this.room(String(SPARE));
    if (compact) this.emit('if (n < 127) b[p++] = n + 1; else p = writeVarint(b, p, n + 1);');
    else this.emit('b[p] = n >>> 24; b[p + 1] = n >>> 16; b[p + 2] = n >>> 8; b[p + 3] = n; p += 4;');
  }

  /** Tagged fields stand in the order of their tags, and not at all when they equal their default. */
  private tagSection(tagged: readonly NamedField[], object: string, where: string): void {
    if (tagged.length === 0) {
      this.room('1');
      this.emit('b[p++] = 0;');
      return;
    }
    const present = tagged.map(({ name, field }) => {
      const variable = this.name();
      this.emit(`const ${variable} = ${object}.${name};`);
      const isSet = this.name();
      this.emit(`const ${isSet} = ${variable} !== undefined && ${this.isNotDefault(field, variable)};`);
      return { name, field, variable, isSet };
    });
    this.room(String(SPARE));
    this.emit(`p = writeVarint(b, p, ${present.map(({ isSet }) => `(${isSet} ? 1 : 0)`).join(' + ')});`);
    for (const { name, field, variable, isSet } of present) {
      const from = this.name();
      this.emit(`if (${isSet}) {`);
      this.room(String(SPARE + 1));
      this.emit(`p = writeVarint(b, p, ${field.tag!}) + 1; const ${from} = p;`);
      const size = FIXED_SIZES[field.type];
      if (size === undefined) {
        this.tagDepth++;
        this.lengthField({ name, field }, variable, where);
        this.tagDepth--;
      } else {
        this.room(String(size));
        this.fixed(field.type as PrimitiveName, variable, 0, `${where}.${name}`);
        this.emit(`p += ${size};`);
      }
      this.room(String(SPARE));
      this.emit(`p = closeTag(b, ${from}, p); }`);
    }
  }

  /** The expression that is true when the defined value in `variable` is not the default. */
  private isNotDefault(field: FieldShape, variable: string): string {
    const standard = defaultOf(field);
    if (field.struct && standard !== null) {
      const parts = Object.entries(field.struct.fields).map(([name, inner]) => {
        const value = `${variable}.${name}`;
        return `(${value} !== undefined && ${this.isNotDefault(inner, value)})`;
      });
      return `(${variable} === null || ${parts.join(' || ')})`;
    }
    if (standard !== null && (field.type === 'array' || field.type === 'bytes' || field.type === 'records')) {
      return `(${variable} === null || ${variable}.length !== 0)`;
    }
    return `${variable} !== ${defaultSource(field)}`;
  }

  /** Emits the writing of a value of fixed size at `p + offset`, without moving `p`. */
  private fixed(type: PrimitiveName, variable: string, offset: number, where: string): void {
    const at = (index: number): string => `b[p + ${offset + index}]`;
    const check = (isInvalid: string): void =>
      this.emit(`if (${isInvalid}) refuseValue(${quote(where)}, ${quote(type)}, ${variable});`);
    switch (type) {
      case 'bool':
        check(`typeof ${variable} !== 'boolean'`);
        this.emit(`${at(0)} = ${variable} ? 1 : 0;`);
        return;
      case 'int8':
        check(`${variable} << 24 >> 24 !== ${variable}`);
        this.emit(`${at(0)} = ${variable};`);
        return;
      case 'int16':
      case 'uint16':
        check(type === 'int16' ? `${variable} << 16 >> 16 !== ${variable}` : `(${variable} & 65535) !== ${variable}`);
        this.emit(`${at(0)} = ${variable} >>> 8; ${at(1)} = ${variable};`);
        return;
      case 'int32':
      case 'uint32':
        check(type === 'int32' ? `(${variable} | 0) !== ${variable}` : `${variable} >>> 0 !== ${variable}`);
        this.emit(
          `${at(0)} = ${variable} >>> 24; ${at(1)} = ${variable} >>> 16; ${at(2)} = ${variable} >>> 8; ${at(3)} = ${variable};`,
        );
        return;
      case 'int64':
      case 'float64':
      case 'uuid': {
        const write = { int64: 'writeInt64', float64: 'writeFloat64', uuid: 'writeUuid' }[type];
        this.emit(`${write}(b, p + ${offset}, ${variable}, ${quote(where)});`);
        return;
      }
      case 'string':
      case 'bytes':
      case 'records':
        throw new RangeError(`${type} has no fixed size`);
    }
  }

  /** Emits the check that the buffer has room for `bytes` more. */
  private room(bytes: string): void {
    this.emit(`if (p + ${bytes} > b.length) b = w.grow(p, ${bytes});`);
  }
}
