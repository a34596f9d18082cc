import { runAtOnce } from '../../../../src/common/index.js';
import {
  ApiKey,
  leaderAndIsrRequest,
  stopReplicaRequest,
  updateMetadataRequest,
} from '../../../../src/protocol/index.js';
import { BrokerConfig, METADATA_VERSIONS } from '../../../../src/config/index.js';
import { controlVersions, type ControlVersions } from '../../../../src/controller/core/control-versions.js';
import { RequestBatch, type OutgoingRequest } from '../../../../src/controller/core/request-batch.js';
import { addPartition, brokerInfo, contextWith } from './support.js';

const TOPIC_ID = 'AAAAAAAAAAAAAAAAAAAABg';

function setUp(...brokers: number[]) {
  const context = contextWith(...brokers);
  context.addTopic('a');
  context.setTopicId('a', TOPIC_ID);
  return { context, batch: new RequestBatch(context, 1, 'PLAINTEXT', versionsOf('3.6')) };
}

function versionsOf(protocol: string): ControlVersions {
  const { config } = BrokerConfig.parse(
    new Map([
      ['broker.id', '1'],
      ['zookeeper.connect', 'zk:2181'],
      ['inter.broker.protocol.version', protocol],
      // Before 3.0 the formats of records must not be newer than the protocol.
      ['log.message.format.version', protocol],
    ]),
  );
  return controlVersions((version) => config.interBrokerProtocolAtLeast(version));
}

/** What the broker would read: each request through its codec. */
function decoded({ brokerId, request }: OutgoingRequest) {
  switch (request.apiKey) {
    case ApiKey.LeaderAndIsr: {
      const body = leaderAndIsrRequest.decode(
        leaderAndIsrRequest.encode(request.body, request.version),
        request.version,
      );
      return { to: brokerId, api: 'LeaderAndIsr' as const, version: request.version, body };
    }
    case ApiKey.UpdateMetadata: {
      const body = updateMetadataRequest.decode(
        updateMetadataRequest.encode(request.body, request.version),
        request.version,
      );
      return { to: brokerId, api: 'UpdateMetadata' as const, version: request.version, body };
    }
    case ApiKey.StopReplica: {
      const body = stopReplicaRequest.decode(stopReplicaRequest.encode(request.body, request.version), request.version);
      return { to: brokerId, api: 'StopReplica' as const, version: request.version, body };
    }
  }
}
const take = (batch: RequestBatch) => runAtOnce(batch.take()).map(decoded);

/** The partitions of a LeaderAndIsr or UpdateMetadata, from whichever field the version has. */
function statesOf(body: ReturnType<typeof decoded>['body']): object[] {
  if (!('ungroupedPartitionStates' in body)) throw new Error('it says nothing of leaders');
  const grouped = body.topicStates.flatMap(({ topicName, partitionStates }) =>
    (partitionStates as object[]).map((state) => ({ ...state, topicName })),
  );
  return [...body.ungroupedPartitionStates, ...grouped];
}

/** What a StopReplica of any version stops. */
function stopsOf({ request }: OutgoingRequest): string[] {
  if (request.apiKey !== ApiKey.StopReplica) throw new Error('it stops nothing');
  const body = stopReplicaRequest.decode(stopReplicaRequest.encode(request.body, request.version), request.version);
  const fate = (deletes: boolean): string => (deletes ? 'deleted' : 'kept');
  const one = fate(body.deletePartitions);
  return [
    ...body.ungroupedPartitions.map(({ topicName, partitionIndex }) => `${topicName}-${partitionIndex} ${one}`),
    ...body.topics.flatMap(({ name, partitionIndexes }) => partitionIndexes.map((index) => `${name}-${index} ${one}`)),
    ...body.topicStates.flatMap(({ topicName, partitionStates }) =>
      partitionStates.map((state) => `${topicName}-${state.partitionIndex} ${fate(state.deletePartition)}`),
    ),
  ];
}

const kinds = (requests: { to: number; api: string }[]) => requests.map(({ to, api }) => `${api} to ${to}`);

