import { silentLogger } from '../../../src/common/index.js';
import { settle, SimulatedClock } from '../../../src/testing/index.js';
import { alterPartitionRequest, ErrorCode, type AlterPartitionRequest } from '../../../src/protocol/index.js';
import {
  AlterPartitionManager,
  type AlterPartitionResult,
  type ControllerChannel,
} from '../../../src/replication/index.js';

const A = 'AAAAAAAAAAAAAAAAAAAAEQ';
const B = 'AAAAAAAAAAAAAAAAAAAABw';
const STATE = { leader: 1, leaderEpoch: 2, isr: [1, 3], recovering: false, partitionEpoch: 4 };

/** A manager whose requests are answered by hand. */
function setUp(version = 3, protocolAtLeast = (_version: string): boolean => true) {
  const clock = new SimulatedClock();
  const requests: {
    request: AlterPartitionRequest;
    version: number;
    answer: (response: object) => void;
    fail: () => void;
  }[] = [];
  const channel: ControllerChannel = {
    alterPartition: (build, maxVersion) =>
      new Promise((resolve, reject) => {
        const chosen = Math.min(version, maxVersion);
        const request = alterPartitionRequest.decode(alterPartitionRequest.encode(build(chosen), chosen), chosen);
        const answer = (response: object): void =>
          resolve({ version: chosen, response: { errorCode: 0, throttleTimeMs: 0, topics: [], ...response } });
        requests.push({ request, version: chosen, answer, fail: () => reject(new Error('disconnected')) });
      }),
  };
  const manager = new AlterPartitionManager({
    brokerId: 1,
    brokerEpoch: () => 8n,
    clock,
    logger: silentLogger,
    channel,
    protocolAtLeast,
  });
  const results: (AlterPartitionResult & { partition: number })[] = [];
  const submit = (partition: number, topicId: string | null = A): void =>
    manager.submit({ topic: 't', partition }, topicId, STATE, 1, (result) => results.push({ ...result, partition }));
  return { clock, requests, results, submit, manager };
}

const answerFor = (partitionIndex: number, errorCode = 0): object => ({
  topics: [
    {
      topicId: A,
      topicName: 't',
      partitions: [
        {
          partitionIndex,
          errorCode,
          leaderId: 1,
          leaderEpoch: 2,
          isr: [1, 3],
          leaderRecoveryState: 0,
          partitionEpoch: 5,
        },
      ],
    },
  ],
});

test('changes of one moment share a request, and those that come meanwhile the next', async () => {
  const { clock, requests, results, submit } = setUp();
  submit(0);
  submit(1);
  await clock.advance(0);
  expect(requests).toHaveLength(1);
  expect(requests[0]!.request).toMatchObject({ brokerId: 1, brokerEpoch: 8n });
  expect(requests[0]!.request.topics[0]!.partitions).toMatchObject([
    { partitionIndex: 0, leaderEpoch: 2, partitionEpoch: 4, newIsrWithEpochs: [{ brokerId: 1 }, { brokerId: 3 }] },
    { partitionIndex: 1 },
  ]);
  submit(2);
  await clock.advance(100);
  expect(requests).toHaveLength(1);
  requests[0]!.answer(answerFor(0));
  await clock.advance(0);
  expect(results).toEqual([{ partition: 0, errorCode: 0, leaderAndIsr: { ...STATE, partitionEpoch: 5 } }]);
  // What was not answered goes with the next.
  expect(requests[1]!.request.topics[0]!.partitions.map((one) => one.partitionIndex)).toEqual([1, 2]);
});

test('an error of a partition is given back; the whole request is sent again after an error of its own', async () => {
  const { clock, requests, results, submit } = setUp();
  submit(0);
  await clock.advance(0);
  requests[0]!.answer({ errorCode: ErrorCode.STALE_BROKER_EPOCH });
  await clock.advance(49);
  expect(requests).toHaveLength(1);
  await clock.advance(1);
  requests[1]!.fail();
  await clock.advance(50);
  requests[2]!.answer(answerFor(0, ErrorCode.INVALID_UPDATE_VERSION));
  await clock.advance(0);
  expect(results).toEqual([{ partition: 0, errorCode: ErrorCode.INVALID_UPDATE_VERSION, leaderAndIsr: null }]);
  await clock.advance(1000);
  expect(requests).toHaveLength(3);
});

