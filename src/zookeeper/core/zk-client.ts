import type { ZkErrorCode } from './errors.js';

/** `org.apache.zookeeper.data.Stat`. Times in ms since 1970. */
export interface Stat {
  readonly czxid: bigint;
  readonly mzxid: bigint;
  readonly ctime: number;
  readonly mtime: number;
  /** How often the data was set. */
  readonly version: number;
  /** How often the children changed. */
  readonly cversion: number;
  readonly aversion: number;
  /** The session that owns an ephemeral node, 0n for a persistent one. */
  readonly ephemeralOwner: bigint;
  readonly dataLength: number;
  readonly numChildren: number;
  readonly pzxid: bigint;
}

/** Matches any version in a conditional write. */
export const ANY_VERSION = -1;

/** Bits of `Acl.perms`. */
export const PERMS = { READ: 1, WRITE: 2, CREATE: 4, DELETE: 8, ADMIN: 16, ALL: 31 } as const;

export interface Acl {
  readonly perms: number;
  readonly scheme: string;
  readonly id: string;
}

/** `ZooDefs.Ids`: everybody may do everything. */
export const OPEN_ACL_UNSAFE: readonly Acl[] = [{ perms: PERMS.ALL, scheme: 'world', id: 'anyone' }];
/** `ZooDefs.Ids`: whoever is authenticated on this connection may do everything. */
export const CREATOR_ALL_ACL: readonly Acl[] = [{ perms: PERMS.ALL, scheme: 'auth', id: '' }];
/** `ZooDefs.Ids`: everybody may read. */
export const READ_ACL_UNSAFE: readonly Acl[] = [{ perms: PERMS.READ, scheme: 'world', id: 'anyone' }];

export type CreateMode = 'persistent' | 'ephemeral' | 'persistent_sequential' | 'ephemeral_sequential';

export interface CreateOptions {
  /** `persistent` unless told. */
  readonly mode?: CreateMode;
  /** `OPEN_ACL_UNSAFE` unless told. */
  readonly acl?: readonly Acl[];
}

export type WatchEventType = 'created' | 'deleted' | 'dataChanged' | 'childrenChanged';

export interface WatchEvent {
  readonly type: WatchEventType;
  /** Without the chroot. */
  readonly path: string;
}

/** Called once, when what was read changes. Not called for a session that ended: see `StateChangeHandler`. */
export type Watcher = (event: WatchEvent) => void;

/** One part of a `multi`. Data null leaves the node without data, as Kafka does for nodes that only have children. */
export type MultiOp =
  | {
      readonly op: 'create';
      readonly path: string;
      readonly data: Buffer | null;
      readonly mode?: CreateMode;
      readonly acl?: readonly Acl[];
    }
  | { readonly op: 'set'; readonly path: string; readonly data: Buffer | null; readonly version: number }
  | { readonly op: 'delete'; readonly path: string; readonly version: number }
  | { readonly op: 'check'; readonly path: string; readonly version: number };

/**
 * The result of one part of a `multi`. Either all are `ok`, or none was done: then the part that failed carries its code, those
 * before it `rolledBack`, and those after it `RuntimeInconsistency` as ZooKeeper says it.
 */
export type MultiResult =
  | { readonly ok: true; readonly op: 'create'; readonly path: string; readonly stat: Stat | null }
  | { readonly ok: true; readonly op: 'set'; readonly stat: Stat }
  | { readonly ok: true; readonly op: 'delete' | 'check' }
  | { readonly ok: false; readonly code: ZkErrorCode | 'rolledBack'; readonly detail?: string };

export interface MultiOptions {
  /**
   * It is made on the connection of now or not at all, and not sent again: rejects with `ConnectionLoss` when that is lost, and whoever asked has
   * to look. For what is conditional on a version that was read: another node under the same path comes to the same versions.
   */
  readonly once?: boolean;
}

export type ZkState = 'closed' | 'connecting' | 'connected' | 'disconnected' | 'expired' | 'authFailed';

/**
 * What `onStateChange` listeners hear. `reconnectedWithNewSession` follows `expired`, after the handlers' `beforeInitializingSession`
 * and before their `afterInitializingSession`. `closed`: watches that were set fire no more.
 */
export type ZkStateChange =
  'connected' | 'disconnected' | 'expired' | 'reconnectedWithNewSession' | 'authFailed' | 'closed';

/** Kafka's `ZNodeChangeHandler`. Armed by the next `get` or `exists` of its path; each firing disarms it until the next read. */
export interface ZNodeChangeHandler {
  readonly path: string;
  handleCreation?(): void;
  handleDeletion?(): void;
  handleDataChange?(): void;
}

