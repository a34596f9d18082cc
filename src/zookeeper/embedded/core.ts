import type { ZK_ERROR_CODES } from '../core/errors.js';
import {
  ANY_VERSION,
  OPEN_ACL_UNSAFE,
  PERMS,
  type Acl,
  type MultiOp,
  type Stat,
  type WatchEvent,
} from '../core/zk-client.js';
import { digestId, isAllowed, resolveAcl, type AuthId } from './access.js';
import { parentOf, ZNodeTree, type ZNode } from './tree.js';

export type ErrorName = keyof typeof ZK_ERROR_CODES;

export type CoreRequest =
  | MultiOp
  | { readonly op: 'get' | 'exists' | 'children'; readonly path: string; readonly watch: boolean }
  | { readonly op: 'getAcl' | 'sync'; readonly path: string }
  | { readonly op: 'setAcl'; readonly path: string; readonly acl: readonly Acl[]; readonly version: number }
  | { readonly op: 'multi'; readonly ops: readonly MultiOp[] }
  | { readonly op: 'auth'; readonly scheme: string; readonly auth: Buffer }
  | {
      readonly op: 'setWatches';
      readonly relativeZxid: bigint;
      readonly data: readonly string[];
      readonly exist: readonly string[];
      readonly child: readonly string[];
    };

/** The part of a `multi` that was done, or why it was not. */
export type CoreMultiResult =
  | { readonly op: 'create'; readonly path: string; readonly stat: Stat }
  | { readonly op: 'set'; readonly stat: Stat }
  | { readonly op: 'delete' | 'check' }
  | { readonly op: 'error'; readonly error: ErrorName | null };

export type CoreResponse =
  | { readonly op: 'error'; readonly error: ErrorName; readonly zxid: bigint }
  | { readonly op: 'get'; readonly zxid: bigint; readonly data: Buffer | null; readonly stat: Stat }
  | { readonly op: 'stat'; readonly zxid: bigint; readonly stat: Stat }
  | { readonly op: 'children'; readonly zxid: bigint; readonly children: string[]; readonly stat: Stat }
  | { readonly op: 'create'; readonly zxid: bigint; readonly path: string; readonly stat: Stat }
  | { readonly op: 'acl'; readonly zxid: bigint; readonly acl: readonly Acl[]; readonly stat: Stat }
  | { readonly op: 'multi'; readonly zxid: bigint; readonly results: CoreMultiResult[] }
  | { readonly op: 'done'; readonly zxid: bigint };

/** A watch that fired: to be sent to that session before the answer to anything later. */
export interface FiredWatch {
  readonly session: bigint;
  readonly event: WatchEvent;
}

export interface CoreOptions {
  readonly minSessionTimeoutMs: number;
  readonly maxSessionTimeoutMs: number;
}

interface SessionState {
  readonly id: bigint;
  readonly password: Buffer;
  timeoutMs: number;
  expiresAtMs: number;
  auths: AuthId[];
}

type WatchKind = 'data' | 'child';

/** Undoes one change of a `multi`. */
type Undo = () => void;

class Refusal extends Error {
  constructor(readonly error: ErrorName) {
    super(error);
  }
}

/** ZooKeeper's epoch lives in the upper half of a zxid. */
const FIRST_ZXID = 1n << 32n;

/**
 * What a ZooKeeper ensemble decides, as a synchronous state machine: the tree, sessions and their expiry, ephemeral and sequence nodes,
 * one-shot watches, conditional and multiple writes, ACLs. Time is what it is given. The embedded server puts it behind ZooKeeper's
 * wire protocol; a simulation may ask it directly.
 */
export class ZooKeeperCore {
  readonly tree = new ZNodeTree(OPEN_ACL_UNSAFE);
  private readonly sessions = new Map<bigint, SessionState>();
  private readonly watches: Record<WatchKind, Map<string, Set<bigint>>> = { data: new Map(), child: new Map() };
  private zxid = FIRST_ZXID;
  private fired: FiredWatch[] = [];

  constructor(readonly options: CoreOptions) {}

  get lastZxid(): bigint {
    return this.zxid;
  }

  /** Opens a session under the id and password given by the caller. */
  openSession(id: bigint, password: Buffer, timeoutMs: number, nowMs: number): { timeoutMs: number } {
    const granted = Math.min(Math.max(timeoutMs, this.options.minSessionTimeoutMs), this.options.maxSessionTimeoutMs);
    this.sessions.set(id, { id, password, timeoutMs: granted, expiresAtMs: nowMs + granted, auths: [] });
    this.zxid++;
    return { timeoutMs: granted };
  }