test('changes for a topic and for one that had its name before go by the id of each', async () => {
  const { clock, requests, results, submit } = setUp();
  submit(0, A);
  submit(1, B);
  await clock.advance(0);
  expect(
    requests[0]!.request.topics.map(({ topicId, partitions }) => [topicId, partitions[0]!.partitionIndex]),
  ).toEqual([
    [A, 0],
    [B, 1],
  ]);
  const unknown = { topicId: A, partitions: [{ partitionIndex: 0, errorCode: ErrorCode.UNKNOWN_TOPIC_ID }] };
  const changed = (answerFor(1) as { topics: [object] }).topics[0];
  requests[0]!.answer({ topics: [unknown, { ...changed, topicId: B }] });
  await clock.advance(0);
  expect(results.map(({ partition, errorCode }) => [partition, errorCode])).toEqual([
    [0, ErrorCode.UNKNOWN_TOPIC_ID],
    [1, ErrorCode.NONE],
  ]);
});

test('a second change of a partition is not attempted before the first is answered', async () => {
  const { clock, requests, results, submit } = setUp();
  submit(0);
  submit(0);
  await clock.advance(0);
  expect(results).toEqual([{ partition: 0, errorCode: ErrorCode.OPERATION_NOT_ATTEMPTED, leaderAndIsr: null }]);
  expect(requests[0]!.request.topics[0]!.partitions).toHaveLength(1);
});

test('topics go by name when one has no id', async () => {
  const { clock, requests, results, submit } = setUp();
  submit(0, null);
  await clock.advance(0);
  expect(requests[0]!.version).toBe(1);
  expect(requests[0]!.request.topics[0]).toMatchObject({ topicName: 't', partitions: [{ newIsr: [1, 3] }] });
  requests[0]!.answer(answerFor(0));
  await clock.advance(0);
  expect(results).toHaveLength(1);
});

test('nothing is sent after it is closed', async () => {
  const { clock, requests, submit, manager } = setUp();
  submit(0);
  manager.close();
  await clock.advance(1000);
  expect(requests).toHaveLength(0);
});

test.each([
  { title: 'names topics below 2.8', since: '2.8-IV0', version: 1, recovery: 1 },
  { title: 'says nothing of recovery below 3.2', since: '3.2-IV0', version: 3, recovery: 0 },
])('by inter.broker.protocol.version a request $title', async ({ since, version, recovery }) => {
  const { clock, requests, manager } = setUp(3, (asked) => asked !== since);
  manager.submit({ topic: 't', partition: 0 }, A, { ...STATE, recovering: true }, 1, () => undefined);
  await clock.advance(1);
  expect(requests[0]!.version).toBe(version);
  expect(requests[0]!.request.topics[0]!.partitions[0]!.leaderRecoveryState).toBe(recovery);
});

describe('the answer for many partitions', () => {
  /** More than one slice has room for. */
  const MANY = 250;

  /** Gives it, so that some partitions have had theirs. */
  async function answerMany() {
    const lab = setUp();
    for (let partition = 0; partition < MANY; partition++) lab.submit(partition);
    await lab.clock.advance(0);
    const [template] = (answerFor(0) as { topics: { partitions: object[] }[] }).topics;
    const partitions = Array.from({ length: MANY }, (_, partitionIndex) => ({
      ...template!.partitions[0],
      partitionIndex,
    }));
    // One twice.
    partitions.push(partitions[0]!);
    lab.requests[0]!.answer({ topics: [{ ...template, partitions }] });
    await settle();
    expect(lab.results.length).toBeGreaterThan(0);
    expect(lab.results.length).toBeLessThan(MANY);
    return lab;
  }

  test('lets others run before all partitions have theirs, and all have them before the next request', async () => {
    const { clock, requests, results, submit } = await answerMany();
    // The one has its answer, the other one has not.
    submit(0);
    submit(MANY - 1);
    expect(requests).toHaveLength(1);
    await clock.advance(0);
    expect(results).toHaveLength(MANY + 1);
    const refused = results.filter(({ errorCode }) => errorCode !== 0);
    expect(refused).toMatchObject([{ partition: MANY - 1, errorCode: ErrorCode.OPERATION_NOT_ATTEMPTED }]);
    expect(requests).toHaveLength(2);
    expect(requests[1]!.request.topics[0]!.partitions.map((one) => one.partitionIndex)).toEqual([0]);
  });

  test('is given to no more of them once it is closed', async () => {
    const { clock, requests, results, manager } = await answerMany();
    const before = results.length;
    manager.close();
    await clock.advance(1000);
    expect([results.length, requests.length]).toEqual([before, 1]);
  });
});
