/** What a simulated disk holds, what of it is durable, and what a loss of power leaves of the rest. Owned by `SimulatedFileSystem`. */
import type { Random } from '../common/index.js';

type FileChange = { readonly seq: number } & (
  { readonly kind: 'write'; position: number; bytes: Buffer } | { readonly kind: 'truncate'; size: number }
);
type DirChange = { readonly seq: number } & (
  | { readonly kind: 'link'; name: string; node: Node }
  | { readonly kind: 'unlink'; name: string }
  | { readonly kind: 'rename'; from: string; to: string }
);
/** A change before it got its number. */
export type NewFileChange = Unnumbered<FileChange>;
type NewDirChange = Unnumbered<DirChange>;
type Unnumbered<T> = T extends unknown ? Omit<T, 'seq'> : never;
export type Node = FileNode | DirNode;

/** Numbers the changes of a disk, in the order in which they were made. */
export class ChangeCounter {
  last = 0;
  /** Everything up to it was there when something was made durable: a journal has committed it. */
  committed = 0;

  next(): number {
    return ++this.last;
  }
}

export class FileNode {
  content: Content = new Content();
  private durable: Content = new Content();
  private unsynced: FileChange[] = [];

  constructor(
    private readonly counter: ChangeCounter,
    public modifiedMs: number,
  ) {}

  change(change: NewFileChange): void {
    this.content.apply(change);
    this.unsynced.push({ ...change, seq: this.counter.next() });
  }

  /** Makes durable what was written up to a change; of what comes while the disk is busy nothing is promised. */
  sync(upTo = this.counter.last): void {
    const later: FileChange[] = [];
    for (const change of this.unsynced) {
      if (change.seq <= upTo) this.durable.apply(change);
      else later.push(change);
    }
    this.unsynced = later;
    this.counter.committed = Math.max(this.counter.committed, upTo);
  }

  /**
   * Each write is there, is not, or is torn: in the order in which they were made, or each by itself. A journal has a truncation up to
   * the moment to which it has everything else.
   */
  losePower(how: LostOrder, random: Random): void {
    const keep = random.nextInt(2) === 0 ? inOrder(random, this.unsynced.length) : byItself(random);
    let isCut = false;
    for (const change of this.unsynced) {
      let fate = keep();
      if (change.kind === 'truncate' && how.kind === 'journal') fate = change.seq <= how.upTo ? 'kept' : 'lost';
      // Blocks of a file are written in any order, but none that a truncation which is not durable has set free.
      if (isCut) continue;
      if (change.kind === 'truncate') {
        if (fate === 'kept') this.durable.apply(change);
        else isCut = true;
      } else if (fate === 'kept') this.durable.apply(change);
      else if (fate === 'torn') this.tear(change, random);
    }
    this.content = this.durable.copy();
    this.unsynced = [];
  }

  private tear({ bytes, position }: { bytes: Buffer; position: number }, random: Random): void {
    const good = random.nextInt(bytes.length + 1);
    // The length may be written before the bytes are.
    if (random.nextInt(2) === 0) this.durable.write(Buffer.from(bytes).fill(0, good), position);
    else if (good > 0) this.durable.write(bytes.subarray(0, good), position);
  }
}

export class DirNode {
  entries = new Map<string, Node>();
  private durable = new Map<string, Node>();
  private unsynced: DirChange[] = [];

  constructor(private readonly counter: ChangeCounter) {}

  change(change: NewDirChange): void {
    applyDirChange(this.entries, change);
    this.unsynced.push({ ...change, seq: this.counter.next() });
  }

  /** The same as for a file. */
  sync(upTo = this.counter.last): void {
    const later: DirChange[] = [];
    for (const change of this.unsynced) {
      if (change.seq <= upTo) applyDirChange(this.durable, change);
      else later.push(change);
    }
    this.unsynced = later;
    this.counter.committed = Math.max(this.counter.committed, upTo);
  }

  /** Leaves of every folder and file in it what `how` says. */
  losePower(how: LostOrder, random: Random): void {
    const entries = new Map(this.durable);
    for (const change of this.survivors(how, random)) applyDirChange(entries, change);
    this.entries = entries;
    this.durable = new Map(entries);
    this.unsynced = [];
    for (const node of entries.values()) {
      if (node instanceof DirNode) node.losePower(how, random);
      else node.losePower(how, random);
    }
  }

