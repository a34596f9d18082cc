import { partitionKey, type TopicPartition } from '../cluster/index.js';
import {
  BROKER_SLICES,
  assert,
  STATE_CHANGE_LOGGER,
  runInSlices,
  setPeriodicTimer,
  type Logger,
  type MetricsRegistry,
  type Steps,
  type Timer,
  type Uuid,
  rateLimited,
} from '../common/index.js';
import type { BrokerConfig } from '../config/index.js';
import type { UnifiedLog } from '../log/index.js';
import {
  ErrorCode,
  type FetchRequest,
  type LeaderAndIsrRequest,
  type LeaderAndIsrResponseInput,
} from '../protocol/index.js';
import type { Int64 } from '../records/index.js';
import { AlterLogDirs } from './follow/alter-log-dirs.js';
import type { AppendCall, AppendEntry } from './append/append.js';
import { AppendWaits, isToBePrepared, type AppendWait } from './append/append-waits.js';
import { Appends } from './append/appends.js';
import { EVICTION_MS, FetchSessionCache } from './core/fetch-session.js';
import { Change } from './core/partition-change.js';
import { replicaSelectorOf } from './core/replica-selector.js';
import { isTruncationOnFetchSupported } from './core/versions.js';
import { ProducePurgatory } from './delayed-operations.js';
import { Deletions, type DeleteRecordsResult } from './append/delete-records.js';
import { errorCodeOf } from './errors.js';
import type { FetchCallContext, FetchResponseHandler, FetchUnderWay } from './fetch/fetch.js';
import { FetchReader } from './fetch/fetch-reader.js';
import { FETCH_SLICES } from './fetch/fetch-slices.js';
import { FetchRequests } from './fetch/fetch-requests.js';
import { fetcherSettings } from './follow/fetcher-settings.js';
import { ReplicaFetcherManager } from './follow/fetcher-manager.js';
import { HighWatermarkCheckpoints } from './high-watermark-checkpoints.js';
import { HostedPartitions } from './hosted-partitions.js';
import { fetchOffsetForTimestamp, type OffsetQuery } from './fetch/list-offsets.js';
import type { Partition } from './partition.js';
import type { PartitionContext } from './partition-context.js';
import type { EpochEndOffset, TransactionVerifier } from './ports.js';
import type { ReplicaManagerOptions } from './replica-manager-options.js';
import { registerReplicaGauges, REPLICA_MANAGER_METRIC } from './replica-gauges.js';
import {
  RoleChanges,
  type ControllerIdentity,
  type StopReplicaPartition,
  type StopReplicasResult,
} from './roles/role-changes.js';
import { WatchedPartitions } from './fetch/watched-partitions.js';

/** What ListOffsets answers for a partition. */
export interface OffsetAnswerForTimestamp {
  readonly errorCode: number;
  /** -1 when nothing matches, or the offset is an end of the log. */
  readonly timestamp: Int64;
  /** -1 when nothing matches. */
  readonly offset: number;
  /** -1 when unknown. */
  readonly leaderEpoch: number;
}

/** Where no coordinator can be asked, the partition is taken to be part of the transaction, as before KIP-890. */
const TRUST: TransactionVerifier = {
  verify: (_transaction, partitions, onResult) => onResult(partitions.map(() => ErrorCode.NONE)),
};

/** What appends that wait for one log directory may hold, where `queued.max.request.bytes` sets no bound: a quarter of what requests may. */
const MAX_WAITING_BYTES = 16 * 1024 * 1024;

/** Each client may cause as many errors as it likes, by limits that are none. */
const FETCH_ERROR_LINES_PER_MINUTE = 60;

const TOPIC_METRIC = 'kafka.server:type=BrokerTopicMetrics,name=';

/**
 * The partitions of this broker and everything done with them (Kafka's `ReplicaManager`): roles, appends, fetches, replication. Owned by
 * the broker from its start to its shutdown; called by the request handlers and the coordinators.
 */
