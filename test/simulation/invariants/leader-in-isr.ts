import { assignmentOf, partitionOfStatePath, type StateJson } from '../support/cluster-state.js';
import { ensure, type Invariant } from '../support/invariant.js';

/** leader ∈ ISR ⊆ replicas, the ISR is never empty, and who leads next was in the ISR before: no election is unclean. */
export function leaderInIsr(): Invariant {
  const states = new Map<string, StateJson>();
  return {
    name: 'leader in ISR in replicas',
    transaction({ changes }, { zooKeeper }) {
      for (const { op, path, data } of changes) {
        const tp = partitionOfStatePath(path);
        if (!tp) continue;
        if (op === 'delete' || !data) {
          states.delete(path);
          continue;
        }
        const text = data.toString();
        const { leader, isr, ...rest } = JSON.parse(text) as StateJson;
        const replicas = assignmentOf(zooKeeper, tp.topic)?.get(tp.partition) ?? [];
        ensure(isr.length > 0 && new Set(isr).size === isr.length, () => `${path}: ${text}`);
        // A leader of -2 is that of a topic in deletion.
        ensure(leader < 0 || isr.includes(leader), () => `${path}: the leader is not in the ISR: ${text}`);
        ensure(
          isr.every((id) => replicas.includes(id)),
          () => `${path}: ${text} with replicas ${replicas.join(',')}`,
        );
        const before = states.get(path);
        ensure(
          !before || leader < 0 || before.isr.includes(leader),
          () => `${path}: an unclean election: ${text} after ${JSON.stringify(before)}`,
        );
        states.set(path, { leader, isr, ...rest });
      }
    },
  };
}
