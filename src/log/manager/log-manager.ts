/** All logs of a broker: loading, making and deleting them, and what is done for them in the background. */
import { partitionKey, type TopicPartition } from '../../cluster/index.js';
import {
  BROKER_SLICES,
  assert,
  AssertionError,
  BufferPool,
  rateLimited,
  runInSlices,
  withinTime,
  type Steps,
} from '../../common/index.js';
import type { ProducerStateConfig } from '../core/producer-state-manager.js';
import { DirectoryGates } from './directory-gates.js';
import { FileHandleCache } from '../files/file-handles.js';
import { FileRemover } from '../files/file-remover.js';
import { savingHandles } from '../files/handle-saving-file-system.js';
import { FolderSync } from '../files/folder-sync.js';
import { LogDirs, type LogDir } from './log-dirs.js';
import type { LogConfig } from '../log-config.js';
import { isOutOfHandles, onStorage, onStorageAsync, type LogContext } from '../log-context.js';
import { DuplicateLogError, LogError } from '../core/log-error.js';
import { LogCheckpoints } from '../checkpoints/log-checkpoints.js';
import { LogDeletions } from './log-deletions.js';
import { shutDownLogDir } from './log-dir-shutdown.js';
import { leftoverOf, LogReplacement } from './log-replacement.js';
import { LoadingStoppedError, loadLogDir, topicsIn } from './log-dir-loader.js';
import { LogMaker } from './log-maker.js';
import { LogPlacement } from './log-placement.js';
import { LogTasks } from './log-tasks.js';
import type { CreateLogOptions, LogManagerOptions, TopicConfigsLookup } from './log-manager-options.js';
import type { OffsetCheckpointFile } from '../checkpoints/offset-checkpoint-file.js';
import { PartitionLogs } from './partition-logs.js';
import { Scheduler } from './scheduler.js';
import { SettlingQueues } from '../files/settling-queues.js';
import { TailCache } from '../segment/tail-cache.js';
import type { UnifiedLog } from '../unified-log.js';

/** Memory of reads, and of the ends of logs, that waits to be used again. */
const FREE_BUFFER_BYTES = 12 * 1024 * 1024;
/** How long a stop waits for moves to be settled. */
const SETTLE_WAIT_MS = 5000;

/**
 * The logs of a broker (`kafka.log.LogManager`). Made and started by the broker, which shuts it down last. A directory whose files fail
 * goes offline with its logs, the others live on; when the last one fails, `onLogDirFailure` finds `liveLogDirs` empty, and the broker
 * has to stop.
 */
export class LogManager {
  private readonly dirs: LogDirs;
  private readonly context: LogContext;
  private readonly replacement: LogReplacement;
  private readonly currentLogs = new PartitionLogs();
  private readonly futureLogs = new PartitionLogs();
  private readonly deletions: LogDeletions;
  private readonly maker: LogMaker;
  private readonly placement: LogPlacement;
  private readonly loadedDirs = new Set<string>();
  private readonly checkpoints: LogCheckpoints;
  private readonly tasks: LogTasks;
  private defaultConfig: LogConfig;
  /** Shared with all logs; only `reconfigureProducerState` changes it. */
  private readonly producerState: ProducerStateConfig;
  private closed = false;
  private isLoadingStopped = false;
  /** Settles when `startup` does. */
  private loading: Promise<void> = Promise.resolve();

