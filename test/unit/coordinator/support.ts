import { MetricsRegistry, runAtOnce, seededRandom, silentLogger } from '../../../src/common/index.js';
import { SimulatedClock, settle } from '../../../src/testing/index.js';
import { BrokerConfig } from '../../../src/config/index.js';
import { GroupCoordinator, type PartitionWriter } from '../../../src/coordinator/index.js';
import type { JoinGroupRequest, JoinGroupResponse, SyncGroupResponse } from '../../../src/protocol/index.js';
import { BatchView } from '../../../src/records/index.js';

export const GROUP = 'readers';
const context = (apiVersion: number) => ({ apiVersion, clientId: 'client', clientHost: '/127.0.0.1' });

/** One partition of `__consumer_offsets` in memory, whose appends can be held back or refused. */
export class MemoryPartition implements PartitionWriter {
  readonly batches: Buffer[] = [];
  /** Error code for the appends to come. */
  errorCode = 0;
  /** When set, appends wait for `release`. */
  held: (() => void)[] | null = null;
  /** What reads reject with; the log cannot be read while it is set. */
  unreadable: Error | null = null;
  isLed = true;
  private endOffset = 0;

  append(
    _topicPartition: unknown,
    batch: Buffer,
    _options: unknown,
    onComplete: (errorCode: number, baseOffset: number) => void,
  ): void {
    const finish = (): void => {
      if (this.errorCode !== 0) {
        onComplete(this.errorCode, -1);
        return;
      }
      const view = new BatchView(batch);
      view.baseOffset = this.endOffset;
      this.endOffset = view.nextOffset;
      this.batches.push(batch);
      onComplete(0, view.baseOffset);
    };
    if (this.held) this.held.push(finish);
    else finish();
  }

  release(): void {
    const held = this.held ?? [];
    this.held = null;
    for (const finish of held) finish();
  }

  maxMessageBytes = 1 << 20;

  logBounds(): { logStartOffset: number; logEndOffset: number; maxMessageBytes: number } | null {
    const { endOffset: logEndOffset, maxMessageBytes } = this;
    return this.isLed ? { logStartOffset: 0, logEndOffset, maxMessageBytes } : null;
  }

  read(_topicPartition: unknown, offset: number): Promise<Buffer> {
    if (this.unreadable) return Promise.reject(this.unreadable);
    return Promise.resolve(Buffer.concat(this.batches.filter((batch) => new BatchView(batch).lastOffset >= offset)));
  }
}

/** A coordinator over `partition`, or another writer, under a clock that stands still. */
export class Fixture {
  readonly coordinator: GroupCoordinator;

  constructor(
    readonly partition = new MemoryPartition(),
    overrides: Record<string, string> = {},
    maxMemberBytes = 1 << 20,
    writer: PartitionWriter = partition,
    readonly clock = new SimulatedClock(),
  ) {
    const properties = new Map(
      Object.entries({
        'zookeeper.connect': 'zk:2181',
        'broker.id': '1',
        'group.initial.rebalance.delay.ms': '0',
        ...overrides,
      }),
    );
    this.coordinator = new GroupCoordinator({
      config: BrokerConfig.parse(properties).config,
      writer,
      clock: this.clock,
      random: seededRandom(1),
      logger: silentLogger,
      metrics: new MetricsRegistry(),
      maxMemberBytes,
    });
    this.coordinator.setPartitionCount(1);
    this.coordinator.startup();
  }

  async elected(epoch = 0): Promise<this> {
    this.coordinator.onElection(0, epoch);
    await settle();
    return this;
  }

  join(overrides: Partial<JoinGroupRequest> = {}, apiVersion = 9): Promise<JoinGroupResponse> {
    return this.parked(overrides, apiVersion).ended;
  }

