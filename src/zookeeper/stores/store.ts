import { isZkError, ControllerMovedError, ZkError, ZnodeFormatError, type ZkErrorCode } from '../core/errors.js';
import {
  ANY_VERSION,
  type MultiOp,
  type MultiOptions,
  type MultiResult,
  type Stat,
  type ZkClient,
} from '../core/zk-client.js';
import { defaultAcl } from '../defaults.js';
import { controllerEpochZnode } from '../znodes/controller.js';

/** How one write of a batch went. `stat` is null after a deletion. */
export type WriteOutcome = { readonly ok: true; readonly stat: Stat | null } | ({ readonly ok: false } & Refused);

/** Why a write was refused; `detail` where the code does not say all. */
export interface Refused {
  readonly code: ZkErrorCode;
  readonly detail?: string;
}

/** A node as it was read. */
export interface Node {
  readonly data: Buffer | null;
  readonly stat: Stat;
}

/** One write of a batch: a `MultiOp` that is no check. */
export type Write = Exclude<MultiOp, { op: 'check' }>;

/**
 * What many nodes say. Of those that no one can read, as someone wrote them by hand, or that we may not read, it is told why: they cost what they
 * are about and nothing else, and are neither empty nor gone. Nodes that are missing are in neither.
 */
export interface NodesRead<K, V> {
  readonly found: Map<K, V>;
  readonly unreadable: Map<K, ZnodeFormatError>;
}

export interface StoreOptions {
  /** `zookeeper.set.acl`: new nodes may be changed by the brokers alone. */
  readonly secure?: boolean;
}

/** Refusals after which a write on the version that was read is decided upon again. */
const RETRIED: ReadonlySet<ZkErrorCode> = new Set(['BadVersion', 'NodeExists', 'NoNode', 'ConnectionLoss']);

/** What the typed stores share: reads that treat a missing node as null, and writes that only the controller may make. */
export class Store {
  constructor(
    protected readonly zk: ZkClient,
    protected readonly options: StoreOptions = {},
  ) {}

  /** Data and stat of a node, or null when it is missing. Arms the registered change handler of the path. */
  protected async read(path: string): Promise<Node | null> {
    try {
      return await this.zk.get(path);
    } catch (error) {
      if (isZkError(error, 'NoNode')) return null;
      throw error;
    }
  }

  /**
   * Reads many nodes at once, pipelined, and decodes each by itself; missing ones are left out. Order is kept. `nameOf` gives the keys of the answer.
   */
  protected async decodeAll<K, N, V>(
    keys: Iterable<K>,
    pathOf: (key: K) => string,
    nameOf: (key: K) => N,
    decode: (key: K, data: Buffer | null, stat: Stat) => V,
  ): Promise<NodesRead<N, V>> {
    const found = new Map<N, V>();
    const unreadable = new Map<N, ZnodeFormatError>();
    const read = async (key: K): Promise<{ key: K; node: Node | ZkError | null }> => {
      return { key, node: await this.readUnlessDenied(pathOf(key)) };
    };
    for (const { key, node } of await Promise.all([...keys].map(read))) {
      if (node === null) continue;
      try {
        if (node instanceof ZkError) throw new ZnodeFormatError(node.detail ?? node.code, { cause: node });
        found.set(nameOf(key), decode(key, node.data, node.stat));
      } catch (error) {
        if (!(error instanceof ZnodeFormatError)) throw error;
        unreadable.set(nameOf(key), new ZnodeFormatError(`${pathOf(key)}: ${error.message}`, { cause: error }));
      }
    }
    return { found, unreadable };
  }

  /** Gives the refusal of a node whose ACL does not let us read it. When it is written, or goes, is heard of all the same. */
  private async readUnlessDenied(path: string): Promise<Node | ZkError | null> {
    try {
      return await this.read(path);
    } catch (error) {
      if (!isZkError(error, 'NoAuth')) throw error;
      return (await this.zk.exists(path)) && error;
    }
  }