  /** Locks the directories; throws when one is in use, or none usable. */
  constructor(private readonly options: LogManagerOptions) {
    const { clock, random, logger } = options;
    const fs = savingHandles(options.fs, () => this.context.files.closeIdle(), rateLimited(logger, clock, 1));
    const gates = new DirectoryGates(options.logDirs, options.maxOpenFiles, clock);
    const buffers = new BufferPool(FREE_BUFFER_BYTES);
    this.defaultConfig = options.defaultConfig;
    const { producerIdExpirationMs, maxTransactionTimeoutMs, transactionVerificationEnabled } = options;
    this.producerState = { producerIdExpirationMs, maxTransactionTimeoutMs, transactionVerificationEnabled };
    this.context = {
      fs,
      clock,
      random,
      logger,
      files: new FileHandleCache(fs, options.maxOpenFiles, (path, error) => this.onCloseFailed(path, error), gates),
      remover: new FileRemover(fs, clock, gates),
      folders: new FolderSync(fs, gates),
      settlings: new SettlingQueues(clock, logger),
      scheduler: new Scheduler(clock, logger),
      tailCache: new TailCache(clock, options.tailCacheBytes, buffers),
      buffers,
      producerState: this.producerState,
      onStorageError: (logDir, doing, error, isHalfDone) => this.onStorageError(logDir, doing, error, isHalfDone),
      checkpointLowered: (logDir) => this.checkpoints.writeLowered(logDir),
      checkpointLoweredSync: (logDir) => this.checkpoints.writeLoweredSync(logDir),
      isUsable: (logDir) => this.dirs.isUsable(logDir),
    };
    this.replacement = new LogReplacement(this.context);
    this.dirs = new LogDirs(fs, options.logDirs, options.initialOfflineDirs ?? [], logger, gates);
    this.checkpoints = new LogCheckpoints(this.context, this.dirs, () => this.currentLogs);
    this.deletions = new LogDeletions(this.context, this.dirs, this.checkpoints);
    this.placement = new LogPlacement(this.dirs, this.deletions, gates);
    this.maker = new LogMaker(this.context, this.checkpoints);
    const logs = { current: () => this.currentLogs.values(), future: () => this.futureLogs.values() };
    this.tasks = new LogTasks(this.context, logs);
    this.registerMetrics();
  }

  /** What was read is no longer looked at: its memory may be used again. Parts of other memory are passed over. */
  reclaim(chunks: readonly Buffer[]): void {
    for (const chunk of chunks) this.context.buffers.give(chunk);
  }

  /** Usable directories, in the order configured. */
  get liveLogDirs(): readonly string[] {
    return this.dirs.livePaths;
  }

  get offlineLogDirs(): readonly string[] {
    return this.dirs.offlinePaths;
  }

  isLogDirOnline(logDir: string): boolean {
    return this.dirs.isLive(logDir);
  }

  /** What a topic without overrides gets from now on. */
  reconfigureDefaultLogConfig(config: LogConfig): void {
    this.defaultConfig = config;
  }

  /**
   * Loads, and after an unclean shutdown recovers, every log; then the background tasks begin. `configsOf` gives the configurations of those
   * topics that have overrides. It is asked for just the topics that are loaded: by a second listing, logs might get the defaults.
   */
  startup(configsOf: TopicConfigsLookup = () => Promise.resolve(new Map())): Promise<void> {
    const loading = this.load(configsOf);
    this.loading = loading.catch(() => undefined);
    return loading;
  }

  /** `startup` then rejects as soon as it can; what is not loaded by then is recovered at the next start. */
  stopLoading(): void {
    this.isLoadingStopped = true;
  }

  private async load(configsOf: TopicConfigsLookup): Promise<void> {
    const listings = new Map<string, readonly string[]>();
    for (const { path } of this.dirs.liveDirs) {
      await this.orOffline(path, () => void listings.set(path, this.context.fs.readDir(path)));
    }
    const configs = await configsOf(topicsIn(listings.values()));
    for (const dir of this.dirs.liveDirs) {
      await this.orOffline(dir.path, async () => {
        await this.loadDir(dir, listings.get(dir.path)!, configs);
        this.loadedDirs.add(dir.path);
      });
    }
    if (this.offlineLogDirs.length === 0) {
      for (const log of this.currentLogs.values()) this.replacement.unmarkLeft(log, this.liveLogDirs);
      this.promoteComplete();
    }
    if (!this.closed) this.tasks.start(this.options, this.dirs, this.checkpoints);
  }

