import { resolve as resolvePath } from 'node:path';
import { getHeapStatistics } from 'node:v8';
import {
  MetricsRegistry,
  STATE_CHANGE_LOGGER,
  withinTime,
  type Clock,
  type FileSystem,
  type Logger,
  type LoggerFactory,
  type LoggerLevels,
  type Random,
  type Transport,
} from '../common/index.js';
import type { BrokerConfig } from '../config/index.js';
import { Controller } from '../controller/index.js';
import { GroupCoordinator } from '../coordinator/index.js';
import { LogManager, logManagerSettingsOf, writeMetaProperties } from '../log/index.js';
import { SocketServer, type Request } from '../network/index.js';
import { ReplicaManager } from '../replication/index.js';
import { allowAllAuthorizer, noQuotas } from '../security/index.js';
import { ZkStores, ZooKeeperClient, type BrokerRegistration, type ZkClient } from '../zookeeper/index.js';
import { ConfigAdmin } from './admin/config-admin.js';
import { TopicAdmin } from './admin/topic-admin.js';
import { API_HANDLERS, offeredApis } from './api-table.js';
import { AutoTopicCreation } from './auto-topic-creation.js';
import { BrokerListeners, connectionRateLimits, socketServerLimits } from './broker-listeners.js';
import { allLogDirsFailed, StoppedWhileStartingError } from './broker-errors.js';
import { quietly, STOP_LIMIT_MS, stopParts, type Parts } from './broker-parts.js';
import { ConfigChanges, withDynamicConfig } from './config-changes.js';
import { ControlOrder } from './control-order.js';
import { requestControlledShutdown } from './controlled-shutdown-request.js';
import { FinalizedFeatures } from './finalized-features.js';
import { resolveIdentity } from './identity.js';
import { internalTopicConfigs } from './internal-topics.js';
import { LargeRequests } from './large-requests.js';
import { localHostName } from './local-host-name.js';
import { MetadataCache } from './metadata-cache.js';
import { MetadataGate } from './metadata-gate.js';
import { OffsetsTopic } from './offsets-topic.js';
import { alterPartitionSender } from './ports/alter-partition.js';
import type { BrokerClientOptions } from './ports/broker-client.js';
import { ControlChannels } from './ports/control-channels.js';
import { ControllerConnection } from './ports/controller-channel.js';
import { groupLeadership } from './ports/group-leadership.js';
import { RemoteLeaderEndpoint } from './ports/leader-endpoint.js';
import { ReplicaPartitionWriter } from './ports/partition-writer.js';
import { ProducerIdManager, producerIdsFrom } from './producer-id-manager.js';
import { RequestDispatcher } from './request-dispatcher.js';
import type { BrokerServices } from './services.js';
import { TopicConfigs } from './topic-configs.js';

/** Everything a broker reaches the world by: real, or simulated for whole brokers in one process. */
export interface BrokerOptions {
  readonly config: BrokerConfig;
  readonly loggerFactory: LoggerFactory;
  /** For clients that look at and change levels (KIP-412); without it there are none to be seen. */
  readonly loggerLevels?: LoggerLevels;
  readonly clock: Clock;
  readonly random: Random;
  readonly fs: FileSystem;
  readonly transport: Transport;
  readonly metrics?: MetricsRegistry;
  /** Another session with ZooKeeper than one over `transport` to `zookeeper.connect`. */
  readonly zkClient?: ZkClient;
}

/** Of V8's heap, for the partitions of consumers' fetch sessions. As much again is for those of followers. */
const SESSIONS_SHARE_OF_HEAP = 0.125;
/** As much as that may be kept of what members of groups bring, before one that brings much is refused. */
const GROUP_MEMBERS_SHARE_OF_HEAP = 0.125;
/** What one of them takes, with its places in the session and among the watched. */
const SESSION_PARTITION_BYTES = 700;

/** The version in which brokers register since Kafka 2.7. */
const REGISTRATION_VERSION = 5;

type BrokerState =
  'NOT_RUNNING' | 'STARTING' | 'RECOVERY' | 'RUNNING' | 'PENDING_CONTROLLED_SHUTDOWN' | 'SHUTTING_DOWN';

