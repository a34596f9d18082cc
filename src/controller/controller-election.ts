import type { Clock, Logger } from '../common/index.js';
import { ControllerMovedError, isZkError, type FormerEpochs, type ZkStores } from '../zookeeper/index.js';
import type { ControllerOptions } from './controller-options.js';
import type { ControllerContext } from './core/controller-context.js';
import type { RequestBatch } from './core/request-batch.js';
import { RETRY_DELAY_MS, type FailureBackOff } from './failure-back-off.js';
import { formerEpochs } from './former-epochs.js';
import { endsTerm } from './partition-store.js';
import { told, type ControllerEvent } from './runtime.js';
import type { ControllerWatches } from './watches.js';

/** Nobody is the controller, as far as known. */
const NO_CONTROLLER = -1;
/** What failed in it is not over when the event in which it was held is. */
const ELECTION = 'Election';

/** What an election works with, and what it has its controller do. */
export interface ElectionPorts {
  readonly brokerId: number;
  readonly clock: Clock;
  readonly log: Logger;
  readonly stores: ZkStores;
  readonly context: ControllerContext;
  readonly watches: ControllerWatches;
  readonly batch: RequestBatch;
  readonly backOff: FailureBackOff;
  put(event: ControllerEvent): void;
  putLater(event: ControllerEvent, delayMs: number): void;
  /** This broker has been elected: reads the cluster and tells it. */
  beginTerm(): Promise<void>;
  /** Ends the term in memory, if there is one: no watches, no requests, nothing remembered. */
  endTerm(): void;
}

type ElectionOptions = Pick<
  ControllerOptions,
  'brokerEpoch' | 'brokerRegistration' | 'latestControllerEpoch' | 'onFatalError'
>;

/**
 * Who is the controller: brokers race for `/controller`, and who wins raises `/controller_epoch` (the events of Kafka's `KafkaController` whose
 * state is ControllerChange). All that happens here happens in events of the controller's queue.
 */
export class ControllerElection {
  private activeController = NO_CONTROLLER;
  private registeredEpoch: bigint;
  /** By `clock.monotonicMs`. */
  private electableAtMs = -Infinity;
  /** The highest epoch of this broker's own terms. */
  private latestTerm = 0;

  constructor(
    private readonly ports: ElectionPorts,
    private readonly options: ElectionOptions,
  ) {
    this.registeredEpoch = options.brokerEpoch;
  }

  /** True while this broker is the controller, as far as it knows: a write may yet tell otherwise. */
  get isActive(): boolean {
    return this.activeController === this.ports.brokerId && this.ports.context.epoch !== 0;
  }

  /** The controller that this broker knows of; -1 when it knows of none. */
  get activeControllerId(): number {
    return this.activeController;
  }

  /** The epoch of this broker's registration now. */
  get brokerEpoch(): bigint {
    return this.registeredEpoch;
  }

  readonly startup: ControllerEvent = {
    name: 'Startup',
    state: 'ControllerChange',
    process: async () => {
      await this.watch();
      await this.elect();
    },
  };

  readonly registerBrokerAndReelect: ControllerEvent = {
    name: 'RegisterBrokerAndReelect',
    state: 'ControllerChange',
    process: async () => {
      try {
        const { epoch } = await this.ports.stores.brokers.registerBroker(this.options.brokerRegistration());
        this.registeredEpoch = epoch;
      } catch (error) {
        if (isZkError(error, 'NodeExists')) this.options.onFatalError?.(error);
        throw error;
      }
      await this.maybeResign();
      await this.elect();
    },
  };

  private readonly controllerChange: ControllerEvent = {
    name: 'ControllerChange',
    state: 'ControllerChange',
    process: async () => {
      await this.maybeResign();
      // It has gone before there was a watch.
      if (this.isVacant) return this.ports.put(this.reelect);
      // Nobody took over, and what we write is refused: someone has written the epoch by hand, or deleted it.
      const stands = this.isActive ? await this.ports.stores.controller.controllerEpochZkVersion() : null;
      if (this.isActive && stands !== this.ports.context.epochZkVersion) this.ports.put(this.startAnew);
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
      await this.watch();
      if (this.ports.context.epoch !== 0) await this.triggerControllerMove();
      await this.elect();
    },
  };

  /** An error ended the term in an event: has the one come that looks who is the controller. */
  onTermEnded(event: ControllerEvent, error: unknown): void {
    // A session that is gone is followed by the session's own events.
    if (isZkError(error, 'SessionExpired', 'Closed')) return;
    // ZooKeeper did not answer: what was read and written is unknown, so a new term begins by reading everything, once this broker is registered.
    const anew = event === this.registerBrokerAndReelect ? event : this.startAnew;
    const next = error instanceof ControllerMovedError ? this.controllerChange : anew;
    if (event.name !== next.name) this.ports.put(next);
    else this.ports.putLater(next, RETRY_DELAY_MS);
  }

