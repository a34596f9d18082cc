import type { Uuid } from '../../../src/common/index.js';
import { NetworkError } from '../../../src/network/index.js';
import { ApiKey, ErrorCode, errorName, type FetchResponse } from '../../../src/protocol/index.js';
import { isRetriableForClient, type SimulatedClient } from './client.js';
import { takeRecords, type Reader, type ReaderSettings } from './reader.js';

const FETCH_WAIT_MS = 500;
const RETRY_BACKOFF_MS = 100;

/** What a reader does beyond reading on. */
export interface SessionReaderOptions {
  /**
   * Goes back now and then, in some partitions, and begins sessions again: what it reads then has long left the memory of brokers, and
   * while they wait for their disk others of its partitions change.
   */
  readonly readsAgain?: boolean;
  /**
   * Fetches by the id of the topic (null as long as there is none), and from whom it guesses to lead, before brokers can know of either. One
   * that does not know the id is not asked again for it: it is to answer in the session as soon as it does.
   */
  readonly byId?: { topicId(): Uuid | null; guessLeader(partition: number): number };
}

/** Between two times of going back, at most. */
const BACK_EVERY_MS = 3_000;

/** What a broker was last asked of a partition within a session. */
interface Asked {
  readonly position: number;
  readonly leaderEpoch: number;
}

/**
 * Reads a topic as Kafka's consumers do: one fetch session (KIP-227) with each broker, which carries only what changed. A partition
 * that the broker does not answer has nothing new; if it had, the reader would never come to the end.
 */
export class SessionReader implements Reader {
  private readonly positions: number[];
  private stopped = false;
  private isSettled = false;
  /** Grows when all sessions are to begin again. */
  private renewals = 0;

  constructor(
    private readonly client: SimulatedClient,
    private readonly settings: ReaderSettings,
    private readonly options: SessionReaderOptions = {},
  ) {
    this.positions = Array.from({ length: settings.partitions }, () => 0);
    for (const broker of client.settings.brokerIds) void this.readFrom(broker);
    if (options.readsAgain) void this.goBack();
  }

  settle(): void {
    this.isSettled = true;
  }

  stop(): void {
    this.stopped = true;
  }

  position(partition: number): number {
    return this.positions[partition]!;
  }

  private async readFrom(broker: number): Promise<void> {
    const { client } = this;
    const session = new Session();
    let { renewals } = this;
    while (!this.stopped) {
      if (renewals !== this.renewals) session.end();
      ({ renewals } = this);
      const wanted = this.ledBy(broker);
      if (wanted.size === 0) {
        session.end();
        await client.pause(RETRY_BACKOFF_MS * (1 + client.random.nextDouble()));
        if (this.knowsTooLittle()) await client.refreshMetadata();
        continue;
      }
      const isGoingOn = await this.fetch(broker, session, wanted);
      if (isGoingOn && !this.knowsTooLittle()) continue;
      await client.pause(RETRY_BACKOFF_MS);
      await client.refreshMetadata();
    }
  }

  private async goBack(): Promise<void> {
    const { random } = this.client;
    for (;;) {
      await this.client.pause(BACK_EVERY_MS * random.nextDouble());
      if (this.stopped || this.isSettled) return;
      this.positions.forEach((position, partition) => {
        if (position > 0 && random.nextInt(4) === 0) this.positions[partition] = random.nextInt(position);
      });
      if (random.nextInt(2) === 0) this.renewals++;
    }
  }

  private knowsTooLittle(): boolean {
    const { topic } = this.settings;
    return this.positions.some((_, partition) => (this.client.leaderOf(topic, partition)?.leader ?? -1) < 0);
  }

