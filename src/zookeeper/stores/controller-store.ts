import type { Clock } from '../../common/index.js';
import { isZkError, ControllerMovedError, ZnodeFormatError } from '../core/errors.js';
import { defaultAcl } from '../defaults.js';
import { ANY_VERSION, type ZkClient } from '../core/zk-client.js';
import { controllerEpochZnode, controllerZnode, type ControllerRegistration } from '../znodes/controller.js';
import { ensureOk, refusalOf, refused, Store, type StoreOptions } from './store.js';

/** The epoch before the first election. */
const INITIAL_CONTROLLER_EPOCH = 0;

/** The epoch of a controller, and the version of `/controller_epoch` on which all its writes are conditional. */
export interface ControllerEpoch {
  readonly epoch: number;
  readonly zkVersion: number;
}

/** What is known of the controllers before, without `/controller_epoch`: brokers refuse a controller whose epoch is lower than one they know. */
export interface FormerEpochs {
  /** The highest that this broker has been told, or had itself. */
  readonly known: number;
  /** The highest that stands in ZooKeeper elsewhere: asked for when the node is missing, or no one can read it. */
  latest(): Promise<number>;
}

const NO_FORMER_EPOCHS: FormerEpochs = {
  known: INITIAL_CONTROLLER_EPOCH,
  latest: async () => INITIAL_CONTROLLER_EPOCH,
};

/** Who is the controller, and in which epoch. */
export class ControllerStore extends Store {
  constructor(
    zk: ZkClient,
    private readonly clock: Clock,
    options: StoreOptions = {},
  ) {
    super(zk, options);
  }

  /** Null while there is none. Arms the change handler of `/controller`. */
  async controller(): Promise<ControllerRegistration | null> {
    const node = await this.read(controllerZnode.path);
    return node && controllerZnode.decode(node.data);
  }

  async controllerId(): Promise<number | null> {
    return (await this.controller())?.brokerId ?? null;
  }

  /** As of now. Null before the first election. */
  async controllerEpoch(): Promise<ControllerEpoch | null> {
    const { path } = controllerEpochZnode;
    const [, node] = await Promise.all([this.zk.sync(path), this.read(path)]);
    return node && { epoch: controllerEpochZnode.decode(node.data), zkVersion: node.stat.version };
  }

  /** The version of `/controller_epoch` as of now, whatever the node holds; null when it is missing. */
  async controllerEpochZkVersion(): Promise<number | null> {
    const { path } = controllerEpochZnode;
    const [, node] = await Promise.all([this.zk.sync(path), this.read(path)]);
    return node && node.stat.version;
  }

  /**
   * Makes this broker the controller and raises the epoch, both or neither. Rejects with `ControllerMovedError` when another broker
   * was faster. When the answer to a successful try was lost with the connection, the node's owner and epoch tell that it was ours.
   */
  async registerControllerAndIncrementControllerEpoch(
    controllerId: number,
    former: FormerEpochs = NO_FORMER_EPOCHS,
  ): Promise<ControllerEpoch> {
    const { path } = controllerZnode;
    for (;;) {
      const current = await this.ensureControllerEpoch(former);
      const epoch = current.epoch + 1;
      const results = await this.zk.multi([
        {
          op: 'create',
          path,
          data: controllerZnode.encode(controllerId, this.clock.nowMs()),
          mode: 'ephemeral',
          acl: defaultAcl(this.options.secure ?? false, path),
        },
        {
          op: 'set',
          path: controllerEpochZnode.path,
          data: controllerEpochZnode.encode(epoch),
          version: current.zkVersion,
        },
      ]);
      const [created, raised] = results;
      if (created!.ok && raised!.ok && raised!.op === 'set') return { epoch, zkVersion: raised!.stat.version };
      const refusal = refusalOf(results)!;
      const { at, code } = refusal;
      // Someone has deleted the epoch since.
      if (at === 1 && code === 'NoNode') continue;
      if (code === 'NodeExists' || code === 'BadVersion') return this.checkElected(controllerId, epoch);
      throw refused(refusal, at === 0 ? path : controllerEpochZnode.path);
    }
  }

  /**
   * The epoch that an election raises, and the version of its node, which is made when it is missing. (Kafka begins with 0 then, in a cluster
   * whose brokers know higher ones, and takes a number as it is that someone has written there.)
   */
  async ensureControllerEpoch({ known, latest }: FormerEpochs): Promise<ControllerEpoch> {
    const { path } = controllerEpochZnode;
    for (;;) {
      const [, node] = await Promise.all([this.zk.sync(path), this.read(path)]);
      const stands = node && epochOf(node.data);
      const epoch = Math.max(stands ?? (await latest()), known);
      if (node) return { epoch, zkVersion: node.stat.version };
      try {
        const acl = defaultAcl(this.options.secure ?? false, path);
        await this.zk.create(path, controllerEpochZnode.encode(epoch), { acl });
        return { epoch, zkVersion: 0 };
      } catch (error) {
        if (!isZkError(error, 'NodeExists')) throw error;
      }
    }
  }

  /** Removes `/controller`, so that a new election is held. */
  async deleteController(expectedControllerEpochZkVersion: number): Promise<void> {
    const { path } = controllerZnode;
    const [outcome] = await this.writeAll(
      [{ op: 'delete', path, version: ANY_VERSION }],
      expectedControllerEpochZkVersion,
    );
    ensureOk(outcome!, path, 'NoNode');
  }

  private async checkElected(controllerId: number, epoch: number): Promise<ControllerEpoch> {
    const holder = await this.controllerId();
    if (holder === null) throw new ControllerMovedError('/controller went away during the election');
    if (holder === controllerId) {
      const current = await this.controllerEpoch();
      // Any other round of election would have raised the epoch further.
      if (current?.epoch === epoch) return current;
    }
    throw new ControllerMovedError(`broker ${holder} became the controller`);
  }
}

/** Null when no one can read it. */
function epochOf(data: Buffer | null): number | null {
  try {
    return controllerEpochZnode.decode(data);
  } catch (error) {
    if (!(error instanceof ZnodeFormatError)) throw error;
    return null;
  }
}
