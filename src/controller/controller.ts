import {
  BROKER_SLICES,
  AssertionError,
  MetricsRegistry,
  runInSlices,
  systemRandom,
  type Clock,
  type Logger,
  type Timer,
  type Uuid,
} from '../common/index.js';
import type { TopicPartition } from '../cluster/index.js';
import type { BrokerConfig } from '../config/index.js';
import {
  type AllocateProducerIdsRequest,
  type AllocateProducerIdsResponseInput,
  type AlterPartitionRequest,
  type AlterPartitionResponseInput,
  type ControlledShutdownRequest,
  type ControlledShutdownResponseInput,
} from '../protocol/index.js';
import { ControllerMovedError, isZkError, type FormerEpochs, type ZkStores } from '../zookeeper/index.js';
import { ControllerChannelManager, type ResponseCallback } from './channel-manager.js';
import type { ControllerOptions } from './controller-options.js';
import { controlVersions } from './core/control-versions.js';
import { ControllerContext } from './core/controller-context.js';
import { RequestBatch, type OutgoingRequest } from './core/request-batch.js';
import { allocateProducerIds } from './events/allocate-producer-ids.js';
import { alterPartition } from './events/alter-partition.js';
import { controlledShutdown } from './events/controlled-shutdown.js';
import { onControllerFailover } from './events/failover.js';
import {
  autoPreferredReplicaLeaderElection,
  electLeaders,
  uncleanLeaderElectionEnable,
  type ElectionType,
  type ElectLeadersResult,
} from './events/leader-election.js';
import { ofLife, responseReceived } from './events/responses.js';
import { topicDeletionRetry } from './events/topic-deletion.js';
import { registerControllerMetrics } from './controller-metrics.js';
import { ControllerEventManager } from './event-manager.js';
import { formerEpochs } from './former-epochs.js';
import { PartitionStateMachine } from './partition-state-machine.js';
import { endsTerm, PartitionStore } from './partition-store.js';
import { ReplicaStateMachine } from './replica-state-machine.js';
import { told, type ControllerEvent, type ControllerRuntime } from './runtime.js';
import { StateChangeLog } from './state-change-log.js';
import { TopicDeletionManager } from './topic-deletion-manager.js';
import { ControllerWatches } from './watches.js';

/** Nobody is the controller, as far as known. */
const NO_CONTROLLER = -1;
/** After the election, Kafka waits as long before it first looks at the balance of leaders. */
const FIRST_REBALANCE_DELAY_MS = 5_000;
const DELETION_RETRY_DELAY_MS = 60_000;
/** How long to leave ZooKeeper alone after it failed to answer twice, and elections after a term that failed at its start, or one that failed before. */
const RETRY_DELAY_MS = 1_000;
const MAX_RETRY_DELAY_MS = 60_000;
/** A failure after so long without one is the first again. */
const FORGET_FAILURES_MS = 2 * MAX_RETRY_DELAY_MS;
/** What failed in it is not over when the event in which it was held is. */
const ELECTION = 'Election';
const STATE_CHANGE_HANDLER_NAME = 'controller-state-change-handler';

/**
 * Kafka's `KafkaController`. Every broker has one; the one that holds `/controller` is active: it elects leaders, watches brokers and
 * topics, and tells brokers what their replicas are. Every cause is an event in one queue, handled to its end before the next. All
 * writes are conditional on the version of `/controller_epoch`, so that a controller that was deposed without knowing writes nothing.
 */
export class Controller {
  private readonly context = new ControllerContext();
  private readonly batch: RequestBatch;
  private readonly channels: ControllerChannelManager;
  private readonly watches: ControllerWatches;
  private readonly runtime: ControllerRuntime;
  private readonly events: ControllerEventManager;
  private readonly log: Logger;
  private readonly stores: ZkStores;
  private readonly clock: Clock;
  private readonly stateChanges: StateChangeLog;
  private readonly metrics: MetricsRegistry;
  private readonly unregisterMetrics: () => void;
  private config: BrokerConfig;
  private currentBrokerEpoch: bigint;
  private activeController = NO_CONTROLLER;
  private rebalanceTimer: Timer | null = null;
  private deletionTimer: Timer | null = null;
  /** By `clock.monotonicMs`. */
  private electableAtMs = -Infinity;
  /** What failed, how often on end, and when it did last by `clock.monotonicMs`. */
  private readonly failures = new Map<string, { count: number; atMs: number }>();
  /** The highest epoch of this broker's own terms. */
  private latestTerm = 0;

