import { partitionOfStatePath, type StateJson } from '../support/cluster-state.js';
import { ensure, type Invariant } from '../support/invariant.js';

/** A partition's state is only ever written by the controller of the current epoch. */
export function oldControllersWriteNothing(): Invariant {
  return {
    name: 'nothing is written under an old controller epoch',
    transaction({ changes, session }, { zooKeeper }) {
      const epoch = Number(zooKeeper.read('/controller_epoch')?.toString() ?? 0);
      for (const { op, path, data } of changes) {
        if (!partitionOfStatePath(path) || op === 'delete' || !data) continue;
        const { controller_epoch } = JSON.parse(data.toString()) as StateJson;
        ensure(
          controller_epoch === epoch,
          () => `${path} of epoch ${controller_epoch} by session ${session.toString(16)} in epoch ${epoch}`,
        );
      }
    },
  };
}