  /** This broker takes no part as long as it has no session, or for good. */
  leave(): void {
    this.activeController = NO_CONTROLLER;
    this.ports.endTerm();
  }

  private watch(): Promise<boolean> {
    return this.ports.watches.registerControllerChange(this.controllerChange, this.reelect);
  }

  private async elect(): Promise<void> {
    const { stores, context, clock, log, brokerId } = this.ports;
    const waitMs = this.electableAtMs - clock.monotonicMs();
    if (waitMs > 0) return this.ports.putLater(this.reelect, waitMs);
    await this.look();
    // Somebody was elected meanwhile, maybe this broker by an earlier event.
    if (!this.isVacant) {
      log.debug('A broker has been elected as the controller', { controller: this.activeController });
      return;
    }
    try {
      // Our name without a term: the answer to an earlier election was lost. What happened since was not ours to see.
      if (this.activeController === brokerId) await this.giveUpController();
      const { epoch, zkVersion } = await stores.controller.registerControllerAndIncrementControllerEpoch(
        brokerId,
        this.formerEpochs(),
      );
      this.latestTerm = epoch;
      context.epoch = epoch;
      context.epochZkVersion = zkVersion;
      this.activeController = brokerId;
      log.info('Elected as the controller', { epoch, epochZkVersion: zkVersion });
      await this.ports.beginTerm();
      this.ports.backOff.onSuccess(ELECTION);
    } catch (error) {
      await this.onElectionFailed(error);
    }
  }

  private async onElectionFailed(error: unknown): Promise<void> {
    const { clock, log, backOff } = this.ports;
    if (error instanceof ControllerMovedError) {
      this.ports.batch.clear();
      await this.maybeResign();
      log.debug('Another broker was elected as the controller', { controller: this.activeController, error });
    } else if (endsTerm(error)) {
      throw error;
    } else {
      // Others may take over at once. Alone we would fail again and again on what we have just failed on.
      const retryMs = backOff.onFailure(ELECTION);
      this.electableAtMs = clock.monotonicMs() + retryMs;
      log.error('Error while electing or becoming controller, triggering controller movement', {
        ...told(error),
        retryMs,
      });
      if (this.ports.context.epoch !== 0) await this.triggerControllerMove();
    }
    if (this.isVacant) this.ports.put(this.reelect);
  }

  /** No one is the controller, or this broker by name only: as far as known there has to be an election. */
  private get isVacant(): boolean {
    const { activeController } = this;
    return activeController === NO_CONTROLLER || (activeController === this.ports.brokerId && !this.isActive);
  }

  private async look(): Promise<void> {
    this.activeController = (await this.ports.stores.controller.controllerId()) ?? NO_CONTROLLER;
  }

  private async giveUpController(): Promise<void> {
    const { controller } = this.ports.stores;
    const { zkVersion } = await controller.ensureControllerEpoch(this.formerEpochs());
    // Read behind the epoch, which is that of now: before, our member of the ensemble may not have heard who was elected in our place. Whoever
    // is elected from here on raises the epoch.
    await this.look();
    if (this.activeController !== this.ports.brokerId) return;
    await controller.deleteController(zkVersion);
    this.activeController = NO_CONTROLLER;
  }

  private formerEpochs(): FormerEpochs {
    const commanded = this.options.latestControllerEpoch?.() ?? 0;
    return formerEpochs(this.ports.stores, Math.max(this.latestTerm, commanded));
  }

  /** Gives the lead to another broker, since this one cannot do the work. */
  private async triggerControllerMove(): Promise<void> {
    const { stores, context, log } = this.ports;
    await this.look();
    if (!this.isActive) {
      this.ports.endTerm();
      log.warn('Controller has already moved when trying to trigger controller movement');
      return;
    }
    const { epochZkVersion } = context;
    this.leave();
    try {
      await stores.controller.deleteController(epochZkVersion);
    } catch (error) {
      if (!(error instanceof ControllerMovedError)) throw error;
      log.warn('Controller has already moved when trying to trigger controller movement');
    }
  }

  /** Looks who is the controller, waits for the next change, and resigns if it was this broker and is no longer. */
  private async maybeResign(): Promise<void> {
    const wasActive = this.ports.context.epoch !== 0;
    await this.watch();
    await this.look();
    if (wasActive && !this.isActive) this.ports.endTerm();
  }
}
