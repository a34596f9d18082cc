import type { CreateMode, WatchEventType } from './zk-client.js';

/** ZooKeeper's requests (`ZooDefs.OpCode`). */
export const OpCode = {
  notification: 0,
  create: 1,
  delete: 2,
  exists: 3,
  getData: 4,
  setData: 5,
  getAcl: 6,
  setAcl: 7,
  getChildren: 8,
  sync: 9,
  ping: 11,
  getChildren2: 12,
  check: 13,
  multi: 14,
  create2: 15,
  auth: 100,
  setWatches: 101,
  createSession: -10,
  closeSession: -11,
  error: -1,
} as const;

/** Ids of what is not an answer to a numbered request. */
export const Xid = { notification: -1, ping: -2, auth: -4, setWatches: -8 } as const;

export const CREATE_FLAGS: Readonly<Record<CreateMode, number>> = {
  persistent: 0,
  ephemeral: 1,
  persistent_sequential: 2,
  ephemeral_sequential: 3,
};

/** `Watcher.Event.EventType` of the watches that this client sets. */
export const EVENT_TYPES: Readonly<Record<WatchEventType, number>> = {
  created: 1,
  deleted: 2,
  dataChanged: 3,
  childrenChanged: 4,
};

/** `Watcher.Event.KeeperState.SyncConnected`, in every watch event. */
export const STATE_SYNC_CONNECTED = 3;
