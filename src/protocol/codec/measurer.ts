/**
 * Compiles what tells how much memory a decoded message would take, in one version: it walks the bytes as the decoder does, in steps, and
 * makes nothing. So a message of millions of elements can be refused, or wait for its turn, before the first object is made for it.
 */
import type { Steps } from '../../common/index.js';
import type { FieldShape, PrimitiveName, ReadPosition, StructShape } from '../notation.js';
import { isIn } from '../versions.js';
import { fieldsOf, FIXED_SIZES, heapBytesOf, isCompact, minElementSize, type NamedField } from './layout.js';
import * as reading from './reading.js';
import { quote, Source } from './source.js';

/** Counts elements and tagged fields of a message, and about what they take as objects. Refuses what the decoder refuses for its lengths. */
export type Measurer = (at: ReadPosition) => Steps<MessageSize>;

export interface MessageSize {
  readonly elements: number;
  /** How many of them are numbers: ids of brokers, indexes of partitions. */
  readonly numbers: number;
  /** An estimate: strings and the bytes themselves are not in it, which the frame bounds. */
  readonly heapBytes: number;
}

/** Walking an element takes a few nanoseconds. */
const ELEMENTS_A_STEP = 4096;

export function compileMeasurer(shape: StructShape, version: number, flexible: boolean): Measurer {
  const source = new MeasurerSource(version, flexible);
  source.struct(shape, `${shape.name} v${version}`);
  const body = `
    const { readVarint, readTag, skipTags, cursor, tagSize, truncated, refuseLength, refuseNull } = reading;
    return function* measure${shape.name}${version}(at) {
      const b = at.buffer, end = b.length;
      let p = at.position, n = 0, pace = ${ELEMENTS_A_STEP}, elements = 0, numbers = 0, heapBytes = 0;
      ${source.lines.join('\n')}
      at.position = p;
      return { elements, numbers, heapBytes };
    };`;
  return (new Function('reading', body) as (r: typeof reading) => Measurer)(reading);
}

class MeasurerSource extends Source {
  constructor(
    private readonly version: number,
    private readonly flexible: boolean,
  ) {
    super();
  }

  struct(shape: StructShape, where: string): void {
    const { plain, tagged } = fieldsOf(shape, this.version);
    for (const field of plain) this.field(field, where);
    if (this.flexible) this.tagSection(tagged, where);
  }

  private field({ name, field }: NamedField, structWhere: string): void {
    const where = name === '' ? structWhere : `${structWhere}.${name}`;
    const size = FIXED_SIZES[field.type];
    if (size !== undefined) {
      this.skip(String(size), where);
      return;
    }
    const nullable = isIn(field.nullable, this.version);
    if (field.struct) {
      if (nullable) {
        this.emit(`if (p >= end) truncated(${quote(where)}, p);`);
        this.emit('if (b[p++] <= 127) {');
      } else {
        this.emit('{');
      }
      this.struct(field.struct, where);
      this.emit('}');
      return;
    }
    this.length(field, where);
    const onNull = nullable ? '' : `refuseNull(${quote(where)}, p);`;
    this.emit(`if (n < 0) { ${onNull} } else {`);
    if (field.type === 'array') this.array(field.element!, where);
    else this.emit(`if (n > end - p) refuseLength(${quote(where)}, p, n, end - p); p += n;`);
    this.emit('}');
  }

  private array(element: PrimitiveName | StructShape, where: string): void {
    const least = minElementSize(element, this.version, this.flexible);
    this.emit(`if (n * ${least} > end - p) refuseLength(${quote(where)}, p, n, end - p);`);
    this.emit(`elements += n; heapBytes += n * ${heapBytesOf(element, this.version)};`);
    const size = typeof element === 'string' ? FIXED_SIZES[element] : undefined;
    if (size !== undefined) {
      this.emit('numbers += n;');
      this.skip(`n * ${size}`, where);
      return;
    }
    const left = this.name();
    this.emit(`for (let ${left} = n; ${left} > 0; ${left}--) {`);
    if (typeof element === 'string') this.field({ name: '', field: { type: element, versions: '0+' } }, where);
    else this.struct(element, where);
    this.pause();
    this.emit('}');
  }

  private tagSection(tagged: readonly NamedField[], where: string): void {
    const left = this.name();
    this.varint(where);
    this.emit(`elements += n; for (let ${left} = n; ${left} > 0; ${left}--) {`);
    if (tagged.length === 0) {
      this.emit(`p = skipTags(b, p, 1, ${quote(where)});`);
    } else {
      const tag = this.name();
      this.emit(`const ${tag} = readTag(b, p, ${quote(where)}); p = cursor.position;`);
      this.emit(`switch (${tag}) {`);
      for (const { name, field } of tagged) {
        this.emit(`case ${field.tag!}: {`);
        this.field({ name, field }, where);
        this.emit('break; }');
      }
      this.emit('default: p += tagSize.value; }');
    }
    this.pause();
    this.emit('}');
  }

  private length(field: FieldShape, where: string): void {
    if (isCompact(field, this.version, this.flexible)) {
      this.varint(where);
      this.emit('n -= 1;');
      return;
    }
    const size = field.type === 'string' ? 2 : 4;
    this.emit(`if (p + ${size} > end) truncated(${quote(where)}, p);`);
    this.emit(
      size === 2
        ? 'n = (b[p] << 24 >> 16) | b[p + 1]; p += 2;'
        : 'n = (b[p] << 24) | (b[p + 1] << 16) | (b[p + 2] << 8) | b[p + 3]; p += 4;',
    );
  }

  private varint(where: string): void {
    this.emit(`if (p >= end) truncated(${quote(where)}, p);`);
    this.emit(`n = b[p++]; if (n > 127) { n = readVarint(b, p, n, ${quote(where)}); p = cursor.position; }`);
  }

  private skip(size: string, where: string): void {
    this.emit(`if (p + ${size} > end) truncated(${quote(where)}, p); p += ${size};`);
  }

  private pause(): void {
    this.emit(`if (--pace === 0) { pace = ${ELEMENTS_A_STEP}; yield; }`);
  }
}