  /** Names of the children, none when the node is missing. Arms the registered child handler unless `registered` is false. */
  protected async childrenOf(path: string, registered = true): Promise<string[]> {
    try {
      return (await this.zk.children(path, undefined, { registered })).children;
    } catch (error) {
      if (isZkError(error, 'NoNode')) return [];
      throw error;
    }
  }

  /** Creates a persistent node, and its parents when they are missing (Kafka's `createRecursive`). Rejects with `NodeExists`. */
  protected async createRecursive(path: string, data: Buffer | null): Promise<Stat> {
    const acl = defaultAcl(this.options.secure ?? false, path);
    try {
      return (await this.zk.create(path, data, { acl })).stat;
    } catch (error) {
      if (!isZkError(error, 'NoNode')) throw error;
      await this.ensurePath(path.slice(0, path.lastIndexOf('/')));
      return (await this.zk.create(path, data, { acl })).stat;
    }
  }

  /** Kafka's `makeSurePersistentPathExists`. */
  protected async ensurePath(path: string): Promise<void> {
    try {
      await this.createRecursive(path, null);
    } catch (error) {
      if (!isZkError(error, 'NodeExists')) throw error;
    }
  }

  /**
   * Changes a node on the version that was read: who wrote it in between is not undone, as `change` is asked again with what stands there then
   * (null: no such node). What it gives, null for no change, is written by `write`, once (`MultiOptions`): another node that was made under the
   * path has the same versions. When the answer was lost with its connection, the node in that version with those bytes counts as written.
   */
  protected async changeNode(
    path: string,
    change: (node: Node | null) => Buffer | null | Promise<Buffer | null>,
    write: (write: Write) => Promise<WriteOutcome>,
  ): Promise<void> {
    let tried: { readonly data: Buffer; readonly version: number; readonly czxid: bigint | undefined } | null = null;
    let isTooLarge = false;
    for (;;) {
      const node = await this.read(path);
      const isTried =
        tried && node?.stat.version === tried.version && (tried.czxid ?? node.stat.czxid) === node.stat.czxid;
      if (isTried && node!.data?.equals(tried!.data) === true) return;
      const data = await change(node);
      if (data === null) return;
      // To decide may have taken long.
      if (node && (await this.zk.exists(path))?.czxid !== node.stat.czxid) continue;
      const outcome = await write(
        node ? { op: 'set', path, data, version: node.stat.version } : { op: 'create', path, data },
      ).catch(lostAnswer);
      if (outcome.ok) return;
      // The connection was lost, once: maybe not because of it.
      const isToRetry = outcome.code === 'BadArguments' ? !isTooLarge : RETRIED.has(outcome.code);
      if (!isToRetry) throw refused(outcome, path);
      isTooLarge = outcome.code === 'BadArguments';
      if (outcome.code === 'NoNode' && !node) await this.ensurePath(path.slice(0, path.lastIndexOf('/')));
      tried = { data, version: node ? node.stat.version + 1 : 0, czxid: node?.stat.czxid };
      // What was written may not have come to our member of the ensemble yet.
      await this.zk.sync(path);
    }
  }

  /**
   * Makes each write in a `multi` of its own, conditional on the version of `/controller_epoch`, all pipelined (Kafka's
   * `retryRequestsUntilConnected` with an expected version). With `ANY_VERSION` the writes are plain. Rejects with
   * `ControllerMovedError` when any was refused because another controller was elected, or someone has deleted that node; the writes
   * before it may have been made.
   */
  protected async writeAll(
    writes: readonly Write[],
    expectedControllerEpochZkVersion: number,
    options: MultiOptions = {},
  ): Promise<WriteOutcome[]> {
    const acl = (write: Write): Write =>
      write.op === 'create' && !write.acl
        ? { ...write, acl: defaultAcl(this.options.secure ?? false, write.path) }
        : write;
    if (expectedControllerEpochZkVersion === ANY_VERSION) {
      return Promise.all(
        writes.map((write) => this.zk.multi([acl(write)], options).then(([result]) => outcomeOf(result!))),
      );
    }
    const check = {
      op: 'check',
      path: controllerEpochZnode.path,
      version: expectedControllerEpochZkVersion,
    } as const;
    const results = await Promise.all(writes.map((write) => this.zk.multi([check, acl(write)], options)));
    return results.map(([checked, written]) => {
      if (checked!.ok || checked!.code === 'rolledBack') return outcomeOf(written!);
      if (checked!.code === 'BadVersion' || checked!.code === 'NoNode') {
        throw new ControllerMovedError(
          checked!.code === 'NoNode'
            ? `${check.path} was deleted`
            : `${check.path} is no longer at version ${check.version}: another controller was elected`,
        );
      }
      throw refused(checked as Refused, check.path);
    });
  }

