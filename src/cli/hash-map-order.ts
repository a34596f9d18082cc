import { javaStringHashCode } from '../common/index.js';

/**
 * The order in which a `java.util.HashMap` that these were put into one by one lists them: by bucket, and inside a bucket as they came.
 * Kafka's tools print some maps in it, whatever the order of the broker's answer.
 */
export function inHashMapOrder<T>(items: readonly T[], keyOf: (item: T) => string): T[] {
  let capacity = 16;
  while (items.length > capacity * 0.75) capacity *= 2;
  const bucketOf = (item: T): number => {
    const hash = javaStringHashCode(keyOf(item));
    return (hash ^ (hash >>> 16)) & (capacity - 1);
  };
  return [...items].sort((a, b) => bucketOf(a) - bucketOf(b));
}