export class ReplicaManager {
  private config: BrokerConfig;
  private readonly logger: Logger;
  private readonly partitions: HostedPartitions;
  private readonly checkpoints: HighWatermarkCheckpoints;
  private readonly fetchers: ReplicaFetcherManager;
  private readonly roles: RoleChanges;
  private readonly appends: Appends;
  private readonly appendWaits: AppendWaits;
  private readonly fetches: FetchRequests;
  private readonly sessions: FetchSessionCache;
  private readonly logDirs: AlterLogDirs;
  private readonly watched: WatchedPartitions;
  private readonly produces: ProducePurgatory;
  private readonly deletions: Deletions;
  /**
   * Led partitions with a follower in the ISR that may not be at the log end. Every one that has such a follower is here, so that the others
   * need no look for shrinking; Kafka looks at all.
   */
  private readonly lagging = new Set<Partition>();
  private readonly timers: Timer[] = [];
  private isShuttingDown = false;

  constructor(private readonly options: ReplicaManagerOptions) {
    const { brokerId, clock, logManager, metadata, quotas, topicConfig, alterPartition, random } = options;
    this.config = options.config;
    // By `inter.broker.protocol.version`, which no dynamic change touches.
    const truncatesOnFetch = isTruncationOnFetchSupported((version) => this.config.interBrokerProtocolAtLeast(version));
    this.logger = options.logger('replication');
    const stateChangeLogger = options.logger(STATE_CHANGE_LOGGER);
    this.produces = new ProducePurgatory(clock, options.onFatal);
    const onChange = (partition: Partition, change: number): void => this.onPartitionChange(partition, change);
    const context: PartitionContext = {
      brokerId,
      clock,
      logger: this.logger,
      stateChangeLogger,
      logManager,
      metadata,
      alterPartition,
      topicConfig,
      maxLagMs: () => this.config.replication.maxLagMs,
      onChange,
      onOffsetMoved: ({ key }, change) => this.watched.notify(key, change),
      onLagging: (partition) => this.lagging.add(partition),
      isrExpands: this.counter('IsrExpandsPerSec'),
      isrShrinks: this.counter('IsrShrinksPerSec'),
      failedIsrUpdates: this.counter('FailedIsrUpdatesPerSec'),
    };
    this.partitions = new HostedPartitions(context, metadata);
    this.checkpoints = new HighWatermarkCheckpoints(logManager, this.partitions, this.logger, (dir) =>
      clock.defer(() => options.onLogDirFailure(dir)),
    );
    const partitionOrError = (tp: TopicPartition): Partition | number => this.partitions.getOrError(tp);
    this.deletions = new Deletions(clock, partitionOrError, options.onFatal);
    this.fetchers = new ReplicaFetcherManager({
      clock,
      logger: this.logger,
      leaderEndpoints: options.leaderEndpoints,
      settings: fetcherSettings({ brokerId, brokerEpoch: options.brokerEpoch, config: () => this.config }),
      partitionOf: (tp) => this.partitions.get(tp),
      quota: quotas?.follower ?? null,
      onHighWatermark: (partition) => this.onPartitionChange(partition, Change.HighWatermark),
      onFatal: options.onFatal,
      bytesIn: options.metrics.counter(`${TOPIC_METRIC}ReplicationBytesInPerSec`),
      slices: options.slices,
    });
    this.logDirs = new AlterLogDirs({
      clock,
      logger: this.logger,
      logManager,
      partitions: this.partitions,
      topicConfig,
      onChange,
      onFatal: options.onFatal,
    });
    this.roles = new RoleChanges({
      brokerId,
      clock,
      partitions: this.partitions,
      fetchers: this.fetchers,
      logManager,
      metadata,
      logger: this.logger,
      stateChangeLogger,
      isTruncationOnFetchSupported: () => truncatesOnFetch,
      isShuttingDown: () => this.isShuttingDown,
      onNotLeaderAnyMore: (tp, errorCode) => this.onNotLeaderAnyMore(tp, errorCode),
      onRoleTaken: (partition) => {
        this.logDirs.resume(partition);
        if (partition.leaderLog) options.onLed?.(partition);
      },
      checkpoints: () => this.checkpoints.lookup(),
      onPostponedTried: () => this.onRolesTaken(),
    });
    const requestMemoryBytes = this.config.network.queuedMaxRequestBytes;
    const maxWaitingBytes = requestMemoryBytes > 0 ? requestMemoryBytes / 4 : MAX_WAITING_BYTES;
    this.appendWaits = new AppendWaits(clock, maxWaitingBytes, (dir) => logManager.oldestSyncMs(dir));
    this.appends = new Appends({
      // A Produce may wait for its log, for a coordinator, or between two parts, until the logs are made durable for the last time.
      partitionOrError: (tp) => (this.isShuttingDown ? ErrorCode.NOT_LEADER_OR_FOLLOWER : partitionOrError(tp)),
      purgatory: this.produces,
      onChange,
      verifier: () => (this.config.logs.transactionVerificationEnabled ? (options.transactionVerifier ?? TRUST) : null),
      bytesIn: options.metrics.counter(`${TOPIC_METRIC}BytesInPerSec`),
      messagesIn: options.metrics.counter(`${TOPIC_METRIC}MessagesInPerSec`),
      failedProduceRequests: options.metrics.counter(`${TOPIC_METRIC}FailedProduceRequestsPerSec`),
      onRefused: (tp, error) => this.logger.debug('An append was refused', { partition: partitionKey(tp), error }),
      onUnexpected: (tp, error) =>
        this.logger.error('Error processing an append', { partition: partitionKey(tp), error }),
    });
    this.sessions = new FetchSessionCache(
      this.config.replication.fetchSessions,
      random,
      (session) => this.fetches.onSessionRemoved(session),
      EVICTION_MS,
      options.maxFetchSessionPartitions,
    );
    const { selectorClass } = this.config.replication;
    const selector = replicaSelectorOf(selectorClass);
    if (selector === undefined) {
      this.logger.warn('Unknown replica.selector.class: consumers read from leaders', { value: selectorClass });
    }
    const slices = options.fetchSlices ?? FETCH_SLICES;
    const fetchErrors = rateLimited(this.logger, clock, FETCH_ERROR_LINES_PER_MINUTE);
    const reader = new FetchReader({
      clock,
      slices,
      metadata,
      partitionOrError,
      selector: selector ?? null,
      leaderQuota: quotas?.leader ?? null,
      onUnexpected: (tp, error) =>
        fetchErrors.error('Error processing a fetch', { partition: partitionKey(tp), error }),
    });
    this.watched = new WatchedPartitions(reader, metadata, clock, slices);
    this.fetches = new FetchRequests({
      clock,
      metadata,
      partitions: this.watched,
      sessions: this.sessions,
      fetchMaxBytes: () => this.config.replication.fetchMaxBytes,
      slices,
    });
    registerReplicaGauges(options.metrics, {
      partitions: this.partitions,
      produces: this.produces,
      fetches: this.fetches,
      deletions: this.deletions,
      sessions: this.sessions,
      fetchers: this.fetchers,
    });
  }