  constructor(private readonly options: ControllerOptions) {
    const { config, clock, logger, stateChangeLogger, stores, channelFactory } = options;
    this.config = config;
    this.clock = clock;
    this.log = logger;
    this.stores = stores;
    this.metrics = options.metrics ?? new MetricsRegistry();
    this.currentBrokerEpoch = options.brokerEpoch;
    this.events = new ControllerEventManager((event) => this.process(event), clock, logger);

    const brokerId = config.brokerId;
    const { context, metrics } = this;
    const uncleanElections = metrics.counter('kafka.controller:type=ControllerStats,name=UncleanLeaderElectionsPerSec');
    const versions = controlVersions((version) => config.interBrokerProtocolAtLeast(version));
    const batch = new RequestBatch(context, brokerId, config.interBrokerListenerName, versions);
    const stateChanges = new StateChangeLog(options, context);
    const watches = new ControllerWatches(stores.zk, (event) => this.put(event));
    const partitionStore = new PartitionStore(
      stores,
      context,
      () => this.config,
      (partition) => watches.registerUnreadableState(partition),
    );
    const partitions = new PartitionStateMachine(
      brokerId,
      context,
      partitionStore,
      batch,
      stateChanges,
      logger,
      uncleanElections,
      versions,
    );
    const replicas = new ReplicaStateMachine(context, partitionStore, batch, stateChanges, logger);
    const ports = {
      isDeleteTopicEnabled: () => this.config.get('delete.topic.enable'),
      mutePartitionModifications: (topic: string) => watches.unregisterTopic(topic),
      flush: () => this.flush(),
      retryLater: () => this.retryDeletionsLater(),
    };
    const deletions = new TopicDeletionManager(context, stores, partitions, replicas, batch, ports, logger);
    const channels = new ControllerChannelManager(channelFactory, clock, logger, stateChangeLogger, metrics, context);
    const currentConfig = (): BrokerConfig => this.config;
    const isActive = (): boolean => this.isActive;
    this.batch = batch;
    this.stateChanges = stateChanges;
    this.watches = watches;
    this.channels = channels;
    this.runtime = {
      brokerId,
      get config() {
        return currentConfig();
      },
      get isActive() {
        return isActive();
      },
      versions,
      clock,
      random: options.random ?? systemRandom,
      context,
      stores,
      partitionStore,
      batch,
      channels,
      partitions,
      replicas,
      deletions,
      watches,
      log: logger,
      stateChanges,
      put: (event) => this.put(event),
      flush: () => this.flush(),
    };
    this.unregisterMetrics = registerControllerMetrics(metrics, {
      context,
      isActive,
      state: () => this.events.state,
      eventQueueSize: () => this.events.size,
    });
  }

  /** True while this broker is the controller, as far as it knows: a write may yet tell otherwise. */
  get isActive(): boolean {
    return this.activeController === this.runtime.brokerId && this.context.epoch !== 0;
  }

  /** The controller that this broker knows of; -1 when it knows of none. */
  get activeControllerId(): number {
    return this.activeController;
  }

  /** The epoch of this controller's term, 0 when it is not active. */
  get epoch(): number {
    return this.context.epoch;
  }

  /** The epoch of this broker's registration now. */
  get brokerEpoch(): bigint {
    return this.currentBrokerEpoch;
  }

  /** The name of the topic of an id; only the active controller knows. */
  topicName(id: Uuid): string | undefined {
    return this.context.topicName(id);
  }

  /** Whether a topic is waiting to be deleted, or being deleted; only the active controller knows. */
  isTopicQueuedForDeletion(topic: string): boolean {
    return this.runtime.deletions.isTopicQueuedUpForDeletion(topic);
  }

  /** Takes part in elections from now on. Resolves when the first has been held: somebody is the controller, or was just now. */
  startup(): Promise<void> {
    this.stores.zk.registerStateChangeHandler({
      name: STATE_CHANGE_HANDLER_NAME,
      // The new session waits until the old term has ended, so that nothing of it is done under the new session.
      beforeInitializingSession: () => this.expire(),
      afterInitializingSession: () => this.put(this.registerBrokerAndReelect),
    });
    return this.events.handled(this.startupEvent);
  }