  /** Takes up a session on a new connection; null when it has expired or the password is wrong. Its watches are gone. */
  resumeSession(id: bigint, password: Buffer, timeoutMs: number, nowMs: number): { timeoutMs: number } | null {
    const session = this.sessions.get(id);
    if (!session || !session.password.equals(password)) return null;
    session.timeoutMs = Math.min(
      Math.max(timeoutMs, this.options.minSessionTimeoutMs),
      this.options.maxSessionTimeoutMs,
    );
    session.expiresAtMs = nowMs + session.timeoutMs;
    session.auths = [];
    this.dropWatches(id);
    return { timeoutMs: session.timeoutMs };
  }

  /** Hears from a session (a ping, or any request). False when it is over. */
  touch(id: bigint, nowMs: number): boolean {
    const session = this.sessions.get(id);
    if (session) session.expiresAtMs = nowMs + session.timeoutMs;
    return session !== undefined;
  }

  /** Forgets the watches of a connection that closed; the client sets them anew on its next one. */
  dropWatches(id: bigint): void {
    for (const paths of Object.values(this.watches)) {
      for (const [path, sessions] of paths) {
        if (sessions.delete(id) && sessions.size === 0) paths.delete(path);
      }
    }
  }

  /** Ends a session: its ephemeral nodes go. */
  closeSession(id: bigint): FiredWatch[] {
    if (!this.sessions.delete(id)) return [];
    this.dropWatches(id);
    this.zxid++;
    for (const path of this.tree.ephemeralsOf(id)) this.removeNode(path);
    return this.takeFired();
  }

  /** Ends the sessions that nobody has heard of for their time-out. */
  expire(nowMs: number): { expired: bigint[]; fired: FiredWatch[] } {
    const expired = [...this.sessions.values()].filter((it) => it.expiresAtMs <= nowMs).map(({ id }) => id);
    return { expired, fired: expired.flatMap((id) => this.closeSession(id)) };
  }

  /** When the next session expires if nothing is heard; Infinity without sessions. */
  nextExpiryMs(): number {
    let next = Infinity;
    for (const { expiresAtMs } of this.sessions.values()) next = Math.min(next, expiresAtMs);
    return next;
  }

  /**
   * Carries out one request of a session. Events fired by it concern other sessions and this one. `nowMs` is the time by which
   * sessions expire, `timestampMs` the time of day that goes into the nodes.
   */
  step(
    sessionId: bigint,
    request: CoreRequest,
    nowMs: number,
    timestampMs: number,
  ): { response: CoreResponse; fired: FiredWatch[] } {
    const session = this.sessions.get(sessionId);
    let response: CoreResponse;
    try {
      if (!session) throw new Refusal('SessionExpired');
      this.touch(sessionId, nowMs);
      response = this.handle(session, request, timestampMs);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      response = { op: 'error', error: error.error, zxid: this.zxid };
    }
    return { response, fired: this.takeFired() };
  }

  private handle(session: SessionState, request: CoreRequest, timestampMs: number): CoreResponse {
    switch (request.op) {
      case 'get': {
        const node = this.readable(request.path, session);
        if (request.watch) this.watch('data', request.path, session.id);
        return { op: 'get', zxid: this.zxid, data: node.data, stat: this.tree.statOf(node) };
      }
      case 'exists': {
        validatePath(request.path);
        if (request.watch) this.watch('data', request.path, session.id);
        const node = this.tree.get(request.path);
        if (!node) throw new Refusal('NoNode');
        return { op: 'stat', zxid: this.zxid, stat: this.tree.statOf(node) };
      }
      case 'children': {
        const node = this.readable(request.path, session);
        if (request.watch) this.watch('child', request.path, session.id);
        return { op: 'children', zxid: this.zxid, children: [...node.children], stat: this.tree.statOf(node) };
      }
      case 'getAcl': {
        const node = this.node(request.path);
        return { op: 'acl', zxid: this.zxid, acl: node.acl, stat: this.tree.statOf(node) };
      }
      case 'sync':
        validatePath(request.path);
        return { op: 'done', zxid: this.zxid };
      case 'auth':
        if (request.scheme !== 'digest') throw new Refusal('AuthFailed');
        session.auths.push(digestId(request.auth));
        return { op: 'done', zxid: this.zxid };
      case 'setWatches':
        this.setWatches(session.id, request);
        return { op: 'done', zxid: this.zxid };
      case 'setAcl':
        return this.setAcl(session, request.path, request.acl, request.version);
      case 'multi':
        return { op: 'multi', results: this.multi(session, request.ops, timestampMs), zxid: this.zxid };
      case 'check':
        // A check outside a multi is not a request of ZooKeeper's clients.
        throw new Refusal('Unimplemented');
      case 'create':
      case 'set':
      case 'delete': {
        this.zxid++;
        const result = this.write(session, request, timestampMs, []);
        const { zxid } = this;
        if (result.op === 'create') return { op: 'create', path: result.path, stat: result.stat, zxid };
        return result.op === 'set' ? { op: 'stat', stat: result.stat, zxid } : { op: 'done', zxid };
      }
    }
  }