  private survivors(how: LostOrder, random: Random): DirChange[] {
    const { unsynced } = this;
    switch (how.kind) {
      case 'journal':
        return unsynced.filter(({ seq }) => seq <= how.upTo);
      case 'folders':
        return unsynced.slice(0, random.nextInt(unsynced.length + 1));
      case 'entries': {
        // A change needs those before it that named the same entries. New entries are put behind the older ones: none is there without
        // those. Of renames and removals none waits for another.
        const lost = new Set<string>();
        const keep = byItself(random);
        let isNewLost = false;
        return unsynced.filter((change) => {
          const names = change.kind === 'rename' ? [change.from, change.to] : [change.name];
          const isNew = change.kind === 'link';
          if (keep() === 'kept' && !names.some((name) => lost.has(name)) && !(isNew && isNewLost)) return true;
          for (const name of names) lost.add(name);
          isNewLost ||= isNew;
          return false;
        });
      }
    }
  }
}

/**
 * How the changes of folders that were not synced have come to the disk: as a journal does, all up to one moment; each folder up to a
 * moment of its own; or each entry by itself.
 */
export type LostOrder = { readonly kind: 'journal'; readonly upTo: number } | { readonly kind: 'folders' | 'entries' };

export function drawLostOrder(
  random: Random,
  { committed, last }: ChangeCounter,
  kinds: readonly LostOrder['kind'][],
): LostOrder {
  const kind = kinds[random.nextInt(kinds.length)]!;
  return kind === 'journal' ? { kind, upTo: committed + random.nextInt(last - committed + 1) } : { kind };
}

type Fate = 'kept' | 'torn' | 'lost';

/** The first ones are kept, the next is torn, the rest is lost. */
function inOrder(random: Random, count: number): () => Fate {
  const kept = random.nextInt(count + 1);
  let at = 0;
  return () => {
    const index = at++;
    return index < kept ? 'kept' : index === kept ? 'torn' : 'lost';
  };
}

/** Most are kept or most are lost, whichever is drawn. */
function byItself(random: Random): () => Fate {
  const share = [0.1, 0.5, 0.9][random.nextInt(3)]!;
  return () => (random.nextDouble() < share ? 'kept' : random.nextInt(3) === 0 ? 'torn' : 'lost');
}

/** Bytes that grow. */
export class Content {
  private bytes: Buffer = Buffer.alloc(0);
  length = 0;

  apply(change: NewFileChange): void {
    if (change.kind === 'truncate') this.truncate(change.size);
    else this.write(change.bytes, change.position);
  }

  write(bytes: Buffer, position: number): void {
    const end = position + bytes.length;
    this.reserve(end);
    bytes.copy(this.bytes, position);
    this.length = Math.max(this.length, end);
  }

  truncate(size: number): void {
    this.reserve(size);
    if (size < this.length) this.bytes.fill(0, size, this.length);
    this.length = size;
  }

  read(target: Buffer, targetOffset: number, length: number, position: number): number {
    const end = Math.min(this.length, position + length);
    return end <= position ? 0 : this.bytes.copy(target, targetOffset, position, end);
  }

  toBuffer(): Buffer {
    return Buffer.from(this.bytes.subarray(0, this.length));
  }

  copy(): Content {
    const copy = new Content();
    copy.bytes = this.toBuffer();
    copy.length = this.length;
    return copy;
  }

  private reserve(size: number): void {
    if (size <= this.bytes.length) return;
    const grown = Buffer.alloc(Math.max(size, 2 * this.bytes.length));
    this.bytes.copy(grown, 0, 0, this.length);
    this.bytes = grown;
  }
}

function applyDirChange(entries: Map<string, Node>, change: NewDirChange): void {
  switch (change.kind) {
    case 'link':
      entries.set(change.name, change.node);
      break;
    case 'unlink':
      entries.delete(change.name);
      break;
    case 'rename': {
      const node = entries.get(change.from);
      entries.delete(change.from);
      if (node) entries.set(change.to, node);
      break;
    }
  }
}
