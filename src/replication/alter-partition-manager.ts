import type { LeaderAndIsr, TopicPartition } from '../cluster/index.js';
import { partitionKey } from '../cluster/index.js';
import {
  AssertionError,
  BROKER_SLICES,
  runInSlices,
  ZERO_UUID,
  type Clock,
  type Logger,
  type Steps,
  type Uuid,
} from '../common/index.js';
import {
  ErrorCode,
  errorName,
  type AlterPartitionRequestInput,
  type AlterPartitionResponse,
} from '../protocol/index.js';
import type { ProtocolAtLeast } from '../config/index.js';
import { areTopicIdsSupported, isLeaderRecoverySupported } from './core/versions.js';
import type { AlterPartitionResult, AlterPartitionSender, ControllerChannel } from './ports.js';

/** Rest between a request that failed as a whole and the next. */
const RETRY_BACKOFF_MS = 50;
/** From this version on topics go by id, and from the next on the ISR comes with broker epochs. */
const FIRST_VERSION_WITH_TOPIC_IDS = 2;
const LATEST_VERSION_WITH_NAMES = FIRST_VERSION_WITH_TOPIC_IDS - 1;
const FIRST_VERSION_WITH_BROKER_EPOCHS = 3;
const LATEST_VERSION = 3;

interface Item {
  readonly tp: TopicPartition;
  readonly topicId: Uuid;
  readonly leaderAndIsr: LeaderAndIsr;
  readonly onResult: (result: AlterPartitionResult) => void;
}

export interface AlterPartitionManagerOptions {
  readonly brokerId: number;
  readonly brokerEpoch: () => bigint;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly channel: ControllerChannel;
  /** Whether `inter.broker.protocol.version` is that one or a later one. */
  readonly protocolAtLeast: ProtocolAtLeast;
}

/**
 * Takes ISR changes to the controller (Kafka's `AlterPartitionManager`): one request at a time, with all that has gathered meanwhile.
 * What the controller did not answer for is sent again; what it answered, well or ill, is given back.
 */
export class AlterPartitionManager implements AlterPartitionSender {
  private readonly unsent = new Map<string, Item>();
  private isInFlight = false;
  private isClosed = false;

  constructor(private readonly options: AlterPartitionManagerOptions) {}

  submit(
    tp: TopicPartition,
    topicId: Uuid | null,
    leaderAndIsr: LeaderAndIsr,
    _controllerEpoch: number,
    onResult: (result: AlterPartitionResult) => void,
  ): void {
    const key = partitionKey(tp);
    if (this.unsent.has(key)) {
      const refused = { errorCode: ErrorCode.OPERATION_NOT_ATTEMPTED, leaderAndIsr: null };
      this.options.clock.defer(() => onResult(refused));
      return;
    }
    this.unsent.set(key, { tp, topicId: topicId ?? ZERO_UUID, leaderAndIsr, onResult });
    // Changes of the same moment share one request.
    if (!this.isInFlight && this.unsent.size === 1) this.options.clock.defer(() => this.maybeSend());
  }

  /** Sends nothing more; what waits gets no answer. */
  close(): void {
    this.isClosed = true;
    this.unsent.clear();
  }

  private maybeSend(): void {
    if (this.isClosed || this.isInFlight || this.unsent.size === 0) return;
    this.isInFlight = true;
    void this.send([...this.unsent.values()]);
  }

  private async send(items: readonly Item[]): Promise<void> {
    const { channel, clock, logger } = this.options;
    let isDone = false;
    const canUseTopicIds =
      areTopicIdsSupported(this.options.protocolAtLeast) && items.every((item) => item.topicId !== ZERO_UUID);
    const maxVersion = canUseTopicIds ? LATEST_VERSION : LATEST_VERSION_WITH_NAMES;
    try {
      const build = (version: number): AlterPartitionRequestInput => this.buildRequest(items, version);
      const { version, response } = await channel.alterPartition(build, maxVersion);
      // The next request waits for all of it: what is unsent until then was sent.
      isDone = await runInSlices(clock, this.handleResponse(items, version, response), BROKER_SLICES);
    } catch (error) {
      if (error instanceof AssertionError) throw error;
      logger.info('An AlterPartition request failed and is sent again', { error, partitions: items.length });
    }
    this.isInFlight = false;
    if (isDone) this.maybeSend();
    else if (!this.isClosed) clock.setTimer(RETRY_BACKOFF_MS, () => this.maybeSend(), { background: true });
  }

  private buildRequest(items: readonly Item[], version: number): AlterPartitionRequestInput {
    const saysRecovery = version >= 1 && isLeaderRecoverySupported(this.options.protocolAtLeast);
    const topics = new Map<string, { topicName: string; topicId: Uuid; partitions: object[] }>();
    for (const { tp, topicId, leaderAndIsr } of items) {
      // Where topics go by id one may have the name of another, which was deleted: each partition is of its own.
      const key = version >= FIRST_VERSION_WITH_TOPIC_IDS ? topicId : tp.topic;
      let topic = topics.get(key);
      if (!topic) topics.set(key, (topic = { topicName: tp.topic, topicId, partitions: [] }));
      topic.partitions.push({
        partitionIndex: tp.partition,
        leaderEpoch: leaderAndIsr.leaderEpoch,
        // With ZooKeeper broker epochs are not compared: Kafka sends -1 for each.
        ...(version >= FIRST_VERSION_WITH_BROKER_EPOCHS
          ? { newIsrWithEpochs: leaderAndIsr.isr.map((brokerId) => ({ brokerId, brokerEpoch: -1n })) }
          : { newIsr: leaderAndIsr.isr }),
        ...(saysRecovery && { leaderRecoveryState: leaderAndIsr.recovering ? 1 : 0 }),
        partitionEpoch: leaderAndIsr.partitionEpoch,
      });
    }
    const { brokerId, brokerEpoch } = this.options;
    return { brokerId, brokerEpoch: brokerEpoch(), topics: [...topics.values()] };
  }

  /** False when the request has to be sent again. A step for each partition: producers may wait for each. */
  private *handleResponse(items: readonly Item[], version: number, response: AlterPartitionResponse): Steps<boolean> {
    const { logger } = this.options;
    if (response.errorCode !== ErrorCode.NONE) {
      logger.warn('The controller refused an AlterPartition request, which is sent again', {
        error: errorName(response.errorCode),
      });
      return false;
    }
    const namesById = new Map(items.map((item) => [item.topicId, item.tp.topic]));
    const sent = new Set(items);
    for (const topic of response.topics) {
      const name = version >= FIRST_VERSION_WITH_TOPIC_IDS ? namesById.get(topic.topicId) : topic.topicName;
      if (name === undefined) continue;
      for (const partition of topic.partitions) {
        const key = partitionKey({ topic: name, partition: partition.partitionIndex });
        const item = this.unsent.get(key);
        // Once closed nothing is given back, and who has had an answer may have proposed the next change.
        if (!item || !sent.has(item)) continue;
        this.unsent.delete(key);
        item.onResult(resultOf(partition));
        yield;
      }
    }
    return true;
  }
}

function resultOf(partition: AlterPartitionResponse['topics'][number]['partitions'][number]): AlterPartitionResult {
  if (partition.errorCode !== ErrorCode.NONE) return { errorCode: partition.errorCode, leaderAndIsr: null };
  return {
    errorCode: 0,
    leaderAndIsr: {
      leader: partition.leaderId,
      leaderEpoch: partition.leaderEpoch,
      isr: partition.isr,
      recovering: partition.leaderRecoveryState === 1,
      partitionEpoch: partition.partitionEpoch,
    },
  };
}
