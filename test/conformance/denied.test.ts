/**
 * A sender who may do nothing, or may not touch one topic and one group: every API that is served, in every version, asks the authorizer, tells of
 * the refusal where `KafkaApis` does, and does nothing.
 */
import { CLUSTER_RESOURCE, type AclOperation, type Authorizer, type Resource } from '../../src/security/index.js';
import { ApiKey, apiOf } from '../../src/protocol/index.js';
import { API_HANDLERS } from '../../src/server/index.js';
import { batchOf } from '../unit/replication/replica-cluster.js';
import { NONE, DENIED, ALLOWED, DENIED_GROUP, ALLOWED_GROUP } from './support/denied.js';
import { PARTLY_DENIED } from './support/denied-in-part.js';
import { ALL_DENIED } from './support/denied-to-all.js';
import { startOneBroker, type OneBroker } from './support/one-broker.js';

function versionsOf(apiKey: number): [number, number] {
  const { advertised, minVersion, maxVersion } = apiOf(apiKey)!;
  return advertised ? [advertised.min, advertised.max] : [minVersion, maxVersion];
}

const EACH_VERSION = ALL_DENIED.flatMap((one) => {
  const [first, last] = one.versions ?? versionsOf(one.apiKey);
  const api = `${apiOf(one.apiKey)!.name}${one.of ? ` of ${one.of}` : ''}`;
  return Array.from({ length: last - first + 1 }, (_, at) => ({ ...one, api, version: first + at }));
});

describe('an authorizer that denies', () => {
  let one: OneBroker;
  let topicId: string;
  let deny: (operation: AclOperation, resource: Resource) => boolean = () => false;
  const send = <T = object>(apiKey: number, version: number, body: object): Promise<T> =>
    client.send<T & object>(apiKey, version, body) as Promise<T>;
  let client: ReturnType<OneBroker['client']>;

  beforeAll(async () => {
    one = await startOneBroker({
      'controlled.shutdown.enable': 'false',
      'offsets.topic.num.partitions': '1',
      'offsets.topic.replication.factor': '1',
    });
    client = one.client('denied');
    const topics = [DENIED, ALLOWED].map((name) => ({ name, numPartitions: 1, replicationFactor: 1 }));
    await send(ApiKey.CreateTopics, 7, { timeoutMs: 10_000, topics });
    for (const name of [DENIED, ALLOWED]) await produce(name);
    await untilCoordinated();
    for (const groupId of [DENIED_GROUP, ALLOWED_GROUP]) {
      const partitions = [{ partitionIndex: 0, committedOffset: 1n }];
      const committed = await send(ApiKey.OffsetCommit, 8, {
        groupId,
        topics: [DENIED, ALLOWED].map((name) => ({ name, partitions })),
      });
      expect(errorCodesOf(committed)).toEqual([NONE, NONE]);
    }
    const { services } = one.broker;
    topicId = services!.metadata.topicId(DENIED);
    const authorizer: Authorizer = {
      authorize: (_context, operation, resource) => !deny(operation, resource),
      authorizeByResourceType: (_context, operation) => !deny(operation, CLUSTER_RESOURCE),
    };
    Object.assign(services!, { authorizer });
  }, 30_000);
  afterEach(() => (deny = () => false));
  afterAll(() => one.stop(), 20_000);

  const produce = (name: string): Promise<object> =>
    send(ApiKey.Produce, 9, {
      acks: -1,
      timeoutMs: 10_000,
      topicData: [{ name, partitionData: [{ index: 0, records: batchOf(['a']) }] }],
    });

  /** The first question makes `__consumer_offsets`. */
  async function untilCoordinated(): Promise<void> {
    for (;;) {
      const found = await send<{ errorCode: number }>(ApiKey.FindCoordinator, 3, { key: DENIED_GROUP, keyType: 0 });
      const groups = one.broker.services!.groups.describeGroup(DENIED_GROUP);
      if (found.errorCode === NONE && groups.errorCode === NONE) return;
    }
  }

  /** What requests could have changed. */
  async function state(): Promise<object> {
    const { metadata, replicas, groups, controller, stores, config } = one.broker.services!;
    const topics = [...metadata.topicsInCluster()].sort();
    return {
      topics: topics.map((name) => [name, [...metadata.partitionsOf(name)].length]),
      logs: [DENIED, ALLOWED].map((topic) => {
        const log = replicas.localLog({ topic, partition: 0 })!;
        return [log.logStartOffset, log.logEndOffset];
      }),
      offsets: groups.fetchOffsets(DENIED_GROUP, [{ name: DENIED, partitionIndexes: [0] }], false),
      groups: [...groups.listGroups([]).groups].map(({ groupId, groupState }) => [groupId, groupState]),
      isController: controller.isActive,
      configs: [...(await stores.configs.config('topics', DENIED))],
      retentionMs: config.get('log.retention.ms'),
      controllerEpoch: replicas.controllerEpoch,
    };
  }

  test('every API is asked for below', () => {
    const asked = new Set(ALL_DENIED.map(({ apiKey }) => apiKey as number));
    expect(API_HANDLERS.map(({ api }) => api.name).filter((name) => !asked.has(ApiKey[name]))).toEqual([]);
  });

  test.each(EACH_VERSION)(
    'refuses $api in version $version, and nothing is done',
    async ({ apiKey, version, body, answer }) => {
      const before = await state();
      deny = () => true;
      const answered = await send(apiKey, version, body(version, topicId));
      expect(answered).toMatchObject(answer(version, topicId));
      // The connection lives.
      deny = () => false;
      expect(await send(ApiKey.ListGroups, 4, {})).toMatchObject({ errorCode: NONE });
      expect(await state()).toEqual(before);
    },
  );

  test.each(
    PARTLY_DENIED.map((each) => ({ ...each, api: `${apiOf(each.apiKey)!.name}${each.of ? ` of ${each.of}` : ''}` })),
  )('refuses $api what is denied, and no more', async ({ apiKey, body, answer }) => {
    const before = await state();
    deny = (_operation, { type, name }) => type === 'CLUSTER' || name === DENIED || name === DENIED_GROUP;
    expect(await send(apiKey, versionsOf(apiKey)[1], body)).toMatchObject(answer);
    expect(await state()).toEqual(before);
  });
});

/** All codes of an answer, from the outside in. */
function errorCodesOf(answer: unknown): number[] {
  if (Array.isArray(answer)) return answer.flatMap(errorCodesOf);
  if (typeof answer !== 'object' || answer === null || Buffer.isBuffer(answer)) return [];
  return Object.entries(answer).flatMap(([name, value]) =>
    name === 'errorCode' ? [value as number] : errorCodesOf(value),
  );
}