  /** The epoch of the latest controller that commanded this broker; 0 before any. */
  get controllerEpoch(): number {
    return this.roles.controllerEpoch;
  }

  // Life

  /** Starts the periodic work: shrinking ISRs, and the checkpoint of high watermarks. */
  startup(): void {
    const { clock } = this.options;
    const shrinkMs = Math.max(1, Math.floor(this.config.replication.maxLagMs / 2));
    this.timers.push(setPeriodicTimer(clock, shrinkMs, () => this.maybeShrinkIsrs()));
    const checkpointMs = this.config.replication.highWatermarkCheckpointIntervalMs;
    const checkpoint = (): void => {
      this.sweepLogStartOffsets();
      void this.checkpointHighWatermarks();
    };
    this.timers.push(setPeriodicTimer(clock, checkpointMs, checkpoint));
  }

  /** Stops fetchers, answers what waits, and writes the high watermarks. Idempotent. The logs are closed by their manager after. */
  shutdown(options: { readonly checkpointHighWatermarks?: boolean } = {}): void {
    if (this.isShuttingDown) return;
    this.isShuttingDown = true;
    for (const timer of this.timers) timer.cancel();
    this.fetchers.close();
    this.logDirs.close();
    this.produces.failAll(ErrorCode.NOT_LEADER_OR_FOLLOWER);
    this.fetches.completeAll();
    this.deletions.expireAll();
    if (options.checkpointHighWatermarks ?? true) {
      this.checkpoints.markChanged();
      // The log manager waits for it, directory by directory, before it marks them as cleanly shut down.
      void this.checkpointHighWatermarks();
    }
  }