/** Kafka's `ZNodeChildChangeHandler`. Armed by the next `children` of its path; each firing disarms it until the next read. */
export interface ZNodeChildChangeHandler {
  readonly path: string;
  handleChildChange(): void;
}

/**
 * Kafka's `StateChangeHandler`. Before a new session is opened `beforeInitializingSession` of every handler runs and is awaited (the
 * controller resigns there); once it is open `afterInitializingSession` runs (the broker registers anew).
 */
export interface StateChangeHandler {
  readonly name: string;
  beforeInitializingSession?(): void | Promise<void>;
  afterInitializingSession?(): void;
  onAuthFailure?(): void;
}

/**
 * A session with a ZooKeeper ensemble. Paths are without the chroot. Operations issued without waiting are pipelined and take effect in
 * the order they were issued. While there is no connection they wait for one (Kafka's `retryRequestsUntilConnected`); what was sent
 * when the connection broke is sent again, so a write may be refused for what its own first try did: `create` of an ephemeral node by
 * this very session counts as done, other writes report what ZooKeeper says. They reject with a `ZkError`: ZooKeeper's refusals,
 * `SessionExpired` when the session ended first, `OperationTimeout` when there is an `operationTimeoutMs` and it passed, `Closed` after `close`.
 */
export interface ZkClient {
  /** Opens the first session; rejects with `OperationTimeout` when none could be had within the connection time-out. Makes the chroot if missing. */
  connect(): Promise<void>;
  /** Ends the session, so that its ephemeral nodes go at once. Resolves also when the servers cannot be reached. */
  close(): Promise<void>;
  /** 0n before the first session. */
  readonly sessionId: bigint;
  /** As negotiated with the server. */
  readonly sessionTimeoutMs: number;
  readonly state: ZkState;

  get(path: string, watch?: Watcher): Promise<{ data: Buffer | null; stat: Stat }>;
  /** Null when there is no such node; a watch then waits for its creation. */
  exists(path: string, watch?: Watcher): Promise<Stat | null>;
  /** `registered: false` leaves the registered child handler unarmed (Kafka's `registerWatch`). */
  children(
    path: string,
    watch?: Watcher,
    options?: { registered?: boolean },
  ): Promise<{ children: string[]; stat: Stat }>;
  /**
   * `path` of the answer carries the sequence number; `stat` is null only from a server that does not know create2. What is sent again
   * because the connection broke may be refused as `NodeExists` for the node that its first try made. An ephemeral node tells by its owner
   * whose it is, and counts as created then; of a persistent one the caller must look whether it is what he wanted, as with every client
   * of ZooKeeper.
   */
  create(path: string, data: Buffer | null, options?: CreateOptions): Promise<{ path: string; stat: Stat }>;
  set(path: string, data: Buffer | null, version: number): Promise<Stat>;
  delete(path: string, version: number): Promise<void>;
  /** All or nothing. Resolves with the refusals too; rejects only when no answer was had. */
  multi(ops: readonly MultiOp[], options?: MultiOptions): Promise<MultiResult[]>;
  getAcl(path: string): Promise<{ acl: Acl[]; stat: Stat }>;
  setAcl(path: string, acl: readonly Acl[], aclVersion: number): Promise<Stat>;
  /** Waits until the server has caught up with the leader. */
  sync(path: string): Promise<void>;
  /** Makes a persistent node without data, and its parents; existing ones are fine. */
  ensurePath(path: string, acl?: readonly Acl[]): Promise<void>;
  /** Adds credentials to the session, now and after each reconnection (`digest`: `user:password`). */
  addAuth(scheme: string, auth: Buffer): void;

  /** Listens to the session; returns how to stop. */
  onStateChange(listener: (change: ZkStateChange) => void): () => void;
  registerStateChangeHandler(handler: StateChangeHandler): void;
  unregisterStateChangeHandler(name: string): void;
  /** Local only: reads of the path set the watch. `get` of a missing node sets none, `exists` does. */
  registerZNodeChangeHandler(handler: ZNodeChangeHandler): void;
  unregisterZNodeChangeHandler(path: string): void;
  registerZNodeChildChangeHandler(handler: ZNodeChildChangeHandler): void;
  unregisterZNodeChildChangeHandler(path: string): void;
  /** Registers, and sets the watch with `exists`; true when the node is there. */
  registerZNodeChangeHandlerAndCheckExistence(handler: ZNodeChangeHandler): Promise<boolean>;
}