  /** All parts under one zxid, or none: what was done is undone when one is refused. */
  private multi(session: SessionState, ops: readonly MultiOp[], timestampMs: number): CoreMultiResult[] {
    this.zxid++;
    const undo: Undo[] = [];
    const results: CoreMultiResult[] = [];
    for (const [index, op] of ops.entries()) {
      try {
        results.push(this.write(session, op, timestampMs, undo));
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
        for (const step of undo.reverse()) step();
        this.fired = [];
        return ops.map((_, at) => ({
          op: 'error',
          error: at < index ? null : at === index ? error.error : 'RuntimeInconsistency',
        }));
      }
    }
    return results;
  }

  private write(session: SessionState, op: MultiOp, timestampMs: number, undo: Undo[]): CoreMultiResult {
    // A sequence node may be all number: `/queue/` is made as `/queue/0000000000`.
    validatePath(op.op === 'create' && op.mode?.endsWith('_sequential') ? `${op.path}0` : op.path);
    switch (op.op) {
      case 'create':
        return this.create(session, op, timestampMs, undo);
      case 'set': {
        const node = this.node(op.path);
        this.permit(node, PERMS.WRITE, session);
        checkVersion(node.version, op.version);
        const { data, version, mzxid, mtime } = node;
        undo.push(() => Object.assign(node, { data, version, mzxid, mtime }));
        // A copy: the request's bytes are a view into a larger buffer of the connection.
        node.data = op.data && Buffer.from(op.data);
        node.version++;
        node.mzxid = this.zxid;
        node.mtime = timestampMs;
        this.fire('data', op.path, 'dataChanged');
        return { op: 'set', stat: this.tree.statOf(node) };
      }
      case 'delete': {
        if (op.path === '/') throw new Refusal('BadArguments');
        const node = this.node(op.path);
        const parent = this.tree.get(parentOf(op.path))!;
        this.permit(parent, PERMS.DELETE, session);
        checkVersion(node.version, op.version);
        if (node.children.size > 0) throw new Refusal('NotEmpty');
        const { pzxid } = parent;
        undo.push(() => this.tree.restore(op.path, node, pzxid));
        this.removeNode(op.path);
        return { op: 'delete' };
      }
      case 'check': {
        const node = this.node(op.path);
        this.permit(node, PERMS.READ, session);
        checkVersion(node.version, op.version);
        return { op: 'check' };
      }
    }
  }

  private create(
    session: SessionState,
    op: Extract<MultiOp, { op: 'create' }>,
    timestampMs: number,
    undo: Undo[],
  ): CoreMultiResult {
    const mode = op.mode ?? 'persistent';
    const acl = resolveAcl(op.acl ?? OPEN_ACL_UNSAFE, session.auths);
    if (!acl) throw new Refusal('InvalidAcl');
    const parentPath = parentOf(op.path);
    const parent = this.tree.get(parentPath);
    if (!parent) throw new Refusal('NoNode');
    this.permit(parent, PERMS.CREATE, session);
    const path = mode.endsWith('_sequential') ? op.path + String(parent.childrenCreated).padStart(10, '0') : op.path;
    if (this.tree.get(path)) throw new Refusal('NodeExists');
    if (parent.ephemeralOwner !== 0n) throw new Refusal('NoChildrenForEphemerals');
    const { childrenCreated, pzxid } = parent;
    const node = this.tree.add(path, {
      data: op.data && Buffer.from(op.data),
      acl,
      ephemeralOwner: mode.startsWith('ephemeral') ? session.id : 0n,
      zxid: this.zxid,
      nowMs: timestampMs,
    });
    undo.push(() => {
      this.tree.remove(path, pzxid);
      parent.childrenCreated = childrenCreated;
    });
    this.fire('data', path, 'created');
    this.fire('child', parentPath, 'childrenChanged');
    return { op: 'create', path, stat: this.tree.statOf(node) };
  }

