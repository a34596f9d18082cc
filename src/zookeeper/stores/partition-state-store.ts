import {
  parsePartitionKey,
  partitionKey,
  type LeaderAndIsr,
  type LeaderIsrAndControllerEpoch,
  type TopicPartition,
} from '../../cluster/index.js';
import { isZkError, type ZkError, type ZkErrorCode } from '../core/errors.js';
import { partitionStateZnode } from '../znodes/partition-state.js';
import { topicPartitionsZnode, topicPartitionZnode, topicsZnode } from '../znodes/topic.js';
import { ensureOk, nodeOf, refused, Store, type NodesRead, type Write, type WriteOutcome } from './store.js';

/** How an update of partition states went, by `partitionKey`. */
export interface UpdateLeaderAndIsrResult {
  /** Written (with the new partition epoch), or refused for good. */
  readonly finished: ReadonlyMap<string, LeaderAndIsr | ZkError>;
  /** Changed by somebody else since they were read: read them again, decide again. */
  readonly toRetry: readonly TopicPartition[];
}

/** Leader and ISR of every partition. Maps are keyed by `partitionKey`. */
export class PartitionStateStore extends Store {
  /** The states of those partitions that have one, all read at once. Arms the change handlers of their nodes. */
  states(partitions: Iterable<TopicPartition>): Promise<NodesRead<string, LeaderIsrAndControllerEpoch>> {
    return this.decodeAll(partitions, partitionStateZnode.path, partitionKey, (_, data, stat) =>
      partitionStateZnode.decode(data, stat.version),
    );
  }

  /** The same as of now: our member of the ensemble may lag behind. The reads are sent behind the `sync`, and answered in that order. */
  async latestStates(partitions: Iterable<TopicPartition>): Promise<NodesRead<string, LeaderIsrAndControllerEpoch>> {
    const [, states] = await Promise.all([this.zk.sync(topicsZnode.path), this.states(partitions)]);
    return states;
  }

  async state(partition: TopicPartition): Promise<LeaderIsrAndControllerEpoch | null> {
    return nodeOf(await this.states([partition]), partitionKey(partition));
  }

  /**
   * Creates the first states, in Kafka's three rounds: `partitions` of each topic, `partitions/P` of all, `partitions/P/state` of
   * all. Nodes that are there already are `NodeExists` in the outcome of the last round, and fine in the others. A state that this very
   * call wrote, and whose answer was lost with a connection, counts as created.
   */
  async createStates(
    states: ReadonlyMap<string, LeaderIsrAndControllerEpoch>,
    expectedControllerEpochZkVersion: number,
  ): Promise<Map<string, WriteOutcome>> {
    const partitions = [...states.keys()].map((key) => parsePartitionKey(key)!);
    const topics = [...new Set(partitions.map(({ topic }) => topic))];
    const parents = [
      ...topics.map((topic) => topicPartitionsZnode.path(topic)),
      ...partitions.map((partition) => topicPartitionZnode.path(partition)),
    ];
    const create = (path: string, data: Buffer | null): Write => ({ op: 'create', path, data });
    // The session is first in, first out: the rounds need not wait for each other.
    const outcomes = await this.writeAll(
      [
        ...parents.map((path) => create(path, null)),
        ...[...states.values()].map((state, index) =>
          create(partitionStateZnode.path(partitions[index]!), partitionStateZnode.encode(state)),
        ),
      ],
      expectedControllerEpochZkVersion,
    );
    parents.forEach((path, index) => ensureOk(outcomes[index]!, path, 'NodeExists', 'NoNode'));
    const results = new Map([...states.keys()].map((key, index) => [key, outcomes[parents.length + index]!]));
    await this.recognizeOwnWrites(results, 'NodeExists', (key) => ({ state: states.get(key)!, version: 0 }));
    return results;
  }

  /**
   * Writes states, each conditional on its `partitionEpoch` and on the controller epoch. Rejects with `ControllerMovedError` when
   * another controller was elected; then some may have been written, under our epoch, before it was. A write that was made, but whose
   * answer was lost with a connection, counts as made: its repetition is refused for the version that it made itself.
   */
  async updateLeaderAndIsr(
    leaderAndIsrs: ReadonlyMap<string, LeaderAndIsr>,
    controllerEpoch: number,
    expectedControllerEpochZkVersion: number,
  ): Promise<UpdateLeaderAndIsrResult> {
    const entries = [...leaderAndIsrs];
    const outcomes = await this.writeAll(
      entries.map(([key, leaderAndIsr]) => ({
        op: 'set',
        path: partitionStateZnode.path(parsePartitionKey(key)!),
        data: partitionStateZnode.encode({ leaderAndIsr, controllerEpoch }),
        version: leaderAndIsr.partitionEpoch,
      })),
      expectedControllerEpochZkVersion,
    );
    const results = new Map(entries.map(([key], index) => [key, outcomes[index]!]));
    await this.recognizeOwnWrites(results, 'BadVersion', (key) => {
      const leaderAndIsr = leaderAndIsrs.get(key)!;
      return { state: { leaderAndIsr, controllerEpoch }, version: leaderAndIsr.partitionEpoch + 1 };
    });
    const finished = new Map<string, LeaderAndIsr | ZkError>();
    const toRetry: TopicPartition[] = [];
    entries.forEach(([key, leaderAndIsr]) => {
      const outcome = results.get(key)!;
      const partition = parsePartitionKey(key)!;
      if (outcome.ok) finished.set(key, { ...leaderAndIsr, partitionEpoch: outcome.stat!.version });
      else if (outcome.code === 'BadVersion') toRetry.push(partition);
      else finished.set(key, refused(outcome, partitionStateZnode.path(partition)));
    });
    return { finished, toRetry };
  }
  /**
   * Looks again where a write was refused with `code`: when the node is in the version and has the bytes that the write would have
   * given it, the write was ours. Nobody else writes those bytes, since they carry our controller epoch.
   */
  private async recognizeOwnWrites(
    outcomes: Map<string, WriteOutcome>,
    code: ZkErrorCode,
    wanted: (key: string) => { state: LeaderIsrAndControllerEpoch; version: number },
  ): Promise<void> {
    const refused = [...outcomes].filter(([, outcome]) => !outcome.ok && outcome.code === code);
    await Promise.all(
      refused.map(async ([key]) => {
        const { state, version } = wanted(key);
        try {
          const { data, stat } = await this.zk.get(partitionStateZnode.path(parsePartitionKey(key)!));
          const isOurs = stat.version === version && data?.equals(partitionStateZnode.encode(state)) === true;
          if (isOurs) outcomes.set(key, { ok: true, stat });
        } catch (error) {
          if (!isZkError(error, 'NoNode')) throw error;
        }
      }),
    );
  }
}