  /** The same, of a client that may be gone before it is answered. */
  parked(
    overrides: Partial<JoinGroupRequest> = {},
    apiVersion = 9,
    clientHost = '/127.0.0.1',
  ): ReturnType<GroupCoordinator['joinGroup']> {
    return this.coordinator.joinGroup(
      { ...context(apiVersion), clientHost },
      {
        groupId: GROUP,
        sessionTimeoutMs: 10_000,
        rebalanceTimeoutMs: 60_000,
        memberId: '',
        groupInstanceId: null,
        protocolType: 'consumer',
        protocols: [{ name: 'range', metadata: subscription(['orders']) }],
        reason: null,
        ...overrides,
      },
    );
  }

  /** Joins as a client does: asks for an id, then joins with it. */
  async joinDynamic(
    overrides: Partial<JoinGroupRequest> = {},
  ): Promise<{ memberId: string; joined: Promise<JoinGroupResponse> }> {
    const { memberId } = await this.join(overrides);
    return { memberId, joined: this.join({ ...overrides, memberId }) };
  }

  sync(
    memberId: string,
    generationId: number,
    assignments: Record<string, string> = {},
    groupInstanceId: string | null = null,
  ): Promise<SyncGroupResponse> {
    const steps = this.coordinator.syncGroup({
      groupId: GROUP,
      generationId,
      memberId,
      groupInstanceId,
      protocolType: null,
      protocolName: null,
      assignments: Object.entries(assignments).map(([id, text]) => ({ memberId: id, assignment: Buffer.from(text) })),
    });
    return runAtOnce(steps);
  }

  heartbeat(memberId: string, generationId: number, groupInstanceId: string | null = null): number {
    return this.coordinator.heartbeat({ groupId: GROUP, memberId, generationId, groupInstanceId });
  }

  async commit(offset: bigint, memberId = '', generationId = -1, metadata = '', groupId = GROUP): Promise<number> {
    const steps = this.coordinator.commitOffsets(context(8), {
      groupId,
      generationIdOrMemberEpoch: generationId,
      memberId,
      groupInstanceId: null,
      retentionTimeMs: -1n,
      topics: [
        {
          name: 'orders',
          partitions: [
            {
              partitionIndex: 0,
              committedOffset: offset,
              committedLeaderEpoch: -1,
              commitTimestamp: -1n,
              committedMetadata: metadata,
            },
          ],
        },
      ],
    });
    const response = await runAtOnce(steps);
    return response.topics[0]!.partitions[0]!.errorCode;
  }

  committed(): bigint {
    const fetched = this.coordinator.fetchOffsets(GROUP, [{ name: 'orders', partitionIndexes: [0] }], true);
    return fetched.topics[0]!.partitions[0]!.committedOffset;
  }

  /** The error code that a consumer is answered when it asks where to begin. */
  fetchErrorCode(): number {
    return this.coordinator.fetchOffsets(GROUP, [{ name: 'orders', partitionIndexes: [0] }], true).errorCode;
  }

  /** A group of one dynamic member that is stable. */
  async stable(): Promise<{ memberId: string; generationId: number }> {
    const { memberId, joined } = await this.joinDynamic();
    await this.clock.advance(0);
    const { generationId } = await joined;
    await this.sync(memberId, generationId, { [memberId]: 'all' });
    return { memberId, generationId };
  }

  state(): string {
    return this.coordinator.describeGroup(GROUP).groupState;
  }

  leave(memberId: string, groupId = GROUP, reason: string | null = null): number {
    const members = [{ memberId, groupInstanceId: null, reason }];
    const steps = this.coordinator.leaveGroup(context(5), { groupId, memberId: '', members });
    return runAtOnce(steps).members[0]!.errorCode;
  }
}

/** A consumer's subscription of version 0. */
export function subscription(topics: readonly string[]): Buffer {
  const names = topics.map((topic) => {
    const bytes = Buffer.alloc(2 + topic.length);
    bytes.writeInt16BE(topic.length, 0);
    bytes.write(topic, 2);
    return bytes;
  });
  const head = Buffer.alloc(6);
  head.writeInt32BE(topics.length, 2);
  return Buffer.concat([head, ...names, Buffer.from([0xff, 0xff, 0xff, 0xff])]);
}
