import type { Clock } from '../../common/index.js';
import { isZkError, ControllerMovedError, ZkError } from '../errors.js';
import { defaultAcl } from '../defaults.js';
import { ANY_VERSION, type ZkClient } from '../zk-client.js';
import { controllerEpochZnode, controllerZnode, type ControllerRegistration } from '../znodes/controller.js';
import { ensureOk, Store, type StoreOptions } from './store.js';

/** The epoch before the first election. */
const INITIAL_CONTROLLER_EPOCH = 0;

/** The epoch of a controller, and the version of `/controller_epoch` on which all its writes are conditional. */
export interface ControllerEpoch {
  readonly epoch: number;
  readonly zkVersion: number;
}

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

  /**
   * Makes this broker the controller and raises the epoch, both or neither. Rejects with `ControllerMovedError` when another broker
   * was faster. When the answer to a successful try was lost with the connection, the node's owner and epoch tell that it was ours.
   */
  async registerControllerAndIncrementControllerEpoch(controllerId: number): Promise<ControllerEpoch> {
    const current = (await this.controllerEpoch()) ?? (await this.createControllerEpoch());
    const epoch = current.epoch + 1;
    const { path } = controllerZnode;
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
    const codes = results.flatMap((result) => (result.ok ? [] : [result.code]));
    if (codes.includes('NodeExists') || codes.includes('BadVersion')) return this.checkElected(controllerId, epoch);
    throw new ZkError(codes.find((code) => code !== 'rolledBack') ?? 'SystemError', path);
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

  private async createControllerEpoch(): Promise<ControllerEpoch> {
    const { path } = controllerEpochZnode;
    try {
      await this.zk.create(path, controllerEpochZnode.encode(INITIAL_CONTROLLER_EPOCH), {
        acl: defaultAcl(this.options.secure ?? false, path),
      });
      return { epoch: INITIAL_CONTROLLER_EPOCH, zkVersion: 0 };
    } catch (error) {
      if (!isZkError(error, 'NodeExists')) throw error;
      const existing = await this.controllerEpoch();
      if (!existing) throw new ZkError('NoNode', path, 'deleted while it was being read');
      return existing;
    }
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