test('a new partition goes to its replicas as LeaderAndIsr 7 and to every broker as UpdateMetadata 8', () => {
  const { context, batch } = setUp(1, 2, 3);
  const partition = addPartition(context, 'a', 0, [2, 1]);
  batch.addLeaderAndIsr([2, 1], partition, true);
  const requests = take(batch);
  expect(kinds(requests)).toEqual([
    'LeaderAndIsr to 2',
    'LeaderAndIsr to 1',
    'UpdateMetadata to 1',
    'UpdateMetadata to 2',
    'UpdateMetadata to 3',
  ]);
  expect(requests[0]).toMatchObject({
    version: 7,
    body: {
      controllerId: 1,
      isKRaftController: false,
      controllerEpoch: 3,
      brokerEpoch: 102n,
      type: 0,
      topicStates: [
        {
          topicName: 'a',
          topicId: TOPIC_ID,
          partitionStates: [
            {
              partitionIndex: 0,
              controllerEpoch: 3,
              leader: 2,
              leaderEpoch: 1,
              isr: [2, 1],
              partitionEpoch: 2,
              replicas: [2, 1],
              addingReplicas: [],
              removingReplicas: [],
              isNew: true,
              leaderRecoveryState: 0,
            },
          ],
        },
      ],
      liveLeaders: [{ brokerId: 2, hostName: 'host-2', port: 9092 }],
    },
  });
  expect(requests[2]).toMatchObject({
    version: 8,
    body: {
      type: 0,
      brokerEpoch: 101n,
      topicStates: [
        {
          topicName: 'a',
          topicId: TOPIC_ID,
          partitionStates: [
            {
              partitionIndex: 0,
              controllerEpoch: 3,
              leader: 2,
              leaderEpoch: 1,
              isr: [2, 1],
              zkVersion: 2,
              offlineReplicas: [],
            },
          ],
        },
      ],
      liveBrokers: [1, 2, 3].map((id) => ({
        id,
        endpoints: [{ port: 9090 + id, host: `host-${id}`, listener: 'PLAINTEXT', securityProtocol: 0 }],
        rack: null,
      })),
    },
  });
  expect(batch.isEmpty).toBe(true);
});

test('changes of one event are one request for each broker, with what is true at its end', () => {
  const { context, batch } = setUp(1, 2);
  const [first, second] = [addPartition(context, 'a', 0, [1, 2]), addPartition(context, 'a', 1, [2, 1])];
  batch.addLeaderAndIsr([1], first, true);
  batch.addLeaderAndIsr([1, 2], second, false);
  const moved = { ...first.leadership!.leaderAndIsr, leader: 2, leaderEpoch: 9 };
  context.putLeadership(first, { leaderAndIsr: moved, controllerEpoch: 3 });
  batch.addLeaderAndIsr([1], first, false);
  const [toOne, toTwo] = take(batch).filter(({ api }) => api === 'LeaderAndIsr');
  expect(toOne!.body.topicStates).toHaveLength(1);
  expect(toOne!.body.topicStates[0]!.partitionStates).toMatchObject([
    // Still new for the broker, though it changed since.
    { partitionIndex: 0, leader: 2, leaderEpoch: 9, isNew: true },
    { partitionIndex: 1, leader: 2, isNew: false },
  ]);
  expect(toTwo!.body.topicStates[0]!.partitionStates).toMatchObject([{ partitionIndex: 1 }]);
});

test('roles are told before metadata, and metadata before what stops; what was taken is not told again', () => {
  const { context, batch } = setUp(1, 2);
  const [first, second] = [addPartition(context, 'a', 0, [1, 2]), addPartition(context, 'a', 1, [2, 1])];
  batch.addStopReplica([2], first, true);
  batch.addLeaderAndIsr([1], first, false);
  expect(kinds(take(batch))).toEqual([
    'LeaderAndIsr to 1',
    'UpdateMetadata to 1',
    'UpdateMetadata to 2',
    'StopReplica to 2',
  ]);
  batch.addLeaderAndIsr([2], second, false);
  const next = take(batch);
  expect(kinds(next)).toEqual(['LeaderAndIsr to 2', 'UpdateMetadata to 1', 'UpdateMetadata to 2']);
  for (const { body } of next) expect(statesOf(body)).toMatchObject([{ partitionIndex: 1 }]);
  batch.addUpdateMetadata([1], [first]);
  expect(kinds(take(batch))).toEqual(['UpdateMetadata to 1']);
});

test('brokers that are gone, and no leader at all, get nothing', () => {
  const { context, batch } = setUp(1);
  const partition = addPartition(context, 'a', 0, [1, 2], -1);
  batch.addLeaderAndIsr([1, 2, -1], partition, false);
  batch.addStopReplica([2], partition, false);
  expect(kinds(take(batch))).toEqual(['LeaderAndIsr to 1', 'UpdateMetadata to 1']);
});

test('metadata alone names the brokers that live, those that are leaving too', () => {
  const { context, batch } = setUp(1, 2);
  context.addShuttingDownBroker(2);
  batch.addUpdateMetadata([1], [addPartition(context, 'a', 0, [1, 2], null)]);
  const [request, ...others] = take(batch);
  expect(others).toEqual([]);
  expect(request).toMatchObject({ to: 1, body: { topicStates: [], liveBrokers: [{ id: 1 }, { id: 2 }] } });
});