  /** Goes on under another configuration of the broker. */
  updateConfig(config: BrokerConfig): void {
    this.config = config;
  }

  // Commands of the controller

  /**
   * LeaderAndIsr. A command of many partitions takes several turns of the event loop (`RoleChanges`); the next one may begin only when its
   * promise has settled.
   */
  async becomeLeaderOrFollower(
    request: LeaderAndIsrRequest,
    version: number,
    correlationId: number,
  ): Promise<LeaderAndIsrResponseInput> {
    this.logger.debug('Handling LeaderAndIsr', { correlationId, controller: request.controllerId });
    const lookup = this.checkpoints.lookup();
    const response = await this.inSlices(this.roles.becomeLeaderOrFollower(request, version, lookup));
    // Cut short by the broker's stop it has not taken up all partitions: checkpoints would lose the others'.
    if (response.errorCode === ErrorCode.NONE && !this.isShuttingDown) this.onRolesTaken();
    return response;
  }

  /**
   * StopReplica, as `becomeLeaderOrFollower` in several turns. `errorCode` is STALE_CONTROLLER_EPOCH for an old controller; `partitions` are
   * in the order given. `onDeleted` is called in the step that deletes a replica. Carried out when it resolves, and the next command may
   * be; `partitions` come when what was deleted is durable, for which a disk is waited for.
   */
  async stopReplicas(
    controller: ControllerIdentity,
    requested: readonly StopReplicaPartition[],
    onDeleted: (partition: StopReplicaPartition) => void = () => undefined,
  ): Promise<StopReplicasResult> {
    if (!this.roles.acceptController(controller.controllerEpoch, 'StopReplica')) {
      return { errorCode: ErrorCode.STALE_CONTROLLER_EPOCH, partitions: Promise.resolve([]) };
    }
    const stopped = await this.inSlices(this.roles.stopReplicas(requested, onDeleted));
    this.checkpoints.markChanged();
    return { errorCode: ErrorCode.NONE, partitions: this.roles.makeDeletionsDurable(stopped) };
  }

  /** UpdateMetadata: runs `apply` unless the controller is an old one; then STALE_CONTROLLER_EPOCH. */
  maybeUpdateMetadata(controllerEpoch: number, apply: () => void): number {
    if (!this.roles.acceptController(controllerEpoch, 'UpdateMetadata')) return ErrorCode.STALE_CONTROLLER_EPOCH;
    apply();
    // A follower whose broker is gone holds no low watermark back any more.
    this.deletions.checkAll();
    return ErrorCode.NONE;
  }

  // Clients, followers and coordinators

  /**
   * Null when appends to these partitions do not wait for a disk; else ends when they do not, or after `timeoutMs`. Until then they hold
   * `bytes` of memory. An append that comes earlier is right too, but holds up everyone.
   */
  waitForAppends(
    entries: readonly { readonly tp: TopicPartition }[],
    { bytes, timeoutMs }: { readonly bytes: number; readonly timeoutMs: number },
  ): AppendWait | null {
    const logs = entries.flatMap(({ tp }) => this.partitions.get(tp)?.leaderLog ?? []);
    return this.appendWaits.begin(logs, bytes, timeoutMs);
  }

  /** False when an append to the partition would hold up everyone. */
  isReadyForAppends(tp: TopicPartition): boolean {
    const log = this.partitions.get(tp)?.leaderLog;
    return !log || !isToBePrepared(log);
  }

