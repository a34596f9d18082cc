import {
  BROKER_SLICES,
  AssertionError,
  MetricsRegistry,
  runInSlices,
  systemRandom,
  type Logger,
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
import { isZkError } from '../zookeeper/index.js';
import { ControllerChannelManager, type ResponseCallback } from './channel-manager.js';
import { ControllerElection, type ElectionPorts } from './controller-election.js';
import type { ControllerOptions } from './controller-options.js';
import { controlVersions } from './core/control-versions.js';
import { ControllerContext } from './core/controller-context.js';
import { RequestBatch, type OutgoingRequest } from './core/request-batch.js';
import { allocateProducerIds } from './events/allocate-producer-ids.js';
import { alterPartition } from './events/alter-partition.js';
import { controlledShutdown } from './events/controlled-shutdown.js';
import { onControllerFailover } from './events/failover.js';
import {
  electLeaders,
  uncleanLeaderElectionEnable,
  type ElectionType,
  type ElectLeadersResult,
} from './events/leader-election.js';
import { ofLife, responseReceived } from './events/responses.js';
import { registerControllerMetrics } from './controller-metrics.js';
import { ControllerEventManager } from './event-manager.js';
import { FailureBackOff } from './failure-back-off.js';
import { PartitionStateMachine } from './partition-state-machine.js';
import { endsTerm, PartitionStore } from './partition-store.js';
import { ReplicaStateMachine } from './replica-state-machine.js';
import { told, type ControllerEvent, type ControllerRuntime } from './runtime.js';
import { StateChangeLog } from './state-change-log.js';
import { TermTimers } from './term-timers.js';
import { TopicDeletionManager } from './topic-deletion-manager.js';
import { ControllerWatches } from './watches.js';

const STATE_CHANGE_HANDLER_NAME = 'controller-state-change-handler';

/**
 * Kafka's `KafkaController`. Every broker has one; the one that holds `/controller` is active: it elects leaders, watches brokers and
 * topics, and tells brokers what their replicas are. Every cause is an event in one queue, handled to its end before the next. All
 * writes are conditional on the version of `/controller_epoch`, so that a controller that was deposed without knowing writes nothing.
 */
export class Controller {
  private readonly context = new ControllerContext();
  private readonly events: ControllerEventManager;
  private readonly runtime: ControllerRuntime;
  private readonly election: ControllerElection;
  private readonly backOff: FailureBackOff;
  private readonly timers: TermTimers;
  private readonly log: Logger;
  private readonly unregisterMetrics: () => void;
  private config: BrokerConfig;

  constructor(private readonly options: ControllerOptions) {
    const { config, clock, logger } = options;
    const metrics = options.metrics ?? new MetricsRegistry();
    const isActive = (): boolean => this.isActive;
    const put = (event: ControllerEvent): void => this.put(event);
    this.config = config;
    this.log = logger;
    this.events = new ControllerEventManager((event) => this.process(event), clock, logger);
    this.backOff = new FailureBackOff(clock);
    this.timers = new TermTimers(clock, () => this.config, isActive, put);
    this.runtime = this.createRuntime(metrics);
    const { brokerId, stores, context, watches, batch } = this.runtime;
    const ports: ElectionPorts = {
      brokerId,
      clock,
      log: logger,
      stores,
      context,
      watches,
      batch,
      backOff: this.backOff,
      put,
      putLater: (event, delayMs) => this.events.putLater(event, delayMs),
      beginTerm: () => this.beginTerm(),
      endTerm: () => this.resign(),
    };
    this.election = new ControllerElection(ports, options);
    this.unregisterMetrics = registerControllerMetrics(metrics, {
      context,
      isActive,
      state: () => this.events.state,
      eventQueueSize: () => this.events.size,
    });
  }

  /** True while this broker is the controller, as far as it knows: a write may yet tell otherwise. */
  get isActive(): boolean {
    return this.election.isActive;
  }

  /** The controller that this broker knows of; -1 when it knows of none. */
  get activeControllerId(): number {
    return this.election.activeControllerId;
  }

  /** The epoch of this controller's term, 0 when it is not active. */
  get epoch(): number {
    return this.context.epoch;
  }

  /** The epoch of this broker's registration now. */
  get brokerEpoch(): bigint {
    return this.election.brokerEpoch;
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
    this.options.stores.zk.registerStateChangeHandler({
      name: STATE_CHANGE_HANDLER_NAME,
      // The new session waits until the old term has ended, so that nothing of it is done under the new session.
      beforeInitializingSession: () => this.expire(),
      afterInitializingSession: () => this.put(this.election.registerBrokerAndReelect),
    });
    return this.events.handled(this.election.startup);
  }

  /** Resigns if active. Events that wait are answered and dropped. `/controller` goes with the session, which the caller closes. */
  async shutdown(): Promise<void> {
    this.options.stores.zk.unregisterStateChangeHandler(STATE_CHANGE_HANDLER_NAME);
    await this.events.close();
    this.runtime.watches.unregisterControllerChange();
    this.election.leave();
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

  /** The parts, each with those that it works with. */
  private createRuntime(metrics: MetricsRegistry): ControllerRuntime {
    const { clock, logger: log, stateChangeLogger, stores, channelFactory, random = systemRandom } = this.options;
    const { brokerId, interBrokerListenerName } = this.config;
    const { context } = this;
    const currentConfig = (): BrokerConfig => this.config;
    const isActive = (): boolean => this.isActive;
    const put = (event: ControllerEvent): void => this.put(event);
    const flush = (): Promise<void> => this.flush();
    const uncleanElections = metrics.counter('kafka.controller:type=ControllerStats,name=UncleanLeaderElectionsPerSec');
    const versions = controlVersions((version) => this.config.interBrokerProtocolAtLeast(version));
    const batch = new RequestBatch(context, brokerId, interBrokerListenerName, versions);
    const stateChanges = new StateChangeLog(this.options, context);
    const watches = new ControllerWatches(stores.zk, put);
    const partitionStore = new PartitionStore(stores, context, currentConfig, (partition) =>
      watches.registerUnreadableState(partition),
    );
    const partitions = new PartitionStateMachine(
      brokerId,
      context,
      partitionStore,
      batch,
      stateChanges,
      log,
      uncleanElections,
      versions,
    );
    const replicas = new ReplicaStateMachine(context, partitionStore, batch, stateChanges, log);
    const ports = {
      isDeleteTopicEnabled: () => this.config.get('delete.topic.enable'),
      mutePartitionModifications: (topic: string) => watches.unregisterTopic(topic),
      flush,
      retryLater: () => this.timers.retryDeletions(),
    };
    const deletions = new TopicDeletionManager(context, stores, partitions, replicas, batch, ports, log);
    const channels = new ControllerChannelManager(channelFactory, clock, log, stateChangeLogger, metrics, context);
    return {
      brokerId,
      get config() {
        return currentConfig();
      },
      get isActive() {
        return isActive();
      },
      versions,
      clock,
      random,
      context,
      stores,
      partitionStore,
      batch,
      channels,
      partitions,
      replicas,
      deletions,
      watches,
      log,
      stateChanges,
      put,
      flush,
    };
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
      this.backOff.onSuccess(event.name);
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
      const retryMs = isToRetry ? this.backOff.onFailure(event.name) : undefined;
      this.log.error('Error processing event', { event: event.name, ...told(error), ...(retryMs && { retryMs }) });
      if (error instanceof AssertionError) this.options.onFatalError?.(error);
      // What was written to ZooKeeper before the error is to be told all the same.
      await this.flush();
      if (retryMs) this.events.putLater(event, retryMs);
      return;
    }
    this.runtime.batch.clear();
    this.log.info('The term of this controller ended while an event was processed', { event: event.name, error });
    this.election.onTermEnded(event, error);
  }

  private async flush(): Promise<void> {
    if (this.runtime.batch.isEmpty) return;
    const requests = await runInSlices(this.options.clock, this.runtime.batch.take(), BROKER_SLICES);
    this.runtime.stateChanges.sending(requests);
    for (const request of requests) {
      this.runtime.channels.send(request.brokerId, request.request, this.responseCallback(request));
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

  /** The session expired: the term is over, whoever knows. What waits is answered; the event that runs ends by its own errors. */
  private expire(): Promise<void> {
    // What was to be tried again was about this session; the next begins with its own event.
    this.events.dropWaiting();
    return this.events
      .inTurn(() => {
        this.election.leave();
        this.events.dropWaiting();
      })
      .catch((error: unknown) => this.log.debug('The controller was closed while its session expired', { error }));
  }

  private async beginTerm(): Promise<void> {
    await onControllerFailover(this.runtime);
    this.timers.startRebalancing();
  }

  /** Ends the term in memory: no watches, no requests, nothing remembered. */
  private resign(): void {
    const wasActive = this.context.epoch !== 0;
    this.timers.cancel();
    this.runtime.watches.unregisterAll();
    this.runtime.channels.shutdown();
    this.runtime.batch.clear();
    this.context.reset();
    if (wasActive) this.log.info('Resigned');
  }
}
