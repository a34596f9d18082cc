import { runInSlices, type Clock, type Logger, type Steps, type Timer } from '../common/index.js';
import { isOfFetcher, type Request } from '../network/index.js';
import { ApiKey, apiOf } from '../protocol/index.js';
import type { ZkStores } from '../zookeeper/index.js';
import type { MetadataCache } from './metadata-cache.js';

export interface MetadataGateOptions {
  readonly metadata: Pick<MetadataCache, 'hasTopic' | 'aliveBrokers' | 'onUpdate'>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Gives those of these topics that a controller may tell of: a partition has had a leader. */
  everLed(topics: readonly string[]): Promise<readonly string[]>;
  handOut(request: Request): void;
  /** The same for one that was held back, whose connection it costs when that throws. */
  handOutHeld(request: Request): void;
}

/** So long a request waits for a controller at most. Less than clients wait for an answer: they can ask another broker. */
export const MAX_HOLD_MS = 10_000;
/**
 * So long the gate waits for more topics once it was told of some. A controller tells of those at once, unless a topic is being deleted or its znodes
 * cannot be read: then it never does.
 */
export const TOPICS_WITHIN_MS = 5000;
/** The same before it was told of any: a new controller that has told who lives reads the topics next, however long that takes. */
export const FIRST_TOPICS_WITHIN_MS = 30_000;
const NAMED_TOPICS = 5;

/**
 * Holds back what clients ask of a broker that has just started, until the controller has told it of all topics that there are: Kafka's brokers
 * answer from empty metadata until then, so that after a crash of the whole cluster a list of topics is empty, and a topic "does not exist".
 * (A new controller tells first who lives, and of partitions only then.) What brokers and the controller ask passes, and so does ApiVersions.
 */
export class MetadataGate {
  /** Topics that are not told of yet; null until they are known. */
  private missing: Set<string> | null = null;
  private readonly held = new Map<Request, Timer>();
  private isOpen = false;
  private topicsTimer: Timer | null = null;
  private hasAskedWhichWereLed = false;
  private readonly stopListening: () => void;

  constructor(private readonly options: MetadataGateOptions) {
    this.stopListening = options.metadata.onUpdate(() => this.look());
  }

  /** Asks ZooKeeper which topics there are. Those that are being deleted are told to no one. */
  async expectTopicsOf({ topics, deletions }: Pick<ZkStores, 'topics' | 'deletions'>): Promise<void> {
    const [existing, marked] = await Promise.all([
      topics.topics({ registerWatch: false }),
      deletions.topicDeletions({ registerWatch: false }),
    ]);
    this.expect(existing.filter((topic) => !marked.includes(topic)));
  }

  /** These are the topics of the cluster. */
  expect(topics: Iterable<string>): void {
    this.missing = new Set(topics);
    this.look();
  }

  /** Hands a request out, now or once it can be answered. */
  pass(request: Request): void {
    if (this.isOpen || passesAlways(request)) this.options.handOut(request);
    else this.hold(request);
  }

  close(): void {
    this.stopListening();
    this.topicsTimer?.cancel();
    for (const timer of this.held.values()) timer.cancel();
    this.held.clear();
  }

  private hold(request: Request): void {
    const { clock } = this.options;
    request.holdMemory();
    request.endsWhenAbandoned = true;
    request.onEnded = () => {
      this.held.get(request)?.cancel();
      this.held.delete(request);
    };
    const giveUp = (): void =>
      request.closeConnection('Closed a connection: no controller has told this broker of the cluster yet');
    this.held.set(request, clock.setTimer(MAX_HOLD_MS, giveUp, { background: true }));
  }

  private look(): void {
    const { metadata } = this.options;
    const isToldOfBrokers = !metadata.aliveBrokers()[Symbol.iterator]().next().done;
    if (this.isOpen || this.missing === null || !isToldOfBrokers) return;
    const count = this.missing.size;
    for (const topic of this.missing) if (metadata.hasTopic(topic)) this.missing.delete(topic);
    if (this.missing.size === 0) return this.open();
    const isToldOfMore = this.missing.size < count;
    if (isToldOfMore) {
      this.wait(TOPICS_WITHIN_MS, () => this.openWithout());
      void this.forgetThoseNeverLed();
    } else if (this.topicsTimer === null) {
      this.wait(TOPICS_WITHIN_MS, () => {
        this.wait(FIRST_TOPICS_WITHIN_MS - TOPICS_WITHIN_MS, () => this.openWithout());
        void this.forgetThoseNeverLed();
      });
    }
  }

  private wait(limitMs: number, then: () => void): void {
    this.topicsTimer?.cancel();
    this.topicsTimer = this.options.clock.setTimer(limitMs, then, { background: true });
  }

  /** A topic whose replicas have all been away since it was made is told to no one. Asked once the others are known, or late. */
  private async forgetThoseNeverLed(): Promise<void> {
    if (this.hasAskedWhichWereLed) return;
    this.hasAskedWhichWereLed = true;
    try {
      const led = await this.options.everLed([...(this.missing ?? [])]);
      this.expect(led);
    } catch (error) {
      this.options.logger.warn('Cannot tell which topics have had a leader: waiting for all', { error });
    }
  }

  private openWithout(): void {
    const [...topics] = this.missing ?? [];
    this.options.logger.warn('Serving without topics that the controller does not tell of', {
      count: topics.length,
      topics: topics.slice(0, NAMED_TOPICS),
    });
    this.open();
  }

  /** Those that waited go on in slices, after this turn: who told of the topics is in the middle of something. */
  private open(): void {
    const { clock } = this.options;
    this.isOpen = true;
    this.topicsTimer?.cancel();
    this.stopListening();
    clock.defer(() => void runInSlices(clock, this.handingOutHeld()));
  }

  private *handingOutHeld(): Steps<void> {
    for (const [request, timer] of this.held) {
      timer.cancel();
      this.held.delete(request);
      request.onEnded = null;
      request.endsWhenAbandoned = false;
      this.options.handOutHeld(request);
      yield;
    }
  }
}

function passesAlways({ header: { apiKey, clientId } }: Request): boolean {
  if (apiKey === ApiKey.ApiVersions || apiOf(apiKey)?.clusterAction === true) return true;
  return clientId !== null && isOfFetcher(apiKey, clientId);
}