  /** False when an append to the partition has to open its log's file first. */
  isOpen(tp: TopicPartition): boolean {
    return this.partitions.get(tp)?.leaderLog?.isOpen ?? true;
  }

  /** A client's records were refused without an append, for their log was not ready: see `UnifiedLog.noteRefused`. */
  noteRefused({ tp, records }: AppendEntry): void {
    this.partitions.get(tp)?.leaderLog?.noteRefused(records);
  }

  /**
   * Produce, and the coordinators' writes. `onComplete` of the call may be called before this returns. Null when the records are looked at no
   * more then; else, with large batches of clients, resolves when they are not.
   */
  appendRecords(call: AppendCall): Promise<void> | null {
    return this.appends.append(call);
  }

  /**
   * A Fetch request with its session, of a consumer or a follower. `respond` may be called before this returns; else what is under way is
   * returned, for a client that goes away before it is answered.
   */
  handleFetch(
    request: FetchRequest,
    version: number,
    context: FetchCallContext,
    respond: FetchResponseHandler,
  ): FetchUnderWay | null {
    return this.fetches.handle(request, version, context, respond);
  }

  /**
   * DeleteRecords; -1 as offset means the high watermark. Results in the order given. Resolves when all log starts have moved, with what gives up the
   * wait for other replicas.
   */
  deleteRecords(
    timeoutMs: number,
    requested: readonly { readonly tp: TopicPartition; readonly offset: number }[],
    onComplete: (results: DeleteRecordsResult[]) => void,
  ): Promise<() => void> {
    return this.inSlices(this.deletions.delete(timeoutMs, requested, onComplete));
  }

  /** OffsetForLeaderEpoch of one partition; `currentLeaderEpoch` is -1 when not given. Only the leader answers. */
  lastOffsetForLeaderEpoch(tp: TopicPartition, currentLeaderEpoch: number, leaderEpoch: number): EpochEndOffset {
    const partition = this.partitions.getOrError(tp);
    if (typeof partition === 'number') return { errorCode: partition, leaderEpoch: -1, endOffset: -1 };
    return partition.lastOffsetForLeaderEpoch(currentLeaderEpoch, leaderEpoch, true);
  }

  /** ListOffsets of one partition: -1 latest, -2 earliest, -3 greatest timestamp, else the first record of that time or later. */
  async fetchOffsetForTimestamp(
    tp: TopicPartition,
    timestamp: Int64,
    query: OffsetQuery,
  ): Promise<OffsetAnswerForTimestamp> {
    const partition = this.partitions.getOrError(tp);
    if (typeof partition === 'number') return { errorCode: partition, timestamp: -1, offset: -1, leaderEpoch: -1 };
    try {
      const found = await fetchOffsetForTimestamp(partition, timestamp, query);
      if (!found) return { errorCode: ErrorCode.NONE, timestamp: -1, offset: -1, leaderEpoch: -1 };
      return {
        errorCode: ErrorCode.NONE,
        timestamp: found.timestamp,
        offset: found.offset,
        leaderEpoch: found.leaderEpoch ?? -1,
      };
    } catch (error) {
      return { errorCode: errorCodeOf(error), timestamp: -1, offset: -1, leaderEpoch: -1 };
    }
  }

  // Looking

  /** The partition if it is here and its directory is online. */
  partitionOf(tp: TopicPartition): Partition | undefined {
    return this.partitions.get(tp);
  }

  /** The partition, or KAFKA_STORAGE_ERROR, NOT_LEADER_OR_FOLLOWER or UNKNOWN_TOPIC_OR_PARTITION. */
  partitionOrError(tp: TopicPartition): Partition | number {
    return this.partitions.getOrError(tp);
  }

  localLog(tp: TopicPartition): UnifiedLog | undefined {
    return this.partitions.get(tp)?.log ?? undefined;
  }

  onlinePartitions(): Iterable<Partition> {
    return this.partitions.all();
  }

  topicIdOf(tp: TopicPartition): Uuid | null {
    return this.partitions.get(tp)?.topicId ?? null;
  }

