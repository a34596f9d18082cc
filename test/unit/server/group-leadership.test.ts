/** Whatever takes a partition of `__consumer_offsets` from a broker takes the groups of it too: there is one coordinator of a group. */
import { GROUP_METADATA_TOPIC } from '../../../src/cluster/index.js';
import { ErrorCode } from '../../../src/protocol/index.js';
import { groupLeadership } from '../../../src/server/ports/group-leadership.js';
import { ReplicaPartitionWriter } from '../../../src/server/ports/partition-writer.js';
import { Fixture, MemoryPartition } from '../coordinator/support.js';
import { ReplicaCluster } from '../replication/replica-cluster.js';

const TP = { topic: GROUP_METADATA_TOPIC, partition: 0 };
const { NONE, NOT_COORDINATOR, COORDINATOR_LOAD_IN_PROGRESS } = ErrorCode;

let cluster: ReplicaCluster;
let groups: Map<number, Fixture>;
beforeEach(async () => {
  groups = new Map();
  cluster = await ReplicaCluster.start({
    brokers: 2,
    withTopicIds: false,
    config: { 'offsets.commit.timeout.ms': '1000' },
    onLogDirFailure: (id, dir) => void cluster.broker(id).replicas.handleLogDirFailure(dir),
    extras: (id) => ({
      ...groupLeadership(() => groups.get(id)?.coordinator),
      onLogDirFailure: (dir) => cluster.clock.defer(() => cluster.broker(id).logs.handleLogDirFailure(dir)),
    }),
  });
  for (const [id, { replicas }] of cluster.brokers) {
    const writer = new ReplicaPartitionWriter(replicas, cluster.clock, (error) => {
      throw error;
    });
    groups.set(
      id,
      new Fixture(
        new MemoryPartition(),
        { 'group.initial.rebalance.delay.ms': '3000' },
        1 << 20,
        writer,
        cluster.clock,
      ),
    );
  }
  await cluster.create([1, 2], [TP]);
  // A topic that is made again begins at an earlier epoch.
  elect(1);
  await cluster.clock.advance(10);
});
afterEach(async () => {
  cluster.stop();
  for (const { coordinator } of groups.values()) await coordinator.shutdown();
});

const at = (id: number): Fixture => groups.get(id)!;
const controller = { controllerId: 1, controllerEpoch: 1, correlationId: 7 };

const elect = (leader: number): void => cluster.elect(leader, undefined, TP);

async function stop(leaderEpoch: number, deletePartition: boolean): Promise<void> {
  const asked = [{ tp: TP, leaderEpoch, deletePartition }];
  await (
    await cluster.broker(1).replicas.stopReplicas(controller, asked)
  ).partitions;
}

/** The disk refuses to write files whose paths contain this. */
function failing(part: string): void {
  cluster.broker(1).fs.fault = (operation, path) =>
    path.includes(part) && operation !== 'read'
      ? Object.assign(new Error(`EIO: ${operation} ${path}`), { code: 'EIO', syscall: operation })
      : null;
}

/** Brokers that say anything about the group but that it is another's. */
const coordinators = (): number[] =>
  [...groups].filter(([, fixture]) => fixture.fetchErrorCode() !== NOT_COORDINATOR).map(([id]) => id);

const WAYS: { title: string; lose: () => unknown; next?: number; comesBack?: boolean }[] = [
  { title: 'another leads', lose: () => elect(2), next: 2, comesBack: true },
  { title: 'no one leads', lose: () => elect(-1), comesBack: true },
  {
    title: 'another leads that is not known to be alive',
    lose: () => {
      cluster.broker(2).isUp = false;
      elect(2);
    },
    comesBack: true,
  },
  { title: 'the replica is stopped, by an old controller', lose: () => stop(-1, false), comesBack: true },
  { title: 'the replica is stopped', lose: () => stop(1, false), comesBack: true },
  { title: 'the replica of a topic being deleted is stopped', lose: () => stop(-2, false), comesBack: true },
  { title: 'the replica moves away', lose: () => stop(1, true), comesBack: true },
  { title: 'the topic is deleted', lose: () => stop(-2, true), comesBack: true },
  { title: 'its directory fails', lose: () => cluster.broker(1).logs.handleLogDirFailure('/logs') },
  {
    title: 'an append fails',
    lose: () => {
      failing('.log');
      return at(1).commit(8n, '', -1, '', 'other');
    },
  },
  {
    title: 'its next epoch cannot be written down',
    lose: () => {
      failing('leader-epoch-checkpoint');
      elect(1);
    },
  },
  {
    title: 'the high watermarks of its directory cannot be written',
    lose: () => {
      failing('replication-offset-checkpoint');
      return cluster.broker(1).replicas.checkpointHighWatermarks();
    },
  },
];

test.each(WAYS)('a group has one coordinator once $title', async ({ lose, next, comesBack }) => {
  expect(await ended(at(1).commit(7n))).toBe(NONE);
  const { memberId } = await at(1).join();
  const parked = at(1).join({ memberId });
  expect(coordinators()).toEqual([1]);

  await ended(Promise.resolve(lose()));
  expect((await ended(parked)).errorCode).toBe(NOT_COORDINATOR);
  expect(at(1).heartbeat(memberId, 1)).toBe(NOT_COORDINATOR);
  expect(await ended(at(1).commit(9n))).toBe(NOT_COORDINATOR);
  expect(coordinators()).toEqual(next === undefined ? [] : [next]);
  if (next !== undefined) expect(at(next).committed()).toBe(7n);
  if (!comesBack) return;

  cluster.broker(2).isUp = true;
  const isDeleted = cluster.broker(1).replicas.partitionOf(TP) === undefined;
  if (isDeleted) await cluster.create([1], [TP]);
  else elect(1);
  await cluster.clock.advance(10);
  expect(coordinators().filter((id) => id !== 2)).toEqual([1]);
  expect(at(1).fetchErrorCode()).toBe(NONE);
  expect(at(1).committed()).toBe(isDeleted ? -1n : 7n);
});

test('a leader that is told so again goes on with its groups', async () => {
  const { memberId } = await at(1).join();
  const parked = at(1).join({ memberId });
  elect(1);
  expect(at(1).fetchErrorCode()).not.toBe(COORDINATOR_LOAD_IN_PROGRESS);
  expect((await ended(parked)).errorCode).toBe(NONE);
});

async function ended<T>(promise: Promise<T>): Promise<T> {
  let isOver = false;
  void promise.finally(() => (isOver = true)).catch(() => undefined);
  for (let tenth = 0; !isOver && tenth < 500; tenth++) await cluster.clock.advance(10);
  if (!isOver) throw new Error('was not answered');
  await cluster.clock.advance(10);
  return await promise;
}