test('replicas on brokers that are down or leaving are offline for clients', () => {
  const { context, batch } = setUp(1, 2);
  context.addShuttingDownBroker(2);
  batch.addUpdateMetadata([1], [addPartition(context, 'a', 0, [1, 2, 3])]);
  expect(take(batch)[0]!.body.topicStates[0]!.partitionStates).toMatchObject([{ offlineReplicas: [2, 3] }]);
});

test('a topic that is being deleted has leader -2 and epochs 0 in metadata', () => {
  const { context, batch } = setUp(1);
  const partition = addPartition(context, 'a', 0, [1], 1, { leaderEpoch: 7 });
  context.queueTopicDeletion(['a']);
  batch.addUpdateMetadata([1], [partition]);
  expect(take(batch)[0]!.body.topicStates[0]!.partitionStates).toMatchObject([
    { leader: -2, leaderEpoch: 0, zkVersion: 0, isr: [1] },
  ]);
});

test('StopReplica 4 carries the epoch of the moment, and a deletion stays asked for', () => {
  const { context, batch } = setUp(1, 2);
  const [first, second] = [addPartition(context, 'a', 0, [1, 2]), addPartition(context, 'b', 0, [1, 2])];
  batch.addStopReplica([2], first, false);
  batch.addStopReplica([2], second, true);
  batch.addStopReplica([2], second, false);
  context.putLeadership(first, {
    ...first.leadership!,
    leaderAndIsr: { ...first.leadership!.leaderAndIsr, leaderEpoch: 8 },
  });
  const [outgoing, ...others] = runAtOnce(batch.take());
  expect(others).toEqual([]);
  expect(outgoing!.deletedPartitions).toEqual([second]);
  expect(decoded(outgoing!)).toMatchObject({
    to: 2,
    api: 'StopReplica',
    version: 4,
    body: {
      controllerEpoch: 3,
      brokerEpoch: 102n,
      topicStates: [
        { topicName: 'a', partitionStates: [{ partitionIndex: 0, leaderEpoch: 1, deletePartition: false }] },
        { topicName: 'b', partitionStates: [{ partitionIndex: 0, leaderEpoch: 1, deletePartition: true }] },
      ],
    },
  });
});

test('a reassignment under way is told with what is added and removed', () => {
  const { context, batch } = setUp(1, 2, 3);
  const partition = addPartition(context, 'a', 0, [1, 2]);
  context.putAssignment(partition, { replicas: [3, 2, 1], adding: [3], removing: [1] });
  batch.addLeaderAndIsr([3], partition, true);
  expect(take(batch)[0]!.body.topicStates[0]!.partitionStates).toMatchObject([
    { replicas: [3, 2, 1], addingReplicas: [3], removingReplicas: [1] },
  ]);
});

test('names no leader that lacks the listener between brokers', () => {
  const { context, batch } = setUp(1);
  context.putLiveBrokers([
    { ...brokerInfo(1), endPoints: [{ ...brokerInfo(1).endPoints[0]!, listenerName: 'CLIENTS' }] },
  ]);
  batch.addLeaderAndIsr([1], addPartition(context, 'a', 0, [1]), false);
  expect(take(batch)[0]).toMatchObject({ api: 'LeaderAndIsr', body: { liveLeaders: [] } });
});

/** As `ControllerChannelManager.scala` of Kafka 3.6.1 has them, at each version where one of them changes and just before. */
test.each([
  { protocol: '3.6', leaderAndIsr: 7, updateMetadata: 8, stopReplica: 4 },
  { protocol: '3.4-IV0', leaderAndIsr: 7, updateMetadata: 8, stopReplica: 4 },
  { protocol: '3.3-IV3', leaderAndIsr: 6, updateMetadata: 7, stopReplica: 3 },
  { protocol: '3.2-IV0', leaderAndIsr: 6, updateMetadata: 7, stopReplica: 3 },
  { protocol: '3.1-IV0', leaderAndIsr: 5, updateMetadata: 7, stopReplica: 3 },
  { protocol: '2.8-IV1', leaderAndIsr: 5, updateMetadata: 7, stopReplica: 3 },
  { protocol: '2.8-IV0', leaderAndIsr: 4, updateMetadata: 6, stopReplica: 3 },
  { protocol: '2.6-IV0', leaderAndIsr: 4, updateMetadata: 6, stopReplica: 3 },
  { protocol: '2.5-IV0', leaderAndIsr: 4, updateMetadata: 6, stopReplica: 2 },
  { protocol: '2.4-IV1', leaderAndIsr: 4, updateMetadata: 6, stopReplica: 2 },
  { protocol: '2.4-IV0', leaderAndIsr: 3, updateMetadata: 5, stopReplica: 1 },
  { protocol: '2.3-IV1', leaderAndIsr: 2, updateMetadata: 5, stopReplica: 1 },
  { protocol: '2.2-IV0', leaderAndIsr: 2, updateMetadata: 5, stopReplica: 1 },
  { protocol: '2.1-IV2', leaderAndIsr: 1, updateMetadata: 4, stopReplica: 0 },
  { protocol: '1.0-IV0', leaderAndIsr: 1, updateMetadata: 4, stopReplica: 0 },
  { protocol: '0.11.0-IV2', leaderAndIsr: 0, updateMetadata: 3, stopReplica: 0 },
  { protocol: '0.10.2-IV0', leaderAndIsr: 0, updateMetadata: 3, stopReplica: 0 },
  { protocol: '0.10.1-IV2', leaderAndIsr: 0, updateMetadata: 2, stopReplica: 0 },
  { protocol: '0.10.0-IV0', leaderAndIsr: 0, updateMetadata: 1, stopReplica: 0 },
])(
  'with inter.broker.protocol.version $protocol LeaderAndIsr is v$leaderAndIsr, UpdateMetadata v$updateMetadata, StopReplica v$stopReplica',
  ({ protocol, ...expected }) => {
    expect(versionsOf(protocol)).toMatchObject(expected);
  },
);

