import type { Acl, Stat } from '../core/zk-client.js';

/** Writes jute, ZooKeeper's encoding: big-endian numbers, lengths before bytes, -1 for null. Grows as needed. */
export class JuteWriter {
  private buffer: Buffer;
  private offset = 0;

  constructor(initialBytes = 256) {
    this.buffer = Buffer.allocUnsafe(initialBytes);
  }

  get length(): number {
    return this.offset;
  }

  int(value: number): this {
    this.reserve(4);
    this.offset = this.buffer.writeInt32BE(value, this.offset);
    return this;
  }

  /** Overwrites an int that was written before. */
  patchInt(value: number, offset: number): void {
    this.buffer.writeInt32BE(value, offset);
  }

  long(value: bigint): this {
    this.reserve(8);
    this.offset = this.buffer.writeBigInt64BE(value, this.offset);
    return this;
  }

  /** A time or count as a long. */
  longNumber(value: number): this {
    return this.long(BigInt(value));
  }

  bool(value: boolean): this {
    this.reserve(1);
    this.buffer[this.offset++] = value ? 1 : 0;
    return this;
  }

  buf(value: Buffer | null): this {
    if (value === null) return this.int(-1);
    this.reserve(4 + value.length);
    this.offset = this.buffer.writeInt32BE(value.length, this.offset);
    this.offset += value.copy(this.buffer, this.offset);
    return this;
  }

  string(value: string): this {
    const length = Buffer.byteLength(value);
    this.reserve(4 + length);
    this.offset = this.buffer.writeInt32BE(length, this.offset);
    this.offset += this.buffer.write(value, this.offset, length, 'utf8');
    return this;
  }

  strings(values: readonly string[]): this {
    this.int(values.length);
    for (const value of values) this.string(value);
    return this;
  }

  acl(acl: readonly Acl[]): this {
    this.int(acl.length);
    for (const { perms, scheme, id } of acl) this.int(perms).string(scheme).string(id);
    return this;
  }

  stat(stat: Stat): this {
    return this.long(stat.czxid)
      .long(stat.mzxid)
      .longNumber(stat.ctime)
      .longNumber(stat.mtime)
      .int(stat.version)
      .int(stat.cversion)
      .int(stat.aversion)
      .long(stat.ephemeralOwner)
      .int(stat.dataLength)
      .int(stat.numChildren)
      .long(stat.pzxid);
  }

  /** What was written. The writer must not be used afterwards. */
  finish(): Buffer {
    return this.buffer.subarray(0, this.offset);
  }

  private reserve(bytes: number): void {
    if (this.offset + bytes <= this.buffer.length) return;
    const grown = Buffer.allocUnsafe(Math.max(this.buffer.length * 2, this.offset + bytes));
    this.buffer.copy(grown, 0, 0, this.offset);
    this.buffer = grown;
  }
}

/** Reads jute. Throws a RangeError for bytes that end too early or lengths that cannot be. */
export class JuteReader {
  constructor(
    private readonly buffer: Buffer,
    private offset = 0,
  ) {}

  get remaining(): number {
    return this.buffer.length - this.offset;
  }

  int(): number {
    const value = this.buffer.readInt32BE(this.offset);
    this.offset += 4;
    return value;
  }

  long(): bigint {
    const value = this.buffer.readBigInt64BE(this.offset);
    this.offset += 8;
    return value;
  }

  longNumber(): number {
    const value = this.buffer.readInt32BE(this.offset) * 2 ** 32 + this.buffer.readUInt32BE(this.offset + 4);
    this.offset += 8;
    return value;
  }

  bool(): boolean {
    const value = this.buffer.readUInt8(this.offset) !== 0;
    this.offset += 1;
    return value;
  }

  /** A view into the frame. */
  buf(): Buffer | null {
    const length = this.int();
    if (length === -1) return null;
    this.ensure(length);
    const value = this.buffer.subarray(this.offset, this.offset + length);
    this.offset += length;
    return value;
  }

  string(): string {
    const length = this.int();
    if (length === -1) return '';
    this.ensure(length);
    const value = this.buffer.toString('utf8', this.offset, this.offset + length);
    this.offset += length;
    return value;
  }

  strings(): string[] {
    return this.vector(() => this.string());
  }

  acl(): Acl[] {
    return this.vector(() => ({ perms: this.int(), scheme: this.string(), id: this.string() }));
  }

  stat(): Stat {
    return {
      czxid: this.long(),
      mzxid: this.long(),
      ctime: this.longNumber(),
      mtime: this.longNumber(),
      version: this.int(),
      cversion: this.int(),
      aversion: this.int(),
      ephemeralOwner: this.long(),
      dataLength: this.int(),
      numChildren: this.int(),
      pzxid: this.long(),
    };
  }

  private vector<T>(read: () => T): T[] {
    const count = this.int();
    if (count > this.remaining) throw new RangeError(`a vector of ${count} in ${this.remaining} bytes`);
    const values: T[] = [];
    for (let i = 0; i < count; i++) values.push(read());
    return values;
  }

  private ensure(length: number): void {
    if (length < 0 || length > this.remaining) throw new RangeError(`a length of ${length} in ${this.remaining} bytes`);
  }
}