  getLog(tp: TopicPartition, isFuture = false): UnifiedLog | undefined {
    return (isFuture ? this.futureLogs : this.currentLogs).get(partitionKey(tp));
  }

  allLogs(): Iterable<UnifiedLog> {
    return this.currentLogs.values();
  }

  logsByTopic(topic: string): UnifiedLog[] {
    return [...this.currentLogs.ofTopic(topic), ...this.futureLogs.ofTopic(topic)];
  }

  /** When the oldest sync in a log directory that someone waits for began, by the monotonic clock; null when none is under way. */
  oldestSyncMs(logDir: string): number | null {
    return this.context.files.gates.oldestSyncMs(logDir);
  }

  /** Where a log that is made later shall lie (AlterReplicaLogDirs for a partition that is not here yet). */
  maybeUpdatePreferredLogDir(tp: TopicPartition, logDir: string): void {
    const name = partitionKey(tp);
    const isThere = this.currentLogs.get(name)?.parentDir === logDir && !this.futureLogs.has(name);
    this.placement.prefer(name, isThere ? null : logDir);
  }

  /**
   * The partition's log; made in the directory that has the fewest when there is none. Throws KAFKA_STORAGE_ERROR when a directory is
   * offline that might have it and it is not new, or when no directory can take it.
   */
  getOrCreateLog(tp: TopicPartition, options: CreateLogOptions = {}): UnifiedLog {
    const { isFuture = false } = options;
    const existing = this.getLog(tp, isFuture);
    if (existing) {
      // Throws for a log of another topic (Kafka's InconsistentTopicIdException), such as one deleted while its directory was offline.
      if (options.topicId) existing.assignTopicId(options.topicId);
      // It may have been loaded under another one: of before the topic was made again, or without what could not be read then.
      if (options.config) existing.updateConfig(options.config);
      return existing;
    }
    const name = partitionKey(tp);
    if (!options.isNew && this.offlineLogDirs.length > 0) {
      throw new LogError(
        'KAFKA_STORAGE_ERROR',
        `Can not create log for ${name} because log directories ${this.offlineLogDirs.join(',')} are offline`,
      );
    }
    const config = options.config ?? this.defaultConfig;
    const dirs = isFuture
      ? this.placement.dirsForCopy(name, this.getLog(tp)?.parentDir)
      : this.placement.dirsForLog(name);
    const log = this.maker.make(tp, dirs, { ...options, config });
    (isFuture ? this.futureLogs : this.currentLogs).set(name, log);
    this.placement.count(log.parentDir, 1);
    // Once made, the wish for its place is fulfilled.
    this.placement.prefer(name, null);
    this.context.logger.info('Created log', { partition: name, dir: log.parentDir });
    return log;
  }

  /**
   * Takes the log out and renames its folder at once; its files go after `file.delete.delay.ms`. The deletion becomes durable in the
   * background.
   */
  asyncDelete(tp: TopicPartition, isFuture = false): UnifiedLog | undefined {
    const log = this.getLog(tp, isFuture);
    if (!log || !this.deleteLater(tp, { isFuture })) return undefined;
    this.context.scheduler.scheduleOnce('sync-deletions', async () => {
      await this.deletions.makeDurable([log.parentDir]);
    });
    return log;
  }

  /**
   * The same for one of many, which `makeDeletionsDurable` makes durable together. A stray one only loses its name, and keeps its files. False
   * when its directory fails, with the log still there.
   */
  deleteLater(tp: TopicPartition, { isFuture = false, isStray = false } = {}): boolean {
    const log = this.getLog(tp, isFuture);
    if (!log) return true;
    try {
      this.renameAway(log, isStray);
    } catch (error) {
      if (!(error instanceof LogError)) throw error;
      this.context.logger.error('Failed to delete a log', { partition: partitionKey(tp), error });
      return false;
    }
    this.deletions.note(log.parentDir, partitionKey(tp), isFuture);
    return true;
  }