/**
 * A broker: makes its parts, joins their ports to each other and to sockets, and starts and stops them in Kafka's order
 * (`KafkaServer`). Started once; ends with `shutdown`, or by itself with the error that `whenStopped` gives.
 */
export class Broker {
  private readonly logger: Logger;
  private readonly metrics: MetricsRegistry;
  private readonly stopped: Promise<Error | undefined>;
  private resolveStopped!: (error: Error | undefined) => void;
  private state: BrokerState = 'NOT_RUNNING';
  private config: BrokerConfig;
  private parts: Partial<Parts> = {};
  private shutdownPromise: Promise<void> | null = null;
  /** Resolves when `startParts` has ended, in whichever way. */
  private startEnded: Promise<void> = Promise.resolve();
  private stopPromise: Promise<void> | null = null;

  constructor(private readonly options: BrokerOptions) {
    this.config = options.config;
    this.logger = options.loggerFactory('server');
    this.metrics = options.metrics ?? new MetricsRegistry();
    this.stopped = new Promise((resolve) => (this.resolveStopped = resolve));
  }

  /** Known once started. */
  get brokerId(): number {
    return this.config.brokerId;
  }

  /** The port of a listener; undefined while it is not bound. */
  boundPort(listenerName = this.config.interBrokerListenerName): number | undefined {
    return this.parts.sockets?.boundPort(listenerName);
  }

  /** What tests and simulations look into. Undefined until started. */
  get services(): BrokerServices | undefined {
    return this.parts.services;
  }

  /** The log directories that it has found to fail, also while it starts. */
  get offlineLogDirs(): readonly string[] {
    return this.parts.logs?.offlineLogDirs ?? [];
  }

  /** It serves, and has not been told to stop. */
  get isRunning(): boolean {
    return this.state === 'RUNNING';
  }

  /** Resolves when the broker has stopped: with the error that it could not live with, or undefined after a shutdown. */
  whenStopped(): Promise<Error | undefined> {
    return this.stopped;
  }

  /** In the words of Kafka's log: whatever starts a broker in a container waits for this line. */
  private tellStarted(): void {
    this.options.loggerFactory('kafka.server.KafkaServer').info(`[KafkaServer id=${this.brokerId}] started`);
  }

  /**
   * Resolves when the broker serves and the first election of a controller is over. Rejects, with everything stopped again, when it cannot,
   * or is told to stop meanwhile.
   */
  async startup(): Promise<void> {
    if (this.isToldToStop) throw new StoppedWhileStartingError();
    this.state = 'STARTING';
    this.logger.info('starting');
    const starting = this.startParts();
    this.startEnded = starting.then(
      () => undefined,
      () => undefined,
    );
    try {
      const { elected } = await starting;
      if (this.isToldToStop) throw new StoppedWhileStartingError();
      // It serves from here on, and may be told to stop: as in Kafka, that does not wait for the election.
      this.state = 'RUNNING';
      await elected;
      if (!this.isToldToStop) this.tellStarted();
    } catch (error) {
      if (this.shutdownPromise !== null) {
        await this.shutdownPromise;
        throw new StoppedWhileStartingError({ cause: error });
      }
      this.logger.error('Fatal error during startup. Prepare to shutdown', { error });
      await this.stopParts(false);
      this.state = 'NOT_RUNNING';
      throw error;
    }
  }

  /**
   * Hands its leaders over (`controlled.shutdown.enable`), then stops everything. Resolves when all is closed; never rejects. A broker that is
   * still starting ends that at its next step: nothing that it makes lives on.
   */
  shutdown(): Promise<void> {
    this.shutdownPromise ??= this.stop().then(() => {
      this.state = 'NOT_RUNNING';
      this.logger.info('shut down completed');
      this.resolveStopped(undefined);
    });
    return this.shutdownPromise;
  }

  private get isToldToStop(): boolean {
    return this.shutdownPromise !== null;
  }

  private async stop(): Promise<void> {
    const isServing = this.state === 'RUNNING';
    if (this.state === 'STARTING' || this.state === 'RECOVERY') await this.endStart();
    await this.stopParts(isServing);
  }