test.each([
  ['2.7-IV2', false],
  ['2.8-IV0', true],
])('with inter.broker.protocol.version %s topics get ids: %s', (protocol, uses) => {
  expect(versionsOf(protocol).usesTopicIds).toBe(uses);
});

/** Every version that some protocol chooses, each encoded and read back. */
test.each(METADATA_VERSIONS.filter((protocol) => !protocol.startsWith('0.8')))(
  'with inter.broker.protocol.version %s brokers read all that is said of partitions',
  (protocol) => {
    const { context } = setUp(1, 2);
    const versions = versionsOf(protocol);
    const batch = new RequestBatch(context, 1, 'PLAINTEXT', versions);
    context.addTopic('b');
    const first = addPartition(context, 'a', 0, [1, 2], 2, { leaderEpoch: 5, isr: [2], recovering: true });
    const [second, third] = [addPartition(context, 'a', 3, [1]), addPartition(context, 'b', 0, [2, 1])];
    batch.addLeaderAndIsr([1], first, true);
    batch.addLeaderAndIsr([1], third, false);
    batch.addStopReplica([2], second, true);
    batch.addStopReplica([2], third, false);
    batch.addStopReplica([2], first, true);
    const outgoing = runAtOnce(batch.take());
    const requests = outgoing.map(decoded);

    const [leaderAndIsr] = requests.filter(({ api }) => api === 'LeaderAndIsr');
    const [updateMetadata] = requests.filter(({ api }) => api === 'UpdateMetadata');
    for (const request of [leaderAndIsr!, updateMetadata!]) {
      const said = statesOf(request.body);
      expect(said).toMatchObject([
        { topicName: 'a', partitionIndex: 0, leader: 2, leaderEpoch: 5, isr: [2], replicas: [1, 2] },
        { topicName: 'b', partitionIndex: 0, leader: 2, leaderEpoch: 1, isr: [2, 1], replicas: [2, 1] },
      ]);
    }
    expect(leaderAndIsr!.version).toBe(versions.leaderAndIsr);
    expect(updateMetadata!.version).toBe(versions.updateMetadata);
    const recovery = versions.isLeaderRecoverySupported ? 1 : 0;
    expect(statesOf(leaderAndIsr!.body)).toMatchObject([{ leaderRecoveryState: recovery }, { leaderRecoveryState: 0 }]);

    const stops = outgoing.filter(({ request }) => request.apiKey === ApiKey.StopReplica);
    expect(stops.flatMap((stop) => stopsOf(stop))).toEqual(['a-3 deleted', 'a-0 deleted', 'b-0 kept']);
    // Before version 3 a request deletes all that it names, or nothing; only an answer about deletions is waited for.
    expect(stops.map(({ deletedPartitions }) => deletedPartitions)).toEqual(
      versions.stopReplica >= 3 ? [[second, first]] : [[second, first], []],
    );
    for (const { request } of stops) expect(request.version).toBe(versions.stopReplica);
  },
);

test('requests about thousands of partitions are made in steps', () => {
  const { context, batch } = setUp(1, 2);
  for (let partition = 0; partition < 1_000; partition++) {
    batch.addLeaderAndIsr([1, 2], addPartition(context, 'a', partition, [1, 2]), false);
  }
  const steps = batch.take();
  let count = 0;
  for (let step = steps.next(); ; step = steps.next()) {
    if (step.done) {
      expect(step.value.map(({ brokerId }) => brokerId).sort()).toEqual([1, 1, 2, 2]);
      break;
    }
    count++;
  }
  // Of LeaderAndIsr for two brokers, and of one UpdateMetadata for both.
  expect(count).toBeGreaterThanOrEqual(3 * 9);
  expect(batch.isEmpty).toBe(true);
});