  private setAcl(session: SessionState, path: string, acl: readonly Acl[], version: number): CoreResponse {
    this.zxid++;
    const node = this.node(path);
    this.permit(node, PERMS.ADMIN, session);
    checkVersion(node.aversion, version);
    const resolved = resolveAcl(acl, session.auths);
    if (!resolved) throw new Refusal('InvalidAcl');
    node.acl = resolved;
    node.aversion++;
    return { op: 'stat', zxid: this.zxid, stat: this.tree.statOf(node) };
  }

  private setWatches(session: bigint, request: Extract<CoreRequest, { op: 'setWatches' }>): void {
    const { relativeZxid } = request;
    const tell = (path: string, type: WatchEvent['type']): void => {
      this.fired.push({ session, event: { type, path } });
    };
    for (const path of request.data) {
      const node = this.tree.get(path);
      if (!node) tell(path, 'deleted');
      else if (node.mzxid > relativeZxid) tell(path, 'dataChanged');
      else this.watch('data', path, session);
    }
    for (const path of request.exist) {
      if (this.tree.get(path)) tell(path, 'created');
      else this.watch('data', path, session);
    }
    for (const path of request.child) {
      const node = this.tree.get(path);
      if (!node) tell(path, 'deleted');
      else if (node.pzxid > relativeZxid) tell(path, 'childrenChanged');
      else this.watch('child', path, session);
    }
  }

  private removeNode(path: string): void {
    this.tree.remove(path, this.zxid);
    // One event for a session that watches both the node and its children, as `DataTree.deleteNode` sends.
    const told = this.fire('data', path, 'deleted');
    this.fire('child', path, 'deleted', told);
    this.fire('child', parentOf(path), 'childrenChanged');
  }

  private watch(kind: WatchKind, path: string, session: bigint): void {
    const sessions = this.watches[kind].get(path);
    if (sessions) sessions.add(session);
    else this.watches[kind].set(path, new Set([session]));
  }

  private fire(
    kind: WatchKind,
    path: string,
    type: WatchEvent['type'],
    except?: ReadonlySet<bigint>,
  ): ReadonlySet<bigint> {
    const sessions = this.watches[kind].get(path);
    if (!sessions) return new Set();
    // A refused multi must not use watches up: they are taken when the events are.
    for (const session of sessions) {
      if (!except?.has(session)) this.fired.push({ session, event: { type, path } });
    }
    return sessions;
  }

  private takeFired(): FiredWatch[] {
    const { fired } = this;
    this.fired = [];
    const told = new Set<string>();
    return fired.filter(({ session, event }) => {
      const kinds: WatchKind[] =
        event.type === 'childrenChanged' ? ['child'] : event.type === 'deleted' ? ['data', 'child'] : ['data'];
      for (const kind of kinds) {
        const sessions = this.watches[kind].get(event.path);
        if (sessions?.delete(session) && sessions.size === 0) this.watches[kind].delete(event.path);
      }
      // Watches are one-shot: a second change of the same step finds none.
      const key = `${session} ${event.type === 'childrenChanged'} ${event.path}`;
      if (told.has(key)) return false;
      told.add(key);
      return true;
    });
  }

  private node(path: string): ZNode {
    validatePath(path);
    const node = this.tree.get(path);
    if (!node) throw new Refusal('NoNode');
    return node;
  }

  private readable(path: string, session: SessionState): ZNode {
    const node = this.node(path);
    this.permit(node, PERMS.READ, session);
    return node;
  }

  private permit(node: ZNode, perms: number, { auths }: SessionState): void {
    if (!isAllowed(node.acl, perms, auths)) throw new Refusal('NoAuth');
  }
}

function checkVersion(actual: number, expected: number): void {
  if (expected !== ANY_VERSION && expected !== actual) throw new Refusal('BadVersion');
}

function validatePath(path: string): void {
  if (!path.startsWith('/') || (path.length > 1 && path.endsWith('/')) || path.includes('//') || path.includes('\0')) {
    throw new Refusal('BadArguments');
  }
}
