import type { Random } from './random.js';

/** A 128-bit id as Kafka prints it: 22 characters of base64url without padding (`org.apache.kafka.common.Uuid`). */
export type Uuid = string;

export const ZERO_UUID: Uuid = 'AAAAAAAAAAAAAAAAAAAAAA';
/** Reserved by Kafka for the KRaft metadata topic. */
export const METADATA_TOPIC_UUID: Uuid = 'AAAAAAAAAAAAAAAAAAAAAQ';

const UUID_PATTERN = /^[A-Za-z0-9_-]{21}[AQgw]$/;

export function uuidFromBytes(bytes: Buffer, offset = 0): Uuid {
  return bytes.toString('base64url', offset, offset + 16);
}

export function isUuid(text: string): boolean {
  return UUID_PATTERN.test(text);
}

/** A random (version 4) id. Like Kafka's it never begins with a dash, which would look like an option on a command line. */
export function randomUuid(random: Random): Uuid {
  for (;;) {
    const bytes = random.nextBytes(16);
    bytes[6] = (bytes[6]! & 0x0f) | 0x40;
    bytes[8] = (bytes[8]! & 0x3f) | 0x80;
    const uuid = uuidFromBytes(bytes);
    if (uuid !== ZERO_UUID && uuid !== METADATA_TOPIC_UUID && !uuid.startsWith('-')) return uuid;
  }
}