  /** See `LogDeletions`. */
  makeDeletionsDurable(paths: Iterable<string>): Promise<ReadonlySet<string>> {
    return this.deletions.makeDurable(paths);
  }

  /** The directories that hold the partition's log or its copy, or from which one was deleted that a loss of power may bring back. */
  dirsOf(tp: TopicPartition): string[] {
    const dirs = [this.getLog(tp), this.getLog(tp, true)].flatMap((log) => log?.parentDir ?? []);
    return [...dirs, ...this.deletions.dirsOf(partitionKey(tp))];
  }

  /** True when the future log may replace the log: it is durable as far as the log is, and marked as complete. */
  isReadyToReplace(tp: TopicPartition): boolean {
    const current = this.getLog(tp);
    const future = this.futureLog(tp);
    if (this.checkpoints.isNamed(future.parentDir, partitionKey(tp))) return false;
    return current !== undefined && this.replacement.isReady(current, future);
  }

  /** Makes the future log ready to replace the log. As both may change meanwhile, ask `isReadyToReplace` again. */
  async prepareReplacement(tp: TopicPartition): Promise<void> {
    const current = this.getLog(tp);
    if (!current) throw new LogError('KAFKA_STORAGE_ERROR', `The replica of ${partitionKey(tp)} is offline`);
    const name = partitionKey(tp);
    const { parentDir } = this.futureLog(tp);
    if (this.checkpoints.isNamed(parentDir, name)) {
      await onStorageAsync(this.context, parentDir, `preparing to replace ${name}`, () =>
        this.checkpoints.forgetInBackground(parentDir, name),
      );
    }
    await this.replacement.prepare(current, this.futureLog(tp));
  }

  /** The future log is not complete any more. */
  forgetReplacement(tp: TopicPartition): void {
    this.replacement.forget(this.futureLog(tp));
  }

  /** The future log has caught up and is ready: it becomes the log, and the old one is deleted. */
  replaceCurrentWithFutureLog(tp: TopicPartition): UnifiedLog {
    const name = partitionKey(tp);
    const future = this.futureLog(tp);
    const { parentDir: newParentDir } = future;
    const old = this.currentLogs.get(name);
    assert(!old || old.topicId === future.topicId, `${name}: a log is replaced by a copy of it`);
    assert(old?.parentDir !== newParentDir, `${name}: a copy replaces a log of another directory`);
    onStorage(this.context, newParentDir, `replacing ${name}`, () => this.checkpoints.forget(newParentDir, name));
    future.renameDir(`${newParentDir}/${name}`);
    this.futureLogs.delete(name);
    this.currentLogs.set(name, future);
    if (!old) {
      this.replacement.settle(future, null, () => undefined);
    } else {
      const { parentDir, config } = old;
      this.placement.count(parentDir, -1);
      try {
        this.deletions.renameAway(old);
        this.deletions.note(parentDir, name);
      } catch (error) {
        if (!(error instanceof LogError)) throw error;
        // The replica is at its new place all the same; the old directory goes offline, and the mark tells later whose the log is.
        this.context.logger.error('Failed to rename a replaced log', { dir: old.dir, error });
        old.closeHandles();
      }
      this.replacement.settle(future, old, () =>
        this.deletions.removeLater(parentDir, old.dir, config.fileDeleteDelayMs),
      );
    }
    // In the background, as a disk may hang: what the checkpoints say meanwhile of a log that is gone is seen to when its name is used again.
    this.context.scheduler.scheduleOnce('sync-moves', () => this.makeMoveDurable(newParentDir, old?.parentDir ?? null));
    return future;
  }

  private async makeMoveDurable(newParentDir: string, oldParentDir: string | null): Promise<void> {
    const dir = this.dirs.get(newParentDir);
    await Promise.all([
      oldParentDir === null ? null : this.deletions.makeDurable([oldParentDir]),
      dir && this.checkpoints.writeBothInBackground(dir),
    ]);
  }

