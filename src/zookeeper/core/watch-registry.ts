import type { Watcher, WatchEvent, WatchEventType } from './zk-client.js';

/** `data`: set by reading a node; `exist`: by not finding one; `child`: by listing children. */
export type WatchKind = 'data' | 'exist' | 'child';

/** Which watches a change of each type uses up, as ZooKeeper's `ZKWatchManager` does. */
const CONSUMED: Readonly<Record<WatchEventType, readonly WatchKind[]>> = {
  created: ['data', 'exist'],
  dataChanged: ['data', 'exist'],
  deleted: ['data', 'exist', 'child'],
  childrenChanged: ['child'],
};

/** The one-shot watches that the server holds for this session, and whom to call. Paths are without the chroot. */
export class WatchRegistry {
  private readonly watches: Record<WatchKind, Map<string, Set<Watcher>>> = {
    data: new Map(),
    exist: new Map(),
    child: new Map(),
  };

  /** The server holds this watch now; `watcher` (if any) is called when it fires. */
  add(kind: WatchKind, path: string, watcher: Watcher | undefined): void {
    const paths = this.watches[kind];
    let watchers = paths.get(path);
    if (!watchers) paths.set(path, (watchers = new Set()));
    if (watcher) watchers.add(watcher);
  }

  /** Takes out what this event fires. */
  fire(event: WatchEvent): Watcher[] {
    const fired = new Set<Watcher>();
    for (const kind of CONSUMED[event.type]) {
      const watchers = this.watches[kind].get(event.path);
      if (!watchers) continue;
      this.watches[kind].delete(event.path);
      for (const watcher of watchers) fired.add(watcher);
    }
    return [...fired];
  }

  paths(kind: WatchKind): string[] {
    return [...this.watches[kind].keys()];
  }

  get size(): number {
    return this.watches.data.size + this.watches.exist.size + this.watches.child.size;
  }

  clear(): void {
    for (const paths of Object.values(this.watches)) paths.clear();
  }
}
