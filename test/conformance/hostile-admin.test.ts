/** Administrative requests out of proportion: what they may name, and that each is told why it is refused. */
import { ZERO_UUID } from '../../src/common/index.js';
import {
  ApiKey,
  ErrorCode,
  type AlterConfigsResponse,
  type CreatePartitionsResponse,
  type CreateTopicsResponse,
} from '../../src/protocol/index.js';
import { startOneBroker, type OneBroker } from './support/one-broker.js';

describe('administrative requests', () => {
  let one: OneBroker;
  beforeAll(async () => {
    one = await startOneBroker({ 'controlled.shutdown.enable': 'false' });
  }, 20_000);
  afterAll(() => one.stop(), 20_000);

  test('what one resource, topic or partition may name is bounded, and a refusal is told however long its sentence', async () => {
    const client = one.client('sane');
    const list = <T>(count: number, make: (at: number) => T): T[] => Array.from({ length: count }, (_, at) => make(at));
    await client.send(ApiKey.CreateTopics, 5, {
      timeoutMs: 10_000,
      topics: [{ name: 'bounded', numPartitions: 1, replicationFactor: 1 }],
    });
    const create = async (topic: object): Promise<{ errorCode: number; errorMessage: string | null }> => {
      const topics = [{ name: 'vast', numPartitions: -1, replicationFactor: -1, ...topic }];
      const body = { timeoutMs: 1000, validateOnly: true, topics };
      return (await client.send<CreateTopicsResponse>(ApiKey.CreateTopics, 5, body)).topics[0]!;
    };
    const configs = (count: number): object[] => list(count, (at) => ({ name: `c${at}`, value: 'v' }));
    const assignments = (count: number, brokerIds: number[]): object[] =>
      list(count, (partitionIndex) => ({ partitionIndex, brokerIds }));
    const tooMany = await create({ numPartitions: 1, replicationFactor: 1, configs: configs(1001) });
    expect(tooMany).toMatchObject({ errorCode: ErrorCode.INVALID_CONFIG });
    expect(tooMany.errorMessage).toContain('not 1001');
    expect(await create({ assignments: assignments(100_001, [1]) })).toMatchObject({
      errorCode: ErrorCode.INVALID_PARTITIONS,
    });
    expect(
      await create({
        assignments: assignments(
          1,
          list(1001, (at) => at),
        ),
      }),
    ).toMatchObject({
      errorCode: ErrorCode.INVALID_REPLICA_ASSIGNMENT,
    });
    const repeated = await create({ assignments: assignments(50_000, [1, 1]) });
    expect(repeated.errorCode).toBe(ErrorCode.INVALID_REPLICA_ASSIGNMENT);
    expect(repeated.errorMessage).toMatch(
      /^Duplicate replica assignment found: HashMap\(0 -> ArrayBuffer\(1, 1\), 1 ->/,
    );
    expect((await create({ assignments: assignments(50_000, [1]) })).errorCode).toBe(ErrorCode.NONE);

    // Kafka makes a topic of these, as negative ones are not in the sum that it looks at.
    for (const ids of [
      [-1, 0, 3],
      [-5, 1, 2],
      [0, -1],
    ]) {
      const negative = await create({ assignments: ids.map((partitionIndex) => ({ partitionIndex, brokerIds: [1] })) });
      expect(negative).toMatchObject({
        errorCode: ErrorCode.INVALID_REPLICA_ASSIGNMENT,
        errorMessage: 'partitions should be a consecutive 0-based integer sequence',
      });
    }

    const grow = async (added: object[]): Promise<number> => {
      const topics = [{ name: 'bounded', count: 50_001, assignments: added }];
      const body = { timeoutMs: 1000, validateOnly: true, topics };
      const answer = await client.send<CreatePartitionsResponse>(ApiKey.CreatePartitions, 3, body);
      return answer.results[0]!.errorCode;
    };
    const spread = (brokerIds: number[]): object[] => list(50_000, () => ({ brokerIds }));
    expect(await grow(spread([1]))).toBe(ErrorCode.NONE);
    expect(await grow(spread([7]))).toBe(ErrorCode.INVALID_REPLICA_ASSIGNMENT);
    expect(await grow(spread(list(1001, () => 1)).slice(0, 10))).toBe(ErrorCode.INVALID_REPLICA_ASSIGNMENT);

    const alter = async (resourceType: number, changes: object[]): Promise<string> => {
      const resources = [{ resourceType, resourceName: resourceType === 2 ? 'bounded' : '', configs: changes }];
      const answer = await client.send<AlterConfigsResponse>(ApiKey.IncrementalAlterConfigs, 1, {
        validateOnly: true,
        resources,
      });
      const { errorCode, errorMessage } = answer.responses[0]!;
      return `${errorCode} ${errorMessage?.slice(-40)}`;
    };
    const sets = (count: number, value: string | null): object[] =>
      list(count, (at) => ({ name: `c${at}${'x'.repeat(290)}`, configOperation: 0, value }));
    const unknown = list(1001, (at) => ({ name: `c${at}`, configOperation: 0, value: 'v' }));
    for (const resourceType of [2, 4]) {
      expect(await alter(resourceType, unknown)).toMatch(/^42 .*1000 configs at most, not 1001\.$/);
    }
    expect(await alter(2, sets(200, null))).toMatch(/\.\.\. \(\d+ characters\)$/);
    const none = { timeoutMs: 1000, topics: [{ name: null, topicId: ZERO_UUID }] };
    expect(await client.send<object>(ApiKey.DeleteTopics, 6, none)).toMatchObject({
      responses: [{ errorCode: ErrorCode.TOPIC_AUTHORIZATION_FAILED }],
    });
    expect(one.complaints.splice(0).filter((line) => /rror |does not encode/.test(line))).toEqual([]);
    client.close();
  }, 60_000);
});