  private async endStart(): Promise<void> {
    const { parts, startEnded } = this;
    this.logger.info('Told to stop while starting');
    parts.logs?.stopLoading();
    // Before there is a controller nothing but waits for ZooKeeper is under way there; a controller has things to write down.
    if (parts.controller) await withinTime(this.options.clock, STOP_LIMIT_MS, startEnded);
    await parts.zk?.close();
    await startEnded;
  }

  private async startParts(): Promise<{ readonly elected: Promise<void> }> {
    const { options, parts, logger, metrics } = this;
    const { loggerFactory, clock, random, fs, transport } = options;
    const now = (): BrokerConfig => this.config;
    /** Whoever told it to stop waits for what was begun, and then stops all that was made: nothing more may be. */
    const step = async <T>(begun: Promise<T>): Promise<T> => {
      const value = await begun;
      if (this.isToldToStop) throw new StoppedWhileStartingError();
      return value;
    };
    const logDirs = this.config.logDirs.map((dir) => resolvePath(dir));

    const zk = (parts.zk = options.zkClient ?? this.zooKeeperClient());
    logger.info(`Connecting to zookeeper on ${this.config.zooKeeper.connectText}`);
    await step(zk.connect());
    const stores = new ZkStores(zk, {
      clock,
      logger: loggerFactory('zookeeper'),
      secure: this.config.zooKeeper.secure,
    });
    await step(stores.cluster.createTopLevelPaths());

    const identity = await step(resolveIdentity(this.config, logDirs, stores.cluster, { fs, random, logger }));
    const { brokerId, clusterId } = identity;
    this.config = this.config.withBrokerId(brokerId);
    this.config = await step(withDynamicConfig(this.config, brokerId, stores, logger));

    this.state = 'RECOVERY';
    const topicConfigs = new TopicConfigs(this.config, stores.configs, logger);
    const logs = (parts.logs = new LogManager({
      ...logManagerSettingsOf(this.config, logDirs),
      initialOfflineDirs: identity.offlineDirs,
      fs,
      clock,
      random,
      logger: loggerFactory('log'),
      metrics,
      defaultConfig: topicConfigs.defaultConfig,
      onLogDirFailure: (dir) => this.onLogDirFailure(dir),
    }));
    await step(logs.startup((topics) => topicConfigs.loadAtStart(topics)));
    if (logs.liveLogDirs.length === 0) throw allLogDirsFailed();

    const metadata = new MetadataCache();
    const features = (parts.features = new FinalizedFeatures(stores, logger));
    // `KafkaConfig.isFeatureVersioningSupported`
    if (this.config.interBrokerProtocolAtLeast('2.7-IV0')) await step(features.start());

    const dispatch = { request: (request: Request): void => request.closeConnection('The broker is not ready') };
    const sockets = (parts.sockets = new SocketServer({
      transport,
      clock,
      logger: loggerFactory('network'),
      metrics,
      limits: socketServerLimits(now, loggerFactory('network')),
      rateLimits: connectionRateLimits(now),
      protectedListener: this.config.interBrokerListenerName,
      controlPlaneListener: this.config.controlPlaneListenerName,
      onRequest: (request) => dispatch.request(request),
      onFatalError: (error) => this.onFatalError(error),
      onFlushed: (chunks) => logs.reclaim(chunks),
    }));
    const listeners = new BrokerListeners(sockets, now, logger, () => localHostName(clock, logger));
    await step(listeners.bindAll());

    const clientOptions: BrokerClientOptions = {
      transport,
      clock,
      random,
      logger: loggerFactory('network'),
      config: this.config,
    };
    const controllerConnection = (parts.controllerConnection = new ControllerConnection(
      clientOptions,
      brokerId,
      metadata,
    ));
    const brokerEpoch = (): bigint => parts.controller?.brokerEpoch ?? -1n;
    const alterPartition = (parts.alterPartition = alterPartitionSender({
      stores,
      brokerId,
      brokerEpoch,
      clock,
      logger: loggerFactory('replication'),
      channel: controllerConnection,
      protocolAtLeast: (version) => this.config.interBrokerProtocolAtLeast(version),
    }));
    const heapBytes = getHeapStatistics().heap_size_limit;
    const replicas = (parts.replicas = new ReplicaManager({
      brokerId,
      config: this.config,
      clock,
      random,
      logger: loggerFactory,
      metrics,
      logManager: logs,
      topicConfig: (topic) => topicConfigs.configOf(topic),
      metadata,
      maxFetchSessionPartitions: Math.floor((heapBytes * SESSIONS_SHARE_OF_HEAP) / SESSION_PARTITION_BYTES),
      leaderEndpoints: (leaderId) => new RemoteLeaderEndpoint(leaderId, brokerId, metadata, clientOptions),
      alterPartition,
      brokerEpoch,
      onLogDirFailure: (dir) => this.onLogDirFailure(dir),
      ...groupLeadership(() => parts.groups),
      onFatal: (error) => this.onFatalError(error),
    }));
    replicas.startup();

    const registration = (): BrokerRegistration => ({
      broker: { id: brokerId, endPoints: listeners.advertisedEndPoints(), rack: this.config.rack },
      jmxPort: -1,
      timestampMs: clock.nowMs(),
      version: REGISTRATION_VERSION,
      features: new Map(),
    });
    const { epoch } = await step(stores.brokers.registerBroker(registration()));
    const unwritable = writeMetaProperties(fs, logs.liveLogDirs, { brokerId, clusterId }, clock.nowMs(), logger);
    for (const dir of unwritable) logs.handleLogDirFailure(dir);
    if (logs.liveLogDirs.length === 0) throw allLogDirsFailed();

    const controller = (parts.controller = new Controller({
      config: this.config,
      clock,
      random,
      logger: loggerFactory('controller'),
      stateChangeLogger: loggerFactory(STATE_CHANGE_LOGGER),
      metrics,
      stores,
      channelFactory: new ControlChannels(clientOptions, brokerId),
      brokerRegistration: registration,
      brokerEpoch: epoch,
      latestControllerEpoch: () => replicas.controllerEpoch,
      onFatalError: (error) => this.onFatalError(error),
    }));
    // A new controller of many partitions takes its time.
    const elected = controller.startup();
    elected.catch(() => undefined);

    const groups = (parts.groups = new GroupCoordinator({
      config: this.config,
      writer: new ReplicaPartitionWriter(replicas, clock, (error) => this.onFatalError(error)),
      clock,
      random,
      logger: loggerFactory('coordinator'),
      metrics,
      maxMemberBytes: heapBytes * GROUP_MEMBERS_SHARE_OF_HEAP,
    }));
    const offsetsTopic = (parts.offsetsTopic = new OffsetsTopic({
      topics: stores.topics,
      metadata,
      defaultPartitions: this.config.get('offsets.topic.num.partitions'),
      clock,
      logger,
      onPartitionCount: (count) => groups.setPartitionCount(count),
    }));
    await step(offsetsTopic.read());
    groups.startup();

    const topicAdmin = (parts.topicAdmin = new TopicAdmin({
      config: now,
      stores,
      view: metadata,
      clock,
      random,
      log: logger,
    }));
    const features_ = features;
    const services: BrokerServices = (parts.services = {
      brokerId,
      clusterId,
      get config() {
        return now();
      },
      clock,
      random,
      logger: loggerFactory('request'),
      stateChangeLogger: loggerFactory(STATE_CHANGE_LOGGER),
      metrics,
      metadata,
      replicas,
      largeRequests: LargeRequests.forHeap(clock, heapBytes),
      controlOrder: new ControlOrder(),
      logs,
      hasLogsOfItsCluster: identity.isOfCluster || [...logs.allLogs()].length === 0,
      topicConfigs,
      groups,
      controller,
      stores,
      autoTopicCreation: new AutoTopicCreation(
        now,
        topicAdmin,
        (topic) => internalTopicConfigs(topic, this.config),
        logger,
      ),
      producerIds: new ProducerIdManager(
        producerIdsFrom(
          (version) => this.config.interBrokerProtocolAtLeast(version),
          () => controllerConnection.allocateProducerIds(controller.brokerEpoch),
          () => stores.producerIds.nextBlock(brokerId),
        ),
        () => clock.monotonicMs(),
        logger,
      ),
      topicAdmin,
      configAdmin: new ConfigAdmin({
        config: now,
        stores,
        view: metadata,
        brokerId,
        clock,
        log: logger,
        ...(options.loggerLevels && { loggerLevels: options.loggerLevels }),
      }),
      authorizer: allowAllAuthorizer,
      quotas: noQuotas,
      get brokerEpoch() {
        return controller.brokerEpoch;
      },
      offeredApis: offeredApis(API_HANDLERS),
      get finalizedFeaturesEpoch() {
        return features_.epoch;
      },
      onFatalError: (error) => this.onFatalError(error),
    });

    const configChanges = (parts.configChanges = new ConfigChanges({
      brokerId,
      stores,
      topicConfigs,
      logs,
      replicas,
      controller,
      clock,
      logger,
      config: now,
      setConfig: (changed) => (this.config = changed),
      updateListeners: () => listeners.update(() => stores.brokers.updateBroker(registration())),
    }));
    await step(configChanges.start());

    const dispatcher = new RequestDispatcher(API_HANDLERS, services);
    const gate = (parts.gate = new MetadataGate({
      metadata,
      clock,
      logger,
      everLed: (topics) => stores.topics.everLed(topics),
      handOut: (request) => dispatcher.dispatch(request),
      handOutHeld: (request) => request.handOutHeld((held) => sockets.onRequest(held)),
    }));
    await step(gate.expectTopicsOf(stores));
    dispatch.request = (request) => gate.pass(request);
    sockets.enableProcessing();
    return { elected };
  }