  /** AlterReplicaLogDirs of one replica: 0 when it is on its way, or there already; else the error code. */
  alterReplicaLogDir(tp: TopicPartition, dir: string): number {
    return this.logDirs.alter(tp, dir);
  }

  // Events from elsewhere

  /** The directory failed: its partitions go offline and answer KAFKA_STORAGE_ERROR from now on. Gives them. */
  handleLogDirFailure(dir: string): TopicPartition[] {
    const failed = [...this.partitions.all()].filter(({ log }) => log?.parentDir === dir);
    this.logger.error('Partitions go offline with their log directory', { dir, partitions: failed.length });
    this.fetchers.removePartitions(failed.map(({ key }) => key));
    this.logDirs.handleLogDirFailure(dir);
    for (const partition of failed) {
      this.partitions.markOffline(partition.tp);
      this.onNotLeaderAnyMore(partition.tp, ErrorCode.KAFKA_STORAGE_ERROR);
    }
    return failed.map(({ tp }) => tp);
  }

  /** The log start of a partition moved by retention: followers and consumers learn of it with their next fetch. */
  onLogStartOffsetChanged(tp: TopicPartition): void {
    const key = partitionKey(tp);
    this.watched.notify(key, Change.State);
    this.fetchers.markChanged(key);
    this.deletions.checkAndComplete(key);
  }

  /** Writes `replication-offset-checkpoint` in each live directory, if any high watermark moved, without blocking. */
  checkpointHighWatermarks(): Promise<void> {
    return this.checkpoints.write();
  }

  /** Proposes to the controller that followers which lag leave their ISRs. Costs nothing for partitions whose followers keep up. */
  maybeShrinkIsrs(): Promise<void> {
    return this.inSlices(this.shrinkIsrs());
  }

  private *shrinkIsrs(): Steps<void> {
    // Those of now: of what is noted meanwhile, by changes that are decided say, some would come up again and again.
    for (const partition of [...this.lagging]) {
      if (this.isShuttingDown) return;
      if (!partition.maybeShrinkIsr()) this.lagging.delete(partition);
      yield;
    }
  }

  private inSlices<T>(steps: Steps<T>): Promise<T> {
    return runInSlices(this.options.clock, steps, this.options.slices ?? BROKER_SLICES);
  }

  private onRolesTaken(): void {
    // As long as some have not taken theirs, checkpoints would lose what they had.
    if (!this.roles.hasPostponed) this.checkpoints.start();
    this.checkpoints.markChanged();
  }

  private onPartitionChange(partition: Partition, change: number): void {
    const { key } = partition;
    assert(!partition.hasLaggingFollower || this.lagging.has(partition), 'a follower that lags is watched');
    if ((change & Change.HighWatermark) !== 0) {
      this.checkpoints.markChanged();
      const log = partition.leaderLog;
      if (log) this.produces.onHighWatermark(key, log.highWatermark, partition.acknowledgement());
    }
    // Moves of offsets they were told of by the log, with `onOffsetMoved`.
    if ((change & Change.State) !== 0) this.watched.notify(key, Change.State);
    if (this.deletions.numDelayed > 0) this.deletions.checkAndComplete(key);
  }

  /** The partition has another role, is stopped, deleted or offline: what waits for it must not wait any longer. */
  private onNotLeaderAnyMore(tp: TopicPartition, errorCode: number): void {
    const key = partitionKey(tp);
    this.checkpoints.markChanged();
    this.options.onNotLed?.(tp);
    if (errorCode !== ErrorCode.NONE) this.produces.fail(key, errorCode);
    this.watched.notify(key, Change.State);
    this.deletions.checkAndComplete(key);
  }

  /** Retention moves log starts without telling us; a comparison of two numbers for each partition finds out. */
  private sweepLogStartOffsets(): void {
    for (const partition of this.partitions.all()) {
      if (partition.takeLogStartChange()) this.onLogStartOffsetChanged(partition.tp);
    }
  }

  private counter(name: string): ReturnType<MetricsRegistry['counter']> {
    return this.options.metrics.counter(REPLICA_MANAGER_METRIC + name);
  }
}
