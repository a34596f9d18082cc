/** What the log says of a command of the controller. */
import { silentLogger, type LogFields, type Logger } from '../../../src/common/index.js';
import { leaderAndIsrRequest } from '../../../src/protocol/index.js';
import { ReplicaCluster, TOPIC_ID, type TestBroker } from './replica-cluster.js';

const lines = new Map<string, [level: string, sentence: string, fields: LogFields | undefined][]>();
let cluster: ReplicaCluster;
let broker: TestBroker;

function recorder(name: string): Logger {
  const told = lines.get(name) ?? [];
  lines.set(name, told);
  const at =
    (level: string): Logger['info'] =>
    (sentence, fields) =>
      void told.push([level, sentence, fields]);
  return { ...silentLogger, error: at('error'), warn: at('warn'), info: at('info') };
}

beforeEach(async () => {
  lines.clear();
  cluster = await ReplicaCluster.start({ brokers: 2, extras: (id) => (id === 1 ? { logger: recorder } : {}) });
  broker = cluster.broker(1);
});
afterEach(() => cluster.stop());

/** LeaderAndIsr of 57 partitions: the first 19 are led by the first broker. */
async function command(controllerEpoch: number, leaderEpoch: number, topicId = TOPIC_ID): Promise<void> {
  const partitionStates = Array.from({ length: 57 }, (_, partitionIndex) => ({
    partitionIndex,
    controllerEpoch,
    leader: partitionIndex < 19 ? 1 : 2,
    leaderEpoch,
    isr: [1, 2],
    partitionEpoch: leaderEpoch,
    replicas: [1, 2],
    isNew: leaderEpoch === 0,
  }));
  const topicStates = [{ topicName: 'orders', topicId, partitionStates }];
  const encoded = leaderAndIsrRequest.encode({ controllerId: 1, controllerEpoch, topicStates, liveLeaders: [] }, 7);
  const done = broker.replicas.becomeLeaderOrFollower(leaderAndIsrRequest.decode(encoded, 7), 7, 1);
  await cluster.clock.advance(0);
  await done;
}

const told = (logger: string, sentence: string): unknown[] =>
  lines.get(logger)!.flatMap(([level, said, fields]) => (said === sentence ? [[level, fields]] : []));
const ROLES = 'Took the roles that the controller gave';

test('roles of many partitions are one line, and each is in the state change log', async () => {
  await command(1, 0);
  const fields = { controller: 1, controllerEpoch: 1, leaders: 19, followers: 38 };
  expect(told('replication', ROLES)).toEqual([['info', fields]]);
  expect(lines.get('replication')!.filter(([level]) => level === 'error' || level === 'warn')).toEqual([]);
  expect(told('state.change.logger', 'Leader of partition starts at leader epoch')).toHaveLength(19);
  expect(told('state.change.logger', 'Follower of partition starts at leader epoch')).toHaveLength(38);
});

test('what a new controller says again is no trouble', async () => {
  await command(1, 0);
  await command(2, 0);
  expect(told('replication', ROLES)[1]).toEqual(['info', { controller: 1, controllerEpoch: 2, known: 57 }]);
});

test('logs of another topic in the way are for an operator to look at', async () => {
  await command(1, 0);
  await command(1, 1, 'BBBBBBBBBBBBBBBBBBBBBQ');
  const fields = { controller: 1, controllerEpoch: 1, INCONSISTENT_TOPIC_ID: 57 };
  expect(told('replication', ROLES)[1]).toEqual(['error', fields]);
});
