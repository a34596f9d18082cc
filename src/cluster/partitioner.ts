/** From keys and ids to partitions: the functions that every client and broker must agree on. */
import { javaStringHashCode } from '../common/index.js';

/** Kafka's murmur2 (seed 0x9747b28c) as a signed int32: what the default partitioner hashes keys with. */
export function murmur2(data: Uint8Array): number {
  const M = 0x5bd1e995;
  const length = data.length;
  let hash = 0x9747b28c ^ length;
  let i = 0;
  for (; i + 4 <= length; i += 4) {
    let k = data[i]! | (data[i + 1]! << 8) | (data[i + 2]! << 16) | (data[i + 3]! << 24);
    k = Math.imul(k, M);
    k ^= k >>> 24;
    hash = Math.imul(hash, M) ^ Math.imul(k, M);
  }
  const rest = length - i;
  if (rest >= 3) hash ^= data[i + 2]! << 16;
  if (rest >= 2) hash ^= data[i + 1]! << 8;
  if (rest >= 1) hash = Math.imul(hash ^ data[i]!, M);
  hash ^= hash >>> 13;
  hash = Math.imul(hash, M);
  return hash ^ (hash >>> 15);
}

/** Clears the sign bit (`Utils.toPositive`), which is not the absolute value. */
export function toPositive(value: number): number {
  return value & 0x7fffffff;
}

/** Where the default partitioner puts a record with this key. */
export function partitionForKey(key: Uint8Array, partitionCount: number): number {
  return toPositive(murmur2(key)) % partitionCount;
}

/** The partition of `__consumer_offsets` that holds a group (`GroupMetadataManager.partitionFor`). */
export function partitionForGroup(groupId: string, partitionCount: number): number {
  return absoluteHash(groupId) % partitionCount;
}

/** The partition of `__transaction_state` that holds a transactional id (`TransactionStateManager.partitionFor`). */
export function partitionForTransactionalId(transactionalId: string, partitionCount: number): number {
  return absoluteHash(transactionalId) % partitionCount;
}

/** `Utils.abs`: the one value without a positive counterpart becomes 0. */
function absoluteHash(id: string): number {
  const hash = javaStringHashCode(id);
  return hash === -0x80000000 ? 0 : Math.abs(hash);
}
