import { assert, forEachInSteps, type Steps } from '../common/index.js';

/** What is to become of some keys: undefined of those that go. */
export type Changes<K, V> = ReadonlyMap<K, V | undefined>;

/**
 * A map that takes a hundred thousand changes in one step: they are gathered aside, and looked at before what was there from `putInForce` on, while
 * `merge` brings the two together in steps. Whoever reads sees all of the changes or none.
 */
export class DraftedMap<K, V extends object | string> {
  private readonly merged = new Map<K, V>();
  /** In force, and being merged. */
  private changes: Changes<K, V> | null = null;

  get(key: K): V | undefined {
    const { changes, merged } = this;
    return changes?.has(key) ? changes.get(key) : merged.get(key);
  }

  has(key: K): boolean {
    return this.get(key) !== undefined;
  }

  *entries(): Iterable<[K, V]> {
    const { changes, merged } = this;
    for (const [key, value] of changes ?? []) if (value !== undefined) yield [key, value];
    for (const entry of merged) if (!changes?.has(entry[0])) yield entry;
  }

  *keys(): Iterable<K> {
    for (const [key] of this.entries()) yield key;
  }

  delete(key: K): void {
    assert(this.changes === null, 'nothing is removed while changes are being merged');
    this.merged.delete(key);
  }

  putInForce(changes: Changes<K, V>): void {
    assert(this.changes === null, 'changes are merged before the next ones are in force');
    this.changes = changes;
  }

  *merge(): Steps<void> {
    yield* forEachInSteps(this.changes ?? [], ([key, value]) => {
      if (value === undefined) this.merged.delete(key);
      else this.merged.set(key, value);
    });
    this.changes = null;
  }
}
