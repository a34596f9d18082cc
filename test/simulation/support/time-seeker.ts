import { NetworkError } from '../../../src/network/index.js';
import { ApiKey, errorName, type ListOffsetsResponse } from '../../../src/protocol/index.js';
import type { SimulatedClient } from './client.js';
import type { Acknowledged, History } from './history.js';

const ASK_EVERY_MS = 1_000;
/** Of the last records that were acknowledged to anyone. */
const RECENT = 400;

/**
 * Asks ListOffsets for the first record with some timestamp or a later one, as a consumer does that begins at a time of day. Whatever the
 * clocks of those who wrote did, it is the first one in the log.
 */
export class TimeSeeker {
  private stopped = false;
  /** Questions that were answered with an offset, or with none. */
  answered = 0;

  constructor(
    private readonly client: SimulatedClient,
    private readonly topic: string,
    private readonly history: History,
    /** A broker leads, knows it, and no one has led since: one that was replaced unheard answers from what it has, as in Kafka. */
    private readonly isLeading: (partition: number, broker: number) => boolean,
    private readonly onViolation: (message: string) => void,
  ) {
    void this.seek();
  }

  stop(): void {
    this.stopped = true;
  }

  private async seek(): Promise<void> {
    const { client, history } = this;
    while (!this.stopped) {
      await client.pause(2 * ASK_EVERY_MS * client.random.nextDouble());
      const { acknowledged } = history;
      const from = Math.max(0, acknowledged.length - RECENT);
      const one = acknowledged[from + client.random.nextInt(Math.max(1, acknowledged.length - from))];
      if (one?.topic === this.topic) await this.ask(one.partition, one.timestamp - client.random.nextInt(2));
    }
  }

  private async ask(partition: number, timestamp: number): Promise<void> {
    const { client, topic, history } = this;
    const known = client.leaderOf(topic, partition);
    if (!known || known.leader < 0) return client.refreshMetadata();
    const asked = this.isLeading(partition, known.leader) ? history.acknowledged.length : 0;
    try {
      const { topics } = await client.send<ListOffsetsResponse>(
        known.leader,
        ApiKey.ListOffsets,
        {
          replicaId: -1,
          topics: [
            {
              name: topic,
              partitions: [
                { partitionIndex: partition, currentLeaderEpoch: known.epoch, timestamp: BigInt(timestamp) },
              ],
            },
          ],
        },
        null,
        'times',
      );
      const answer = topics[0]!.partitions[0]!;
      if (answer.errorCode === 0 && this.isLeading(partition, known.leader))
        this.judge(partition, timestamp, Number(answer.offset), asked);
      else if (answer.errorCode === 0 || client.understands(ApiKey.ListOffsets, answer.errorCode))
        await client.refreshMetadata();
      else this.violation(partition, timestamp, `was answered with ${errorName(answer.errorCode)}`);
    } catch (error) {
      if (!(error instanceof NetworkError)) throw error;
      await client.refreshMetadata();
    }
  }

  /** What was acknowledged before it asked is known to have been there; of the rest only what the answer points at counts. */
  private judge(partition: number, timestamp: number, offset: number, asked: number): void {
    this.answered++;
    let first: Acknowledged | null = null;
    for (const [index, one] of this.history.acknowledged.entries()) {
      if (one.topic !== this.topic || one.partition !== partition || one.offset < 0) continue;
      if (one.offset === offset && one.timestamp < timestamp) {
        this.violation(partition, timestamp, `gave ${offset}, which is of ${one.timestamp}`);
      }
      if (index < asked && one.timestamp >= timestamp && (!first || one.offset < first.offset)) first = one;
    }
    if (first && (offset < 0 || offset > first.offset)) {
      this.violation(
        partition,
        timestamp,
        `gave ${offset}, but ${first.value} at ${first.offset} is of ${first.timestamp}`,
      );
    }
  }

  private violation(partition: number, timestamp: number, what: string): void {
    const version = this.client.versionOf(ApiKey.ListOffsets);
    this.onViolation(
      `${this.client.host}: ListOffsets v${version} of ${this.topic}-${partition} for ${timestamp} ${what}`,
    );
  }
}
