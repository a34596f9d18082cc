import { TOPIC_DELETED_BY_ID } from '../support/administrator.js';
import { topicIdOf } from '../support/cluster-state.js';
import { ensure, type Invariant } from '../support/invariant.js';

/** A topic is marked for deletion under an id that someone named: not the one that has taken the name since. */
export function deletedByTheirId(): Invariant {
  return {
    name: 'topics are deleted by their id',
    transaction({ changes }, { zooKeeper, history }) {
      for (const { op, path } of changes) {
        if (op !== 'create' || path !== `/admin/delete_topics/${TOPIC_DELETED_BY_ID}`) continue;
        const id = topicIdOf(zooKeeper, TOPIC_DELETED_BY_ID);
        ensure(id === null || history.admin.deletedIds.has(id), () => `${id} is deleted, and no one asked for it`);
      }
    },
  };
}
