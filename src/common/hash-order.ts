/**
 * The order in which Kafka's JSON carries the entries of a map, and its sentences the names of a set, is the order of the hash table behind
 * them. No one depends on it, but nodes that are equal byte for byte can be compared with what Kafka wrote, and rewriting a node unchanged
 * changes nothing.
 */

/** Java's `String.hashCode`, over UTF-16 code units, as a signed int32. */
export function javaStringHashCode(text: string): number {
  let hash = 0;
  for (let i = 0; i < text.length; i++) hash = (Math.imul(hash, 31) + text.charCodeAt(i)) | 0;
  return hash;
}

/**
 * The iteration order of a `scala.collection.mutable.HashMap` with these keys: buckets, and hashes inside a bucket. A map that was made
 * of `initialEntries` began with as many buckets as these need, an empty one with 16.
 */
export function mutableMapOrder(keys: Iterable<string>, initialEntries = 0): string[] {
  const hashed = [...keys].map((key) => {
    const hash = javaStringHashCode(key);
    return { key, hash: hash ^ (hash >>> 16) };
  });
  let length = initialEntries === 0 ? 16 : powerOfTwo(Math.floor((initialEntries + 1) / 0.75));
  while (hashed.length >= length * 0.75) length *= 2;
  const mask = length - 1;
  hashed.sort((a, b) => (a.hash & mask) - (b.hash & mask) || a.hash - b.hash);
  return hashed.map(({ key }) => key);
}

/** The iteration order of `java.util.Properties`: a `ConcurrentHashMap` of 16 buckets that doubles at three quarters. */
export function propertiesOrder(keys: Iterable<string>): string[] {
  const hashed = [...keys].map((key) => {
    const hash = javaStringHashCode(key);
    return { key, hash: (hash ^ (hash >>> 16)) & 0x7fffffff };
  });
  let length = 16;
  while (hashed.length >= length * 0.75) length *= 2;
  const mask = length - 1;
  // Keys of one bucket stay in the order they were set.
  hashed.sort((a, b) => (a.hash & mask) - (b.hash & mask));
  return hashed.map(({ key }) => key);
}

/** The iteration order of a `scala.collection.immutable.Map`: up to four entries as given, more in a trie over five bits of the hash a level. */
export function immutableMapOrder(keys: readonly string[]): string[] {
  if (keys.length <= 4) return [...keys];
  const hashed = keys.map((key) => ({ key, hash: improve(javaStringHashCode(key)) }));
  const walk = (entries: typeof hashed, shift: number): string[] => {
    if (shift >= 32) return entries.map(({ key }) => key);
    const slots = new Map<number, typeof hashed>();
    for (const entry of entries) {
      const slot = (entry.hash >>> shift) & 31;
      const list = slots.get(slot);
      if (list) list.push(entry);
      else slots.set(slot, [entry]);
    }
    const ordered = [...slots].sort(([a], [b]) => a - b).map(([, list]) => list);
    // A node keeps its own entries before its subtrees.
    return [
      ...ordered.filter((list) => list.length === 1).map(([only]) => only!.key),
      ...ordered.filter((list) => list.length > 1).flatMap((list) => walk(list, shift + 5)),
    ];
  };
  return walk(hashed, 0);
}

/** `scala.collection.Hashing.improve`. */
function improve(code: number): number {
  let hash = (code + ~(code << 9)) | 0;
  hash ^= hash >>> 14;
  hash = (hash + (hash << 4)) | 0;
  return hash ^ (hash >>> 10);
}

function powerOfTwo(atLeast: number): number {
  let power = 4;
  while (power < atLeast) power *= 2;
  return power;
}