  /** Resigns if active. Events that wait are answered and dropped. `/controller` goes with the session, which the caller closes. */
  async shutdown(): Promise<void> {
    this.stores.zk.unregisterStateChangeHandler(STATE_CHANGE_HANDLER_NAME);
    await this.events.close();
    this.watches.unregisterControllerChange();
    this.activeController = NO_CONTROLLER;
    this.resign();
    this.unregisterMetrics();
  }

  /** Takes over a dynamic change of the configuration, `unclean.leader.election.enable` among it. */
  updateConfig(config: BrokerConfig): void {
    const before = this.config.get('unclean.leader.election.enable');
    this.config = config;
    if (!before && config.get('unclean.leader.election.enable')) this.put(uncleanLeaderElectionEnable());
  }

  /** A topic's own config allows unclean elections now. */
  enableTopicUncleanLeaderElection(topic: string): void {
    if (this.isActive) this.put(uncleanLeaderElectionEnable(topic));
  }

  /** Changes ISRs as a leader asks (AlterPartition in `version`). Never rejects. */
  alterPartitions(request: AlterPartitionRequest, version: number): Promise<AlterPartitionResponseInput> {
    return this.ask((respond) => alterPartition(request, version, respond));
  }

  /** Moves leaders away from a broker that will stop (ControlledShutdown). Never rejects. */
  controlledShutdown(request: ControlledShutdownRequest): Promise<ControlledShutdownResponseInput> {
    return this.ask((respond) => controlledShutdown(request, respond));
  }

  /** Elects leaders as a client asks (ElectLeaders); `partitions` null means all. Never rejects. */
  electLeaders(partitions: readonly TopicPartition[] | null, type: ElectionType): Promise<ElectLeadersResult[]> {
    return this.ask((respond) => electLeaders(partitions, type, respond));
  }

  /** Hands a block of producer ids to a broker (AllocateProducerIds). Never rejects. */
  allocateProducerIds(request: AllocateProducerIdsRequest): Promise<AllocateProducerIdsResponseInput> {
    return this.ask((respond) => allocateProducerIds(request, respond));
  }

  /** Resolves when every event that waits now has been handled, for tests and simulations. */
  whenIdle(): Promise<void> {
    return this.events.whenIdle();
  }

  // The queue.

  private ask<T>(makeEvent: (respond: (value: T) => void) => ControllerEvent): Promise<T> {
    return new Promise((resolve) => this.put(makeEvent(resolve)));
  }

  private put(event: ControllerEvent): void {
    this.events.put(event);
  }

  private async process(event: ControllerEvent): Promise<void> {
    try {
      await event.process(this.runtime);
      this.failures.delete(event.name);
      await this.flush();
    } catch (error) {
      await this.onEventError(event, error);
    }
  }

  private async onEventError(event: ControllerEvent, error: unknown): Promise<void> {
    if (!endsTerm(error)) {
      // Nothing tells when an ACL that refuses it is mended. (Kafka's brokers have to be started again.)
      const decides = event.state === 'ControllerChange' || event.isReadAgain;
      const isToRetry = decides && isZkError(error) && error.code !== 'NodeExists';
      const retryMs = isToRetry ? this.backOff(event.name) : undefined;
      this.log.error('Error processing event', { event: event.name, ...told(error), ...(retryMs && { retryMs }) });
      if (error instanceof AssertionError) this.options.onFatalError?.(error);
      // What was written to ZooKeeper before the error is to be told all the same.
      await this.flush();
      if (retryMs) this.events.putLater(event, retryMs);
      return;
    }
    this.batch.clear();
    this.log.info('The term of this controller ended while an event was processed', { event: event.name, error });
    // A session that is gone is followed by the session's own events.
    if (isZkError(error, 'SessionExpired', 'Closed')) return;
    // ZooKeeper did not answer: what was read and written is unknown, so a new term begins by reading everything, once this broker is registered.
    const anew = event === this.registerBrokerAndReelect ? event : this.startAnew;
    const next = error instanceof ControllerMovedError ? this.controllerChange : anew;
    if (event.name !== next.name) this.put(next);
    else this.events.putLater(next, RETRY_DELAY_MS);
  }

