import { ControllerLab } from '../support/controller-lab.js';
import {
  controllerNodes,
  nodesNow,
  ourWrites,
  recordedStep,
  recordedPartitionErrors,
  recordedTold,
  recordedWatches,
  recordedWrites,
  replay,
  restore,
  toldTo,
} from './support/controller-replay.js';

/** What a tool asked the controller for at the beginning of a step, which ZooKeeper's log does not show. */
const ELECTIONS: Record<
  number,
  { type: 'preferred' | 'unclean'; partitions: { topic: string; partition: number }[] | null }
> = {
  33: { type: 'preferred', partitions: null },
  43: { type: 'preferred', partitions: null },
  54: { type: 'unclean', partitions: [{ topic: 'unclean-demo', partition: 0 }] },
};

/** Steps in which five seconds after its election the controller looked at the balance of leaders for the first time. */
const REBALANCES = [49];
const FIRST_REBALANCE_MS = 5_000;

let lab: ControllerLab;
beforeEach(async () => {
  lab = await new ControllerLab().start();
});
afterEach(() => lab.stop());

/** Takes up the recorded cluster where a step began: its znodes, its brokers' sessions, and our controller in its term. */
async function takeUp(step: number): Promise<void> {
  const before = recordedStep(step - 1).zk;
  await restore(lab, before);
  for (const id of [...lab.brokers.keys()]) if (!before.aliveBrokers.includes(id)) lab.dead.add(id);
  await lab.startController(before.controller);
}

/** Does what was done in the step, and compares writes, znodes and requests with what Kafka's controller made of it. */
async function replayAndCompare(step: number): Promise<void> {
  const { zk: after, requests } = recordedStep(step);
  const before = recordedStep(step - 1).zk;
  if (after.controller !== before.controller) await lab.startController(after.controller);
  lab.partitionError = recordedPartitionErrors(requests);
  lab.forget();

  const controllerNow = () => (lab.brokers.get(after.controller) ?? lab.brokers.get(before.controller))!.controller!;
  const election = ELECTIONS[step];
  if (election) {
    await lab.during(controllerNow().electLeaders(election.partitions, election.type));
    await lab.quiesce();
  }
  if (REBALANCES.includes(step)) await lab.clock.advance(FIRST_REBALANCE_MS);
  await lab.quiesce();
  await replay(lab, step, controllerNow);

  expect(ourWrites(lab, after.controller)).toEqual(recordedWrites(after));
  expect(controllerNodes(await nodesNow(lab))).toEqual(controllerNodes(after.nodes));
  const listening = after.aliveBrokers.filter((id) => requests.some(({ to }) => to === id));
  expect(toldTo(lab.received, listening)).toEqual(recordedTold(requests, listening));
  const versions = { LEADER_AND_ISR: 7, UPDATE_METADATA: 8, STOP_REPLICA: 4 };
  for (const { api, version } of lab.received) expect(`${api}@${version}`).toBe(`${api}@${versions[api]}`);
  // Merged over the event they are at most as many as Kafka's.
  for (const id of listening) {
    for (const api of Object.keys(versions)) {
      const count = (of: readonly { to: number; api: string }[]): number =>
        of.filter((it) => it.to === id && it.api === api).length;
      expect({ id, api, more: Math.max(0, count(lab.received) - count(requests)) }).toEqual({ id, api, more: 0 });
    }
  }
}

test('step 1: the first broker of a cluster is elected, as Kafka does it', async () => {
  const { zk, requests } = recordedStep(1);
  const madeByTheBroker = Object.fromEntries(
    Object.entries(zk.nodes).filter(([node]) => !/controller|feature/.test(node)),
  );
  await restore(lab, { ...zk, nodes: madeByTheBroker });
  lab.forget();
  await lab.startController(1);
  const summary = lab.written
    .filter(({ by }) => by === 1)
    .map(({ ops, results }) =>
      ops
        .map((op, i) => {
          const result = results[i];
          const data = 'data' in op ? op.data?.toString().replace(/"timestamp":"\d+"/, '"timestamp":"N"') : undefined;
          return [op.op, op.path, data, result?.ok === false ? result.code : undefined].filter(Boolean).join(' ');
        })
        .join('; '),
    );
  expect(summary).toEqual([
    'create /controller_epoch 0',
    'create /controller {"version":2,"brokerid":1,"timestamp":"N","kraftControllerEpoch":-1}; set /controller_epoch 1',
    'create /feature {"features":{},"version":2,"status":1}',
    'check /controller_epoch rolledBack; delete /admin/preferred_replica_election NoNode',
  ]);
  expect(toldTo(lab.received, [1])).toEqual(recordedTold(requests, [1]));
  const after = await nodesNow(lab);
  for (const node of ['/kafka/controller_epoch', '/kafka/feature']) {
    const { data, version } = zk.nodes[node]!;
    expect(after[node]).toMatchObject({ data, version });
  }
});

test('the controller listens to what Kafka’s listens to', async () => {
  await takeUp(5);
  // ZooKeeper's `wchp` shows data and exists watches only; the watch of /feature is the broker's own.
  const recorded = recordedWatches('create-topic', 'broker-1#1').filter((node) => node !== '/feature');
  const watches = Reflect.get(lab.zooKeeper.core, 'watches') as { data: Map<string, Set<bigint>> };
  const session = lab.brokers.get(1)!.client.sessionId;
  const ours = [...watches.data].filter(([, sessions]) => sessions.has(session)).map(([node]) => node);
  expect(ours.sort()).toEqual(recorded);
});

test.each([
  [2, 'a second broker joins'],
  [3, 'a third broker joins'],
  [4, 'a topic is created, and a follower falls out of an ISR and comes back'],
  [5, 'a topic with configs is created'],
  [6, 'a topic with an explicit assignment is created'],
  [8, 'the offsets topic is made'],
  [10, 'partitions are added'],
  [31, 'a broker shuts down in order'],
  [32, 'it comes back'],
  [33, 'preferred leaders are elected'],
  [34, 'a topic to be deleted is created'],
  [35, 'a topic is deleted while a broker is down'],
  [37, 'a topic is deleted'],
  [38, 'a topic on two brokers is created'],
  [39, 'its ISR shrinks'],
  [40, 'its ISR grows again'],
  [41, 'a session expires'],
  [42, 'the broker makes a new session'],
  [43, 'preferred leaders are elected again'],
  [45, 'a killed broker loses its session'],
  [46, 'the killed broker is started again'],
  [48, 'the controller dies and another takes over'],
  [49, 'preferred replicas lead again, and the former controller is started again'],
  [59, 'a reassignment by the legacy znode'],
  [60, 'a preferred election by the legacy znode'],
  [61, 'a log directory fails'],
])('step %i: %s, as Kafka does it', async (step) => {
  await takeUp(step);
  await replayAndCompare(step);
});

test.each([
  [[35, 36], 'a deletion that waits for a broker completes when it is back'],
  [[52, 53, 54, 55], 'a partition without a live replica in sync waits, is led uncleanly, and has its old leader back'],
  [[57, 58], 'a topic may be led uncleanly by its own config'],
])('steps %j: %s, as Kafka does it', async (steps) => {
  await takeUp(steps[0]!);
  for (const step of steps) await replayAndCompare(step);
});
