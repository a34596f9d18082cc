import { NetworkError } from '../../../src/network/index.js';
import { ApiKey, errorName, type FetchResponse } from '../../../src/protocol/index.js';
import { iterateBatches } from '../../../src/records/index.js';
import type { SimulatedClient } from './client.js';
import type { History } from './history.js';

const FETCH_WAIT_MS = 500;
const RETRY_BACKOFF_MS = 100;

export interface ReaderSettings {
  readonly name: string;
  readonly topic: string;
  readonly partitions: number;
  readonly history: History;
  readonly onViolation: (message: string) => void;
}

/** Somebody who reads a topic from its beginning, and tells the history what it saw. */
export interface Reader {
  /** The offset that it reads next. */
  position(partition: number): number;
  /** Reads on to the end, and does nothing else of its own. */
  settle(): void;
  stop(): void;
}

/** Reads every partition of a topic from its beginning, as a consumer without a group does, and tells the history what it saw. */
export class SimulatedReader implements Reader {
  private readonly positions: number[];
  private stopped = false;

  constructor(
    private readonly client: SimulatedClient,
    private readonly settings: ReaderSettings,
  ) {
    this.positions = Array.from({ length: settings.partitions }, () => 0);
    for (let partition = 0; partition < settings.partitions; partition++) void this.read(partition);
  }

  position(partition: number): number {
    return this.positions[partition]!;
  }

  settle(): void {
    // It does nothing else.
  }

  stop(): void {
    this.stopped = true;
  }

  private async read(partition: number): Promise<void> {
    const { client } = this;
    let position = 0;
    while (!this.stopped) {
      const before = position;
      position = await this.fetchOnce(partition, position);
      this.positions[partition] = position;
      // Nothing came though the broker should have waited: do not turn in circles.
      if (position === before) await client.pause(10);
    }
  }

  /** The next position. */
  private async fetchOnce(partition: number, position: number): Promise<number> {
    const { client, settings } = this;
    const { topic, name } = settings;
    const known = client.leaderOf(topic, partition);
    if (!known || known.leader < 0) return this.backOff(position);
    try {
      const response = await client.send<FetchResponse>(
        known.leader,
        ApiKey.Fetch,
        {
          maxWaitMs: FETCH_WAIT_MS,
          minBytes: 1,
          maxBytes: 1 << 20,
          topics: [
            {
              topic,
              partitions: [
                {
                  partition,
                  fetchOffset: BigInt(position),
                  currentLeaderEpoch: known.epoch,
                  partitionMaxBytes: 1 << 18,
                },
              ],
            },
          ],
        },
        FETCH_WAIT_MS,
        `fetch ${partition}`,
      );
      const data = response.responses[0]?.partitions[0];
      if (response.errorCode !== 0 || !data) return await this.backOff(position);
      if (data.errorCode !== 0) {
        if (!client.understands(ApiKey.Fetch, data.errorCode)) {
          settings.onViolation(
            `${name}: ${topic}-${partition}: broker ${known.leader} answered a fetch at ${position} with ${errorName(data.errorCode)}`,
          );
        }
        return await this.backOff(position);
      }
      return takeRecords(this.settings, partition, position, Number(data.highWatermark), data.records);
    } catch (error) {
      if (!(error instanceof NetworkError)) throw error;
      return this.backOff(position);
    }
  }

  private async backOff(position: number): Promise<number> {
    await this.client.pause(RETRY_BACKOFF_MS);
    await this.client.refreshMetadata();
    return position;
  }
}

/** Takes records that were fetched from `position` on into the history. Gives the next position. */
export function takeRecords(
  { name, topic, history, onViolation }: ReaderSettings,
  partition: number,
  position: number,
  highWatermark: number,
  records: FetchResponse['responses'][number]['partitions'][number]['records'],
): number {
  if (records === null) return position;
  const bytes = Buffer.isBuffer(records) ? records : Buffer.concat(records as readonly Buffer[]);
  const key = `${topic}-${partition}`;
  let seen = history.seen.get(key);
  if (!seen) history.seen.set(key, (seen = new Map()));
  let next = position;
  for (const batch of iterateBatches(bytes)) {
    batch.ensureValid();
    for (const { offset, value } of batch.records()) {
      if (offset < position) continue;
      if (offset !== next) onViolation(`${name}: ${key} goes on at ${offset} after ${next - 1}`);
      next = offset + 1;
      const text = value?.toString() ?? '';
      if (offset >= highWatermark) {
        onViolation(`${name}: saw ${key}@${offset} (${text}) above the high watermark ${highWatermark}`);
      }
      const before = seen.get(offset);
      if (before && before.value !== text) {
        onViolation(`${name}: saw ${text} at ${key}@${offset}, ${before.reader} had seen ${before.value}`);
      }
      seen.set(offset, { value: text, reader: name });
    }
  }
  return next;
}