  private futureLog(tp: TopicPartition): UnifiedLog {
    const future = this.getLog(tp, true);
    if (!future) throw new LogError('KAFKA_STORAGE_ERROR', `The future replica for ${partitionKey(tp)} is offline`);
    return future;
  }

  updateTopicConfig(topic: string, config: LogConfig): void {
    for (const log of this.logsByTopic(topic)) log.updateConfig(config);
  }

  /** The same for all topics, in one pass over the logs and in slices: there may be thousands of them. */
  updateTopicConfigs(configOf: (topic: string) => LogConfig): Promise<void> {
    const logs = [...this.currentLogs.values(), ...this.futureLogs.values()];
    const steps = function* (): Steps<void> {
      for (const log of logs) {
        log.updateConfig(configOf(log.topicPartition.topic));
        yield;
      }
    };
    return runInSlices(this.context.clock, steps(), BROKER_SLICES);
  }

  /** How long producers are remembered, and whether their transactions are verified, from now on. */
  reconfigureProducerState(
    changed: Pick<ProducerStateConfig, 'producerIdExpirationMs' | 'transactionVerificationEnabled'>,
  ): void {
    Object.assign(this.producerState, changed);
  }

  /** Cuts logs. */
  truncateTo(offsets: Iterable<readonly [TopicPartition, number]>, isFuture = false): void {
    for (const [tp, offset] of offsets) this.getLog(tp, isFuture)?.truncateTo(offset);
  }

  truncateFullyAndStartAt(tp: TopicPartition, offset: number, isFuture = false, logStartOffset = offset): void {
    this.getLog(tp, isFuture)?.truncateFullyAndStartAt(offset, logStartOffset);
  }

  /** Takes a directory offline: its logs are closed and forgotten, and `onLogDirFailure` is told. Gives their partitions. */
  handleLogDirFailure(logDir: string): TopicPartition[] {
    if (!this.dirs.takeOffline(logDir)) return [];
    this.context.logger.error('Stopping serving logs in a directory', { dir: logDir });
    const gone: TopicPartition[] = [];
    for (const logs of [this.currentLogs, this.futureLogs]) {
      for (const [name, log] of logs) {
        if (log.parentDir !== logDir) continue;
        logs.delete(name);
        // Its files' own errors go to `onCloseFailed`: nothing ends this half way.
        log.closeHandles();
        gone.push(log.topicPartition);
      }
    }
    this.placement.forgetDir(logDir);
    this.deletions.forget(logDir);
    this.options.onLogDirFailure?.(logDir);
    return gone;
  }

  /** `replication-offset-checkpoint` of a live directory. */
  highWatermarkCheckpoint(logDir: string): OffsetCheckpointFile | undefined {
    return this.dirs.isUsable(logDir) ? this.dirs.get(logDir)?.highWatermarks : undefined;
  }

  /** `cleaner-offset-checkpoint` of a live directory. */
  cleanerCheckpoint(logDir: string): OffsetCheckpointFile | undefined {
    return this.dirs.get(logDir)?.cleanerOffsets;
  }

  /** Writes `recovery-point-offset-checkpoint` of each directory, where anything changed. */
  checkpointLogRecoveryOffsets(): void {
    for (const dir of this.dirs.liveDirs) this.checkpoints.writeRecoveryPoints(dir);
  }

  /** Writes `log-start-offset-checkpoint` of each directory, where anything changed. */
  checkpointLogStartOffsets(): void {
    for (const dir of this.dirs.liveDirs) this.checkpoints.writeLogStartOffsets(dir);
  }

