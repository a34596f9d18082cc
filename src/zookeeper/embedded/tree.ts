import type { Acl, Stat } from '../core/zk-client.js';

/** One node of the embedded server's tree. */
export interface ZNode {
  data: Buffer | null;
  acl: readonly Acl[];
  readonly children: Set<string>;
  readonly czxid: bigint;
  readonly ctime: number;
  /** Owning session, 0n for a persistent node. */
  readonly ephemeralOwner: bigint;
  mzxid: bigint;
  mtime: number;
  version: number;
  aversion: number;
  /** Children ever created: the next sequence number. */
  childrenCreated: number;
  pzxid: bigint;
}

/** The tree of znodes. It checks nothing and tells nobody: `ZooKeeperCore` does. */
export class ZNodeTree {
  private readonly nodes = new Map<string, ZNode>();
  /** Ephemeral nodes by session. */
  private readonly ephemerals = new Map<bigint, Set<string>>();

  constructor(rootAcl: readonly Acl[]) {
    this.add('/', { data: Buffer.alloc(0), acl: rootAcl, ephemeralOwner: 0n, zxid: 0n, nowMs: 0 });
  }

  get(path: string): ZNode | undefined {
    return this.nodes.get(path);
  }

  get size(): number {
    return this.nodes.size;
  }

  /** All paths, parents before children. */
  paths(): string[] {
    return [...this.nodes.keys()].sort();
  }

  add(
    path: string,
    node: { data: Buffer | null; acl: readonly Acl[]; ephemeralOwner: bigint; zxid: bigint; nowMs: number },
  ): ZNode {
    const { data, acl, ephemeralOwner, zxid, nowMs } = node;
    const added: ZNode = {
      data,
      acl,
      children: new Set(),
      czxid: zxid,
      ctime: nowMs,
      ephemeralOwner,
      mzxid: zxid,
      mtime: nowMs,
      version: 0,
      aversion: 0,
      childrenCreated: 0,
      pzxid: zxid,
    };
    const parent = path === '/' ? null : this.nodes.get(parentOf(path))!;
    if (parent) {
      parent.childrenCreated++;
      parent.pzxid = zxid;
    }
    this.attach(path, added);
    return added;
  }

  /**
   * Puts a removed node back, and its parent as it was. The node is the same object again: whoever undoes several changes still holds it
   * for the earlier ones.
   */
  restore(path: string, node: ZNode, parentPzxid: bigint): void {
    this.attach(path, node);
    this.nodes.get(parentOf(path))!.pzxid = parentPzxid;
  }

  remove(path: string, zxid: bigint): void {
    const node = this.nodes.get(path)!;
    this.nodes.delete(path);
    const parent = this.nodes.get(parentOf(path))!;
    parent.children.delete(path.slice(path.lastIndexOf('/') + 1));
    parent.pzxid = zxid;
    const owned = this.ephemerals.get(node.ephemeralOwner);
    owned?.delete(path);
    if (owned?.size === 0) this.ephemerals.delete(node.ephemeralOwner);
  }

  ephemeralsOf(session: bigint): string[] {
    return [...(this.ephemerals.get(session) ?? [])];
  }

  statOf(node: ZNode): Stat {
    return {
      czxid: node.czxid,
      mzxid: node.mzxid,
      ctime: node.ctime,
      mtime: node.mtime,
      version: node.version,
      // ZooKeeper counts creations inside and shows creations and deletions (`DataNode.copyStat`).
      cversion: node.childrenCreated * 2 - node.children.size,
      aversion: node.aversion,
      ephemeralOwner: node.ephemeralOwner,
      dataLength: node.data?.length ?? 0,
      numChildren: node.children.size,
      pzxid: node.pzxid,
    };
  }

  private attach(path: string, node: ZNode): void {
    this.nodes.set(path, node);
    if (path !== '/') this.nodes.get(parentOf(path))!.children.add(path.slice(path.lastIndexOf('/') + 1));
    if (node.ephemeralOwner === 0n) return;
    const paths = this.ephemerals.get(node.ephemeralOwner);
    if (paths) paths.add(path);
    else this.ephemerals.set(node.ephemeralOwner, new Set([path]));
  }
}

export function parentOf(path: string): string {
  const slash = path.lastIndexOf('/');
  return slash === 0 ? '/' : path.slice(0, slash);
}