  /** Done once, whoever asks first. */
  private stopParts(controlled: boolean): Promise<void> {
    return (this.stopPromise ??= this.stopEach(controlled));
  }

  private async stopEach(controlled: boolean): Promise<void> {
    const { parts, logger } = this;
    const { clock } = this.options;
    logger.info('shutting down');
    if (controlled && this.config.get('controlled.shutdown.enable')) {
      this.state = 'PENDING_CONTROLLED_SHUTDOWN';
      await quietly(logger, 'controlled shutdown', () => this.controlledShutdown());
    }
    this.state = 'SHUTTING_DOWN';
    await stopParts(parts, clock, logger);
    this.parts = {};
  }

  private async controlledShutdown(): Promise<void> {
    const { controller, services } = this.parts;
    if (!controller || !services) return;
    const { clock, random, transport } = this.options;
    await requestControlledShutdown(this.brokerId, () => controller.brokerEpoch, services.stores, {
      transport,
      clock,
      random,
      logger: this.logger,
      config: this.config,
    });
  }

  private zooKeeperClient(): ZkClient {
    const { clock, random, transport, loggerFactory } = this.options;
    const { connectText, sessionTimeoutMs, connectionTimeoutMs, maxInFlightRequests } = this.config.zooKeeper;
    return new ZooKeeperClient({
      connect: connectText,
      sessionTimeoutMs,
      connectionTimeoutMs,
      maxInFlightRequests,
      transport,
      clock,
      random,
      logger: loggerFactory('zookeeper'),
      metrics: this.metrics,
    });
  }

  /** A directory failed: its partitions go offline and the controller is told (KIP-112). The last one takes the broker with it. */
  private onLogDirFailure(dir: string): void {
    const { logs, replicas, services } = this.parts;
    if (!logs) return;
    if (logs.isLogDirOnline(dir)) {
      logs.handleLogDirFailure(dir);
      // The manager reports the failure back here.
      return;
    }
    replicas?.handleLogDirFailure(dir);
    if (logs.liveLogDirs.length === 0) {
      this.onFatalError(allLogDirsFailed());
      return;
    }
    services?.stores.notifications.propagateLogDirEvent(services.brokerId).catch((error: unknown) => {
      this.logger.error('Telling the controller of a failed log directory did not succeed', { dir, error });
    });
  }

  private onFatalError(error: unknown): void {
    this.logger.error('Fatal error, the broker stops', { error });
    this.resolveStopped(error instanceof Error ? error : new Error(String(error)));
  }
}