  /**
   * Flushes, closes and checkpoints all logs and marks the shutdown as clean. A directory whose disk hangs is waited for, however long, as
   * Kafka does: who stops a broker decides for how long (a service manager kills it in the end), and its logs are recovered then.
   */
  async shutdown(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    this.stopLoading();
    await this.loading;
    this.deletions.close();
    this.context.scheduler.shutdown();
    // A directory that hangs keeps no other from being flushed and marked.
    await withinTime(this.context.clock, SETTLE_WAIT_MS, this.replacement.settled());
    await this.context.remover.close();
    const shutDown = async (dir: LogDir): Promise<void> => {
      try {
        const isWholeDirKnown = this.loadedDirs.has(dir.path);
        await shutDownLogDir(this.context, this.dirs, this.checkpoints, dir, this.logsIn(dir.path), isWholeDirKnown);
      } catch (error) {
        this.context.logger.warn('A log directory was not shut down cleanly', { dir: dir.path, error });
      }
    };
    await Promise.all([...this.dirs.liveDirs].map(shutDown));
    this.context.tailCache.close();
    this.dirs.releaseAll();
  }

  /** What fails at the start is the trouble of its directory, but for a bug, and for what only an operator can decide. */
  private async orOffline(dir: string, work: () => void | Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (error instanceof AssertionError || error instanceof DuplicateLogError) throw error;
      if (error instanceof LoadingStoppedError) {
        this.context.files.closeIdle();
        throw error;
      }
      // Not given up for what is no fault of its disk: the replicas there would be gone until the next start. Kafka gives it up.
      if (isOutOfHandles(error)) {
        throw new LogError(
          'KAFKA_STORAGE_ERROR',
          `The process may not have as many files open as loading ${dir} takes; raise its limit (ulimit -n)`,
          { cause: error },
        );
      }
      this.context.logger.error('Error while loading a log directory', { dir, error });
      this.handleLogDirFailure(dir);
    }
  }

  private async loadDir(dir: LogDir, names: readonly string[], configs: ReadonlyMap<string, LogConfig>): Promise<void> {
    const hadCleanShutdown = this.dirs.takeCleanShutdownMark(dir.path);
    const isCheckpointWrong = await loadLogDir(this.context, dir, {
      names,
      hadCleanShutdown,
      configOf: (topic) => configs.get(topic) ?? this.defaultConfig,
      onLoaded: (log, isFuture) => this.addLoaded(log, isFuture),
      isStopped: () => this.isLoadingStopped,
      onDeleted: (path) => {
        this.deletions.removeLater(dir.path, path, this.defaultConfig.fileDeleteDelayMs);
      },
    });
    if (!hadCleanShutdown) await this.syncNamesOfBefore(dir.path);
    // What is appended where recovery has cut a log is not durable. Else nothing is written: the disk may be full.
    if (!isCheckpointWrong) return;
    onStorage(this.context, dir.path, 'writing the recovery points', () => this.checkpoints.writeLoweredSync(dir.path));
  }

  /**
   * A kill may have come before folders that were made, and deletions, were synced, even after the deleted folders were removed. What is flushed
   * from now on must not be lost with its folder, and a controller that asks for deletions again is told that nothing is left.
   */
  private async syncNamesOfBefore(path: string): Promise<void> {
    const { folders } = this.context;
    folders.markChanged(path);
    await onStorageAsync(this.context, path, 'syncing the names of logs', () => folders.ensureSynced(path));
  }

  private addLoaded(log: UnifiedLog, isFuture: boolean): void {
    const logs = isFuture ? this.futureLogs : this.currentLogs;
    const name = partitionKey(log.topicPartition);
    const other = logs.get(name);
    const leftover = other && (leftoverOf(log, other, this.replacement) ?? (isFuture ? shorterOf(log, other) : null));
    if (other && !leftover) {
      throw new DuplicateLogError(
        `Duplicate log directories for ${name} are found in both ${log.dir} and ${other.dir}. It is likely because log directory ` +
          'failure happened while broker was replacing current replica with future replica. Recover broker from this failure by ' +
          'manually deleting one of the two directories for this partition. It is recommended to delete the partition in the log directory ' +
          'that is known to have failed recently.',
      );
    }
    if (leftover !== log) {
      logs.set(name, log);
      this.placement.count(log.parentDir, 1);
    }
    if (!leftover) return;
    this.context.logger.warn('A partition has two folders: deleting what a move or a failure left over', {
      kept: logs.get(name)!.dir,
      deleted: leftover.dir,
    });
    if (leftover !== log) this.placement.count(leftover.parentDir, -1);
    try {
      this.deleteFolder(leftover);
    } catch (error) {
      // The trouble of its directory, which goes offline, and not of the one that is being loaded. There, it is found again.
      if (!(error instanceof LogError)) throw error;
      this.context.logger.error('Failed to delete what was left over', { dir: leftover.dir, error });
      leftover.closeHandles();
    }
  }

  /**
   * The power went in the middle of a replacement: the old log is away, and the name of the complete copy was not durable yet. A log that is there is
   * of before that old one.
   */
  private promoteComplete(): void {
    for (const [name, future] of this.futureLogs) {
      const current = this.currentLogs.get(name);
      if (!this.replacement.isMarked(future)) continue;
      try {
        if (current && !this.replacement.isOlder(current, future)) continue;
        this.context.logger.warn('Completing the replacement of a log by its copy', { dir: future.dir });
        this.replaceCurrentWithFutureLog(future.topicPartition);
      } catch (error) {
        if (!(error instanceof LogError)) throw error;
        this.context.logger.error('Failed to complete the replacement of a log', { dir: future.dir, error });
      }
    }
  }

  private renameAway(log: UnifiedLog, isStray = false): void {
    const name = partitionKey(log.topicPartition);
    if (isStray) this.deletions.setAside(log);
    else this.deleteFolder(log);
    const logs = this.currentLogs.get(name) === log ? this.currentLogs : this.futureLogs;
    logs.delete(name);
    this.placement.count(log.parentDir, -1);
  }

  private deleteFolder(log: UnifiedLog): void {
    this.deletions.renameAway(log);
    this.deletions.removeLater(log.parentDir, log.dir, log.config.fileDeleteDelayMs);
  }

  private logsIn(dir: string): UnifiedLog[] {
    return [...this.currentLogs.values(), ...this.futureLogs.values()].filter((log) => log.parentDir === dir);
  }

  /**
   * Files of a directory fail: it goes offline once the call that found out has returned. That the process may open no more files is no
   * trouble of a directory, but for what it has left half done.
   */
  private onStorageError(logDir: string, doing: string, error: Error, isHalfDone = false): void {
    if (isOutOfHandles(error) && !isHalfDone) return;
    if (!this.dirs.markFailing(logDir)) return;
    this.context.logger.error('A log directory failed', { dir: logDir, doing, error });
    this.context.clock.defer(() => this.handleLogDirFailure(logDir));
  }

  /** close(2) tells of writes that were lost (NFS, FUSE, a device that is gone): the trouble of the file's own directory. */
  private onCloseFailed(path: string, error: Error): void {
    const logDir = this.options.logDirs.find((dir) => path.startsWith(`${dir}/`));
    if (logDir !== undefined) this.onStorageError(logDir, `closing ${path}`, error);
  }

  private registerMetrics(): void {
    const { metrics } = this.options;
    if (!metrics) return;
    metrics.gauge('kafka.log:type=LogManager,name=OfflineLogDirectoryCount', () => this.offlineLogDirs.length);
    for (const dir of this.options.logDirs) {
      const name = `kafka.log:type=LogManager,name=LogDirectoryOffline,logDirectory="${dir}"`;
      metrics.gauge(name, () => (this.isLogDirOnline(dir) ? 0 : 1));
    }
    metrics.gauge('ottla.log:type=LogManager,name=OpenFiles', () => this.context.files.openCount);
    metrics.gauge('ottla.log:type=LogManager,name=TailCacheBytes', () => this.context.tailCache.sizeInBytes);
  }
}

/** Of two copies either will do: what it lacks is copied again. */
function shorterOf(one: UnifiedLog, other: UnifiedLog): UnifiedLog {
  return one.logEndOffset < other.logEndOffset ? one : other;
}