  /** Twice as long as after the failure before. */
  private backOff(what: string): number {
    const now = this.clock.monotonicMs();
    const { count, atMs } = this.failures.get(what) ?? { count: 0, atMs: now };
    const before = now - atMs > FORGET_FAILURES_MS ? 0 : count;
    this.failures.set(what, { count: before + 1, atMs: now });
    return Math.min(MAX_RETRY_DELAY_MS, RETRY_DELAY_MS * 2 ** Math.min(before, 10));
  }

  private async flush(): Promise<void> {
    if (this.batch.isEmpty) return;
    const requests = await runInSlices(this.clock, this.batch.take(), BROKER_SLICES);
    this.stateChanges.sending(requests);
    for (const request of requests) {
      this.channels.send(request.brokerId, request.request, this.responseCallback(request));
    }
  }

  private responseCallback(sent: OutgoingRequest): ResponseCallback {
    // Answers of a former term say nothing about this one.
    const term = this.context.epoch;
    const life = this.context.liveOrShuttingDownBrokers.get(sent.brokerId)?.epoch;
    return (response) => {
      const event = responseReceived(sent, response);
      if (event && this.isActive && this.context.epoch === term) this.put(ofLife(sent.brokerId, life, event));
    };
  }

  // Elections of the controller itself.

  private readonly startupEvent: ControllerEvent = {
    name: 'Startup',
    state: 'ControllerChange',
    process: async () => {
      await this.watches.registerControllerChange(this.controllerChange, this.reelect);
      await this.elect();
    },
  };

  private readonly controllerChange: ControllerEvent = {
    name: 'ControllerChange',
    state: 'ControllerChange',
    process: async () => {
      await this.maybeResign();
      // It has gone before there was a watch.
      if (this.isVacant) return this.put(this.reelect);
      // Nobody took over, and what we write is refused: someone has written the epoch by hand, or deleted it.
      const stands = this.isActive ? await this.stores.controller.controllerEpochZkVersion() : null;
      if (this.isActive && stands !== this.context.epochZkVersion) this.put(this.startAnew);
    },
  };

  private readonly reelect: ControllerEvent = {
    name: 'Reelect',
    state: 'ControllerChange',
    process: async () => {
      await this.maybeResign();
      await this.elect();
    },
  };

  private readonly startAnew: ControllerEvent = {
    name: 'StartAnew',
    state: 'ControllerChange',
    process: async () => {
      await this.watches.registerControllerChange(this.controllerChange, this.reelect);
      if (this.context.epoch !== 0) await this.triggerControllerMove();
      await this.elect();
    },
  };

  private readonly registerBrokerAndReelect: ControllerEvent = {
    name: 'RegisterBrokerAndReelect',
    state: 'ControllerChange',
    process: async () => {
      try {
        const { epoch } = await this.stores.brokers.registerBroker(this.options.brokerRegistration());
        this.currentBrokerEpoch = epoch;
      } catch (error) {
        if (isZkError(error, 'NodeExists')) this.options.onFatalError?.(error);
        throw error;
      }
      await this.maybeResign();
      await this.elect();
    },
  };

  /** The session expired: the term is over, whoever knows. What waits is answered; the event that runs ends by its own errors. */
  private expire(): Promise<void> {
    // What was to be tried again was about this session; the next begins with its own event.
    this.events.dropWaiting();
    return this.events
      .inTurn(() => {
        this.activeController = NO_CONTROLLER;
        this.resign();
        this.events.dropWaiting();
      })
      .catch((error: unknown) => this.log.debug('The controller was closed while its session expired', { error }));
  }

  private async elect(): Promise<void> {
    const { stores, context, runtime } = this;
    const waitMs = this.electableAtMs - this.clock.monotonicMs();
    if (waitMs > 0) return this.events.putLater(this.reelect, waitMs);
    this.activeController = (await stores.controller.controllerId()) ?? NO_CONTROLLER;
    // Somebody was elected meanwhile, maybe this broker by an earlier event.
    if (!this.isVacant) {
      this.log.debug('A broker has been elected as the controller', { controller: this.activeController });
      return;
    }
    try {
      // Our name without a term: the answer to an earlier election was lost. What happened since was not ours to see.
      if (this.activeController === runtime.brokerId) await this.giveUpController();
      const { epoch, zkVersion } = await stores.controller.registerControllerAndIncrementControllerEpoch(
        runtime.brokerId,
        this.formerEpochs(),
      );
      this.latestTerm = epoch;
      context.epoch = epoch;
      context.epochZkVersion = zkVersion;
      this.activeController = runtime.brokerId;
      this.log.info('Elected as the controller', { epoch, epochZkVersion: zkVersion });
      await onControllerFailover(runtime);
      this.failures.delete(ELECTION);
      this.scheduleRebalance(FIRST_REBALANCE_DELAY_MS);
    } catch (error) {
      if (error instanceof ControllerMovedError) {
        this.batch.clear();
        await this.maybeResign();
        this.log.debug('Another broker was elected as the controller', { controller: this.activeController, error });
      } else if (endsTerm(error)) {
        throw error;
      } else {
        // Others may take over at once. Alone we would fail again and again on what we have just failed on.
        const retryMs = this.backOff(ELECTION);
        this.electableAtMs = this.clock.monotonicMs() + retryMs;
        this.log.error('Error while electing or becoming controller, triggering controller movement', {
          ...told(error),
          retryMs,
        });
        if (context.epoch !== 0) await this.triggerControllerMove();
      }
      if (this.isVacant) this.put(this.reelect);
    }
  }

