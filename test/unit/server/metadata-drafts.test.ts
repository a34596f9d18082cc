/** Updates of thousands of partitions: others run between their steps, and see what was before or what is after. */
import { type Steps } from '../../../src/common/index.js';
import { SimulatedClock } from '../../../src/testing/index.js';
import { ApiKey, ErrorCode, updateMetadataRequest, type UpdateMetadataRequest } from '../../../src/protocol/index.js';
import { MetadataCache } from '../../../src/server/metadata-cache.js';
import { updateAtOnce } from './metadata-updates.js';
import { call } from './request-call.js';

const COUNT = 5000;
const ids = {
  large: 'AAAAAAAAAAAAAAAAAAAAAQ',
  going: 'AAAAAAAAAAAAAAAAAAAAAg',
  standing: 'AAAAAAAAAAAAAAAAAAAAAw',
  replaced: 'AAAAAAAAAAAAAAAAAAAABA',
  replacing: 'AAAAAAAAAAAAAAAAAAAABQ',
  fresh: 'AAAAAAAAAAAAAAAAAAAABg',
};
const DELETED = -2;
const topic = (topicName: string, topicId: string, leader: number, count: number) => ({
  topicName,
  topicId,
  partitionStates: Array.from({ length: count }, (_, partitionIndex) => ({
    partitionIndex,
    leader,
    isr: [1],
    replicas: [1],
  })),
});
function request(topicStates: ReturnType<typeof topic>[], port: number): UpdateMetadataRequest {
  const endpoints = [{ host: 'h', port, listener: 'PLAINTEXT', securityProtocol: 0 }];
  const input = { controllerId: port, controllerEpoch: 1, topicStates, liveBrokers: [{ id: 1, endpoints }] };
  return updateMetadataRequest.decode(updateMetadataRequest.encode(input, 8), 8);
}
const before = request(
  [
    topic('large', ids.large, 1, COUNT),
    topic('going', ids.going, 1, 3),
    topic('standing', ids.standing, 1, 2),
    topic('replaced', ids.replaced, 1, 2),
  ],
  1,
);
const manyTopics = Array.from({ length: 500 }, (_, at) =>
  topic(
    `t${at}`,
    Buffer.from(`topic of no ${1000 + at}`)
      .toString('base64url')
      .padEnd(22, 'A'),
    2,
    1,
  ),
);
const after = request(
  [
    topic('large', ids.large, 2, COUNT + 10),
    topic('going', ids.going, DELETED, 3),
    topic('fresh', ids.fresh, 2, 4),
    ...manyTopics,
  ],
  2,
);

/** All that readers see. */
function seen(metadata: MetadataCache): object {
  const topics = [...metadata.topicsInCluster()].sort();
  return {
    controllerId: metadata.controllerId,
    count: metadata.numPartitionsInCluster,
    node: metadata.aliveBrokerNode(1, 'PLAINTEXT'),
    names: Object.values(ids).map((id) => metadata.topicName(id)),
    topics: topics.map((name) => [
      name,
      metadata.hasTopic(name),
      metadata.topicId(name),
      metadata.numPartitions(name),
      new Set([...metadata.partitionsOf(name)].map(({ leader }) => leader)),
    ]),
    ofAll: [...metadata.allPartitions().keys()].sort(),
    partition: metadata.contains({ topic: 'going', partition: 2 }),
  };
}

/** Runs the steps, and calls `look` after each. */
function eachStep<T>(steps: Steps<T>, look: () => void): { result: T; count: number } {
  for (let count = 1; ; count++) {
    const step = steps.next();
    look();
    if (step.done) return { result: step.value, count };
  }
}

test('after each step of an update readers see all that was before, or all that is after', () => {
  const metadata = new MetadataCache();
  updateAtOnce(metadata, before);
  const { version } = metadata;
  const old = seen(metadata);
  const { result: draft, count } = eachStep(metadata.draft(after), () => expect(seen(metadata)).toEqual(old));
  // The copy of what is there, and what comes of it.
  expect(count).toBeGreaterThan((2 * COUNT) / 100);
  expect(metadata.version).toBe(version);
  const told: object[] = [];
  const stop = metadata.onUpdate(() => void told.push(seen(metadata)));
  const deleted = metadata.putInForce(draft);
  stop();
  const now = seen(metadata);
  expect(now).not.toEqual(old);
  expect(told).toEqual([now]);
  expect(metadata.version).toBeGreaterThan(version);
  expect(deleted).toEqual([0, 1, 2].map((partition) => ({ topic: 'going', partition })));
  eachStep(metadata.merge(), () => expect(seen(metadata)).toEqual(now));
  expect(metadata.numPartitionsInCluster).toBe(COUNT + 10 + 2 + 2 + 4 + 500);
});

test('a topic that is replaced is forgotten whole, whatever the number of its partitions', () => {
  const metadata = new MetadataCache();
  updateAtOnce(metadata, before);
  const replacing = request([topic('large', ids.replacing, 2, 1)], 2);
  const { version } = metadata;
  const { result } = eachStep(metadata.forgetReplaced(replacing), () => {
    expect([metadata.hasTopic('large'), metadata.topicName(ids.large)]).toEqual([false, undefined]);
    // Who compares versions looks again: a commit for the old topic is not taken for one of the new.
    expect(metadata.version).toBeGreaterThan(version);
  });
  expect(result).toHaveLength(COUNT);
  expect(metadata.numPartitionsInCluster).toBe(7);
});

test('requests are served between the slices of an UpdateMetadata, and the next command comes behind it', async () => {
  const clock = new SimulatedClock();
  const metadata = new MetadataCache();
  const done: string[] = [];
  const replicas = {
    controllerEpoch: 1,
    maybeUpdateMetadata: (_epoch: number, apply: () => void) => (apply(), ErrorCode.NONE),
  };
  const services = { clock, metadata, replicas, brokerEpoch: 1n };
  // A slice under a simulated clock ends after 200 steps.
  const states = [topic('large', ids.large, 1, 40_000)];
  const body = { controllerId: 1, controllerEpoch: 1, brokerEpoch: 1n, topicStates: states };
  const stop = metadata.onUpdate(() => void done.push('in force'));
  const outcome = await call({ apiKey: ApiKey.UpdateMetadata, version: 7, body, services });
  for (let turns = 0; outcome.answer === null; turns++) {
    await clock.advance(0);
    if (!metadata.hasTopic('large')) done.push('a turn before');
    expect(turns).toBeLessThan(100);
  }
  stop();
  expect(done.at(-1)).toBe('in force');
  expect(metadata.numPartitions('large')).toBe(40_000);
  // Once put in force nothing is left to merge: the next update can be.
  expect(() => updateAtOnce(metadata, before)).not.toThrow();
});
