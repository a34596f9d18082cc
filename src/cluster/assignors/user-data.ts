/** What the sticky assignors remember in the subscription's user data between rebalances. */
import type { TopicPartition } from '../topic-partition.js';

/** `generation` is null when nothing said it, -1 when what said it could not be read. */
export interface StickyMemberData {
  readonly partitions: readonly TopicPartition[];
  readonly generation: number | null;
}

const DEFAULT_GENERATION = -1;

/** The user data of `StickyAssignor`, version 1: partitions by topic, then the generation. Null before the first assignment. */
export function encodeStickyUserData(partitions: readonly TopicPartition[], generation: number): Buffer {
  const byTopic = new Map<string, number[]>();
  for (const { topic, partition } of partitions) {
    const list = byTopic.get(topic);
    if (list === undefined) byTopic.set(topic, [partition]);
    else list.push(partition);
  }
  const parts: Buffer[] = [int32(byTopic.size)];
  for (const [topic, list] of byTopic) {
    const name = Buffer.from(topic);
    const length = Buffer.alloc(2);
    length.writeInt16BE(name.length);
    parts.push(length, name, int32(list.length), ...list.map(int32));
  }
  return Buffer.concat([...parts, int32(generation)]);
}

/** Reads version 1, else version 0, which lacks the generation. What cannot be read counts as nothing owned. */
export function decodeStickyUserData(userData: Buffer | null): StickyMemberData {
  if (userData === null || userData.length === 0) return { partitions: [], generation: null };
  try {
    let position = 4;
    const partitions: TopicPartition[] = [];
    const topicCount = userData.readInt32BE(0);
    for (let i = 0; i < topicCount; i++) {
      const nameLength = userData.readInt16BE(position);
      const nameEnd = position + 2 + nameLength;
      const topic = userData.toString('utf8', position + 2, nameEnd);
      const count = userData.readInt32BE(nameEnd);
      position = nameEnd + 4;
      for (let j = 0; j < count; j++, position += 4) {
        partitions.push({ topic, partition: userData.readInt32BE(position) });
      }
    }
    const generation = position + 4 <= userData.length ? userData.readInt32BE(position) : null;
    return { partitions, generation };
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return { partitions: [], generation: DEFAULT_GENERATION };
  }
}

/** The user data of `CooperativeStickyAssignor`: only the generation, as owned partitions have a field of their own. */
export function encodeCooperativeStickyUserData(generation: number): Buffer {
  return int32(generation);
}

/** Null without user data, -1 when it cannot be read. */
export function decodeCooperativeStickyUserData(userData: Buffer | null): number | null {
  if (userData === null) return null;
  return userData.length < 4 ? DEFAULT_GENERATION : userData.readInt32BE(0);
}

function int32(value: number): Buffer {
  const buffer = Buffer.alloc(4);
  buffer.writeInt32BE(value);
  return buffer;
}