  /** No one is the controller, or this broker by name only: as far as known there has to be an election. */
  private get isVacant(): boolean {
    const { activeController } = this;
    return activeController === NO_CONTROLLER || (activeController === this.runtime.brokerId && !this.isActive);
  }

  private async giveUpController(): Promise<void> {
    const { controller } = this.stores;
    const { zkVersion } = await controller.ensureControllerEpoch(this.formerEpochs());
    // Read behind the epoch, which is that of now: before, our member of the ensemble may not have heard who was elected in our place. Whoever
    // is elected from here on raises the epoch.
    this.activeController = (await controller.controllerId()) ?? NO_CONTROLLER;
    if (this.activeController !== this.runtime.brokerId) return;
    await controller.deleteController(zkVersion);
    this.activeController = NO_CONTROLLER;
  }

  private formerEpochs(): FormerEpochs {
    return formerEpochs(this.stores, Math.max(this.latestTerm, this.options.latestControllerEpoch?.() ?? 0));
  }

  /** Gives the lead to another broker, since this one cannot do the work. */
  private async triggerControllerMove(): Promise<void> {
    this.activeController = (await this.stores.controller.controllerId()) ?? NO_CONTROLLER;
    if (!this.isActive) {
      this.resign();
      this.log.warn('Controller has already moved when trying to trigger controller movement');
      return;
    }
    const { epochZkVersion } = this.context;
    this.activeController = NO_CONTROLLER;
    this.resign();
    try {
      await this.stores.controller.deleteController(epochZkVersion);
    } catch (error) {
      if (!(error instanceof ControllerMovedError)) throw error;
      this.log.warn('Controller has already moved when trying to trigger controller movement');
    }
  }

  /** Looks who is the controller, waits for the next change, and resigns if it was this broker and is no longer. */
  private async maybeResign(): Promise<void> {
    const wasActive = this.context.epoch !== 0;
    await this.watches.registerControllerChange(this.controllerChange, this.reelect);
    this.activeController = (await this.stores.controller.controllerId()) ?? NO_CONTROLLER;
    if (wasActive && !this.isActive) this.resign();
  }

  /** Ends the term in memory: no watches, no requests, nothing remembered. */
  private resign(): void {
    const wasActive = this.context.epoch !== 0;
    this.rebalanceTimer?.cancel();
    this.rebalanceTimer = null;
    this.deletionTimer?.cancel();
    this.deletionTimer = null;
    this.watches.unregisterAll();
    this.channels.shutdown();
    this.batch.clear();
    this.context.reset();
    if (wasActive) this.log.info('Resigned');
  }

  private retryDeletionsLater(): void {
    const retry = (): void => {
      this.deletionTimer = null;
      this.put(topicDeletionRetry);
    };
    this.deletionTimer ??= this.clock.setTimer(DELETION_RETRY_DELAY_MS, retry, { background: true });
  }

  private scheduleRebalance(delayMs: number): void {
    this.rebalanceTimer?.cancel();
    this.rebalanceTimer = null;
    if (!this.isActive || !this.config.get('auto.leader.rebalance.enable')) return;
    const again = (): void => this.scheduleRebalance(this.config.get('leader.imbalance.check.interval.seconds') * 1000);
    this.rebalanceTimer = this.clock.setTimer(delayMs, () => this.put(autoPreferredReplicaLeaderElection(again)), {
      background: true,
    });
  }
}