  /** False when the metadata should be looked at before the next fetch. */
  private async fetch(broker: number, session: Session, wanted: ReadonlyMap<number, Asked>): Promise<boolean> {
    const { client, settings } = this;
    const { topic, name } = settings;
    const topicId = this.options.byId?.topicId();
    const named = topicId ? { topicId } : { topic };
    const { changed, forgotten } = session.prepare(wanted);
    let response: FetchResponse;
    try {
      response = await client.send<FetchResponse>(
        broker,
        ApiKey.Fetch,
        {
          maxWaitMs: FETCH_WAIT_MS,
          minBytes: 1,
          maxBytes: 1 << 20,
          sessionId: session.id,
          sessionEpoch: session.epoch,
          topics:
            changed.length === 0
              ? []
              : [
                  {
                    ...named,
                    partitions: changed.map(([partition, asked]) => ({
                      partition,
                      fetchOffset: BigInt(asked.position),
                      currentLeaderEpoch: asked.leaderEpoch,
                      partitionMaxBytes: 1 << 18,
                    })),
                  },
                ],
          forgottenTopicsData: forgotten.length === 0 ? [] : [{ ...named, partitions: forgotten }],
        },
        FETCH_WAIT_MS,
        'fetch',
      );
    } catch (error) {
      if (!(error instanceof NetworkError)) throw error;
      session.end();
      return false;
    }
    if (response.errorCode !== 0) {
      session.end();
      const { errorCode } = response;
      const isKnown =
        errorCode === ErrorCode.FETCH_SESSION_ID_NOT_FOUND ||
        errorCode === ErrorCode.INVALID_FETCH_SESSION_EPOCH ||
        errorCode === ErrorCode.FETCH_SESSION_TOPIC_ID_ERROR;
      if (!isKnown && !isRetriableForClient(errorCode)) {
        settings.onViolation(`${name}: broker ${broker} answered a fetch with ${errorName(errorCode)}`);
      }
      return true;
    }
    session.answered(response.sessionId);
    let isGoingOn = true;
    for (const { partitionIndex: partition, errorCode, highWatermark, records } of response.responses.flatMap(
      (it) => it.partitions,
    )) {
      const asked = wanted.get(partition);
      if (errorCode !== 0) {
        if (errorCode !== ErrorCode.UNKNOWN_TOPIC_ID) session.forget(partition);
        isGoingOn = false;
        if (!isRetriableForClient(errorCode)) {
          settings.onViolation(
            `${name}: ${topic}-${partition}: broker ${broker} answered a fetch at ${asked?.position} with ${errorName(errorCode)}`,
          );
        }
      } else if (asked && asked.position === this.positions[partition]) {
        // Otherwise another broker has become the leader meanwhile, and answered first.
        this.positions[partition] = takeRecords(settings, partition, asked.position, Number(highWatermark), records);
      }
    }
    return isGoingOn;
  }

  private ledBy(broker: number): Map<number, Asked> {
    const wanted = new Map<number, Asked>();
    const { byId } = this.options;
    if (byId?.topicId() === null) return wanted;
    this.positions.forEach((position, partition) => {
      const known =
        this.client.leaderOf(this.settings.topic, partition) ??
        (byId && { leader: byId.guessLeader(partition), epoch: -1 });
      if (known?.leader === broker) wanted.set(partition, { position, leaderEpoch: known.epoch });
    });
    return wanted;
  }
}

/** The client's side of a fetch session (Kafka's `FetchSessionHandler`). */
class Session {
  id = 0;
  /** 0 asks for a new session. */
  epoch = 0;
  private asked = new Map<number, Asked>();

  prepare(wanted: ReadonlyMap<number, Asked>): { changed: [number, Asked][]; forgotten: number[] } {
    if (this.epoch === 0) this.asked.clear();
    const changed = [...wanted].filter(([partition, { position, leaderEpoch }]) => {
      const before = this.asked.get(partition);
      return before?.position !== position || before.leaderEpoch !== leaderEpoch;
    });
    const forgotten = [...this.asked.keys()].filter((partition) => !wanted.has(partition));
    this.asked = new Map(wanted);
    return { changed, forgotten };
  }

  answered(id: number): void {
    this.id = id;
    this.epoch = id === 0 ? 0 : this.epoch + 1;
  }

  /** The broker answered with an error: it is asked anew, whole. */
  forget(partition: number): void {
    this.asked.delete(partition);
  }

  end(): void {
    this.id = 0;
    this.epoch = 0;
  }
}
