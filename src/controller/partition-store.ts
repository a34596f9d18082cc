import {
  partitionKey,
  type LeaderAndIsr,
  type LeaderIsrAndControllerEpoch,
  type TopicPartition,
} from '../cluster/index.js';
import { TopicConfig, type BrokerConfig } from '../config/index.js';
import {
  ControllerMovedError,
  isZkError,
  partitionStateZnode,
  refused,
  type ZkStores,
  type ZnodeFormatError,
} from '../zookeeper/index.js';
import type { ControllerContext, PartitionEntry } from './core/controller-context.js';

/** A state to be written for a partition, conditional on the partition epoch it carries. */
export interface PartitionUpdate {
  readonly partition: PartitionEntry;
  readonly next: LeaderAndIsr;
}

/** How the write of one partition's state went. */
export type PartitionWrite =
  /** With the partition epoch that it has now. */
  | { readonly kind: 'written'; readonly state: LeaderAndIsr }
  /** Somebody else wrote it since it was read. */
  | { readonly kind: 'badVersion' }
  | { readonly kind: 'failed'; readonly error: Error };

/**
 * True for what ends the term of a controller at once: another one was elected, the session is gone, or ZooKeeper left us without an
 * answer, so that we no longer know what is written. An event that meets it stops where it is; everything else is an error of the one
 * partition or event.
 */
export function endsTerm(error: unknown): boolean {
  return (
    error instanceof ControllerMovedError ||
    isZkError(error, 'SessionExpired', 'Closed', 'OperationTimeout', 'ConnectionLoss')
  );
}

/** So many partitions a piece: written or read in some ten ms. */
const PIECE_PARTITIONS = 500;

/**
 * Events go through partitions piece by piece: each waits for ZooKeeper, and others of this broker run meanwhile. Kafka's controller has a
 * thread of its own.
 */
export function* piecesOf<T>(items: readonly T[]): Generator<readonly T[]> {
  for (let from = 0; from < items.length; from += PIECE_PARTITIONS) yield items.slice(from, from + PIECE_PARTITIONS);
}

/**
 * The partition states as the state machines read and write them, all partitions of a call at once. Results are in the order of what
 * was asked. Writes are conditional on the controller epoch; the calls reject when the term is over.
 */
export class PartitionStore {
  constructor(
    private readonly stores: ZkStores,
    private readonly context: ControllerContext,
    private readonly config: () => BrokerConfig,
    /** Has the partition looked at again once its state, which no one can read now, is written anew; the next read of it sets the watch. */
    private readonly awaitMended: (partition: TopicPartition) => void,
  ) {}

  /** As of now. Null for a partition without state. One that no one can read is an error of that partition alone. */
  async readPartitionStates(
    partitions: readonly PartitionEntry[],
  ): Promise<(LeaderIsrAndControllerEpoch | Error | null)[]> {
    const states: (LeaderIsrAndControllerEpoch | Error | null)[] = [];
    for (const piece of piecesOf(partitions)) states.push(...(await this.readPiece(piece)));
    return states;
  }

  private async readPiece(
    partitions: readonly PartitionEntry[],
  ): Promise<(LeaderIsrAndControllerEpoch | Error | null)[]> {
    try {
      const { found, unreadable } = await this.stores.partitionStates.latestStates(partitions);
      if (unreadable.size > 0) await this.watchUnreadable(partitions, found, unreadable);
      return partitions.map((partition) => {
        const key = partitionKey(partition);
        return unreadable.get(key) ?? found.get(key) ?? null;
      });
    } catch (error) {
      if (endsTerm(error)) throw error;
      return partitions.map(() => asError(error));
    }
  }

  /** Reads again what could not be read, with a watch. It may have been mended meanwhile. */
  private async watchUnreadable(
    partitions: readonly PartitionEntry[],
    found: Map<string, LeaderIsrAndControllerEpoch>,
    unreadable: Map<string, ZnodeFormatError>,
  ): Promise<void> {
    const bad = partitions.filter((partition) => unreadable.has(partitionKey(partition)));
    for (const partition of bad) this.awaitMended(partition);
    const again = await this.stores.partitionStates.states(bad);
    for (const partition of bad) {
      const key = partitionKey(partition);
      const [state, error] = [again.found.get(key), again.unreadable.get(key)];
      if (error) unreadable.set(key, error);
      else unreadable.delete(key);
      if (state) found.set(key, state);
    }
  }

  /** Overwrites existing states. */
  async writePartitionStates(updates: readonly PartitionUpdate[]): Promise<PartitionWrite[]> {
    if (updates.length === 0) return [];
    const states = new Map(updates.map(({ partition, next }) => [partitionKey(partition), next]));
    try {
      const { finished } = await this.stores.partitionStates.updateLeaderAndIsr(
        states,
        this.context.epoch,
        this.context.epochZkVersion,
      );
      return updates.map(({ partition }) => {
        const result = finished.get(partitionKey(partition));
        if (result === undefined) return { kind: 'badVersion' };
        return result instanceof Error ? { kind: 'failed', error: result } : { kind: 'written', state: result };
      });
    } catch (error) {
      if (endsTerm(error)) throw error;
      return updates.map(() => ({ kind: 'failed', error: asError(error) }));
    }
  }

  /** Makes the first states, and the nodes above them. A state that is there already fails with `NodeExists`. */
  async createPartitionStates(initial: readonly PartitionUpdate[]): Promise<PartitionWrite[]> {
    if (initial.length === 0) return [];
    const controllerEpoch = this.context.epoch;
    const states = new Map(
      initial.map(({ partition, next }) => [partitionKey(partition), { leaderAndIsr: next, controllerEpoch }]),
    );
    try {
      const outcomes = await this.stores.partitionStates.createStates(states, this.context.epochZkVersion);
      return initial.map(({ partition, next }) => {
        const outcome = outcomes.get(partitionKey(partition))!;
        if (outcome.ok) return { kind: 'written', state: next };
        return { kind: 'failed', error: refused(outcome, partitionStateZnode.path(partition)) };
      });
    } catch (error) {
      if (endsTerm(error)) throw error;
      return initial.map(() => ({ kind: 'failed', error: asError(error) }));
    }
  }

  /** Whether each topic lets a replica lead that is not in sync: its own config, as of now, else the broker's. (Kafka's controller may read an old one.) */
  async uncleanElectionEnabled(topics: readonly string[]): Promise<Map<string, boolean | Error>> {
    try {
      const { found, unreadable } = await this.stores.configs.latestConfigs('topics', topics);
      return new Map(
        topics.map((topic) => [topic, unreadable.get(topic) ?? this.isUncleanElectionEnabled(found.get(topic)!)]),
      );
    } catch (error) {
      if (endsTerm(error)) throw error;
      return new Map(topics.map((topic) => [topic, asError(error)]));
    }
  }

  private isUncleanElectionEnabled(overrides: ReadonlyMap<string, string>): boolean | Error {
    try {
      return TopicConfig.create(this.config(), overrides).uncleanLeaderElectionEnable;
    } catch (error) {
      return asError(error);
    }
  }
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