  /** One write that is made once. `ConnectionLoss`: it may have been, and so with `BadArguments`, if it is large. */
  protected async writeOnce(write: Write, expectedControllerEpochZkVersion: number): Promise<WriteOutcome> {
    const writes = this.writeAll([write], expectedControllerEpochZkVersion, { once: true });
    return writes.then(([outcome]) => outcome!, lostAnswer);
  }

  /**
   * Deletes a node with all under it, children first. Missing nodes are fine. True when the node itself was there. The whole is not
   * atomic: what was made under it meanwhile makes the rest fail with `NotEmpty`.
   */
  protected async deleteRecursive(path: string, expectedControllerEpochZkVersion = ANY_VERSION): Promise<boolean> {
    const found = [path];
    for (let level = found; level.length > 0;) {
      const children = await Promise.all(
        level.map(async (parent) => (await this.childrenOf(parent, false)).map((name) => `${parent}/${name}`)),
      );
      level = children.flat();
      found.push(...level);
    }
    // Leaves were found last; the session is first in, first out, so all may be on their way at once.
    const paths = found.reverse();
    const outcomes = await this.writeAll(
      paths.map((it) => ({ op: 'delete', path: it, version: ANY_VERSION })),
      expectedControllerEpochZkVersion,
    );
    outcomes.forEach((outcome, index) => {
      ensureOk(outcome, paths[index]!, 'NoNode');
    });
    return outcomes[outcomes.length - 1]!.ok;
  }
}

/** Which part of a `multi` was refused, and why; null when all was done. */
export function refusalOf(results: readonly MultiResult[]): (Refused & { readonly at: number }) | null {
  for (const [at, result] of results.entries()) {
    // Those behind the first say RuntimeInconsistency.
    if (!result.ok && result.code !== 'rolledBack') return { ...result, code: result.code, at };
  }
  return null;
}

/** The refusal of a write as an error. */
export function refused({ code, detail }: Refused, path: string): ZkError {
  return new ZkError(code, path, detail);
}

function lostAnswer(error: unknown): WriteOutcome {
  if (isZkError(error, 'ConnectionLoss', 'BadArguments')) {
    return { ok: false, code: error.code, ...(error.detail !== undefined && { detail: error.detail }) };
  }
  throw error;
}

function outcomeOf(result: MultiResult): WriteOutcome {
  if (!result.ok) return { ...result, code: result.code === 'rolledBack' ? 'RuntimeInconsistency' : result.code };
  return { ok: true, stat: result.op === 'create' || result.op === 'set' ? result.stat : null };
}

/** What one of the nodes says; null when it is missing. Throws the reason when no one can read it. */
export function nodeOf<K, V>({ found, unreadable }: NodesRead<K, V>, key: K): V | null {
  const error = unreadable.get(key);
  if (error) throw error;
  return found.get(key) ?? null;
}

/** Throws the refusal of a write as a `ZkError`, unless its code is among `allowed`. */
export function ensureOk(outcome: WriteOutcome, path: string, ...allowed: ZkErrorCode[]): void {
  if (!outcome.ok && !allowed.includes(outcome.code)) throw refused(outcome, path);
}
