// What groups cost the others: their loading from __consumer_offsets, what they commit and ask for, and what takes it from them.
import fs from 'node:fs';
import path from 'node:path';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

const TOPIC = '__consumer_offsets';
/** Groups and partitions of the log that is loaded: as many commits as are asked for are of 200,000 offsets. */
const LOADED_GROUPS = 1000;
const LOADED_PARTITIONS = 200;
const BATCH_RECORDS = 1000;
const COMMITTING_GROUPS = 1000;
const COMMITTED_PARTITIONS = 100;
const FETCHED_PARTITIONS = 10_000;
const MEMBERS = 2000;
const SESSION_MS = 6000;
const CONNECTIONS = 20;
const LONG_AGO_MS = 30 * 24 * 3600 * 1000;

/** The log of the one partition, with so many commits, none of which will expire before it is asked to. */
export function writeGroupLog(wire, dataDir, commits, segmentName) {
  const dir = path.join(dataDir, `${TOPIC}-0`);
  fs.mkdirSync(dir, { recursive: true });
  const batches = [];
  const commitTimestampMs = Date.now() - LONG_AGO_MS;
  for (let from = 0; from < Math.min(commits, LOADED_GROUPS * LOADED_PARTITIONS); from += BATCH_RECORDS) {
    const builder = new wire.BatchBuilder({ initialCapacity: 128 * 1024, partitionLeaderEpoch: 0 });
    for (let at = from; at < from + BATCH_RECORDS; at++) {
      const topicPartition = { topic: 'loaded', partition: at % LOADED_PARTITIONS };
      const groupId = `loaded-${Math.floor(at / LOADED_PARTITIONS)}`;
      const offset = {
        offset: BigInt(at),
        leaderEpoch: null,
        metadata: '',
        commitTimestampMs,
        expireTimestampMs: null,
      };
      builder.append({
        timestamp: commitTimestampMs,
        key: wire.encodeOffsetCommitKey(groupId, topicPartition),
        value: wire.encodeOffsetCommitValue(offset),
      });
    }
    batches.push(builder.build());
  }
  const file = fs.openSync(segmentName(dir, 0, 'log'), 'w');
  for (let at = 0; at * BATCH_RECORDS < commits; at++) {
    const batch = batches[at % batches.length];
    batch.writeBigInt64BE(BigInt(at * BATCH_RECORDS), 0);
    fs.writeSync(file, batch);
  }
  fs.closeSync(file);
  for (const suffix of ['index', 'timeindex']) fs.writeFileSync(segmentName(dir, 0, suffix), '');
  fs.writeFileSync(path.join(dir, 'leader-epoch-checkpoint'), '0\n1\n0 0\n');
  fs.writeFileSync(path.join(dataDir, '.kafka_cleanshutdown'), '');
}

/** What a `Bench` measures of them. `topics` are 100 partitions each. */
export async function measureGroups(bench, { commits, topics, uuidOf }) {
  const { wire } = bench;
  const { ApiKey, ErrorCode } = wire;
  const offsetsTopic = { name: TOPIC, id: uuidOf(TOPIC) };
  const partitionsOf = (count) => Array.from({ length: count }, (_, at) => at);
  const commit = (groupId, committed) =>
    bench.ask(ApiKey.OffsetCommit, 8, {
      groupId,
      generationIdOrMemberEpoch: -1,
      memberId: '',
      topics: committed.map(({ name, count }) => ({
        name,
        partitions: partitionsOf(count).map((partitionIndex) => ({ partitionIndex, committedOffset: 7n })),
      })),
    });
  const fetch = async (groupId, asked) => {
    const answer = await bench.ask(ApiKey.OffsetFetch, 8, {
      groups: [{ groupId, topics: asked }],
      requireStable: true,
    });
    if (answer.groups[0].errorCode !== 0) throw new Error(`OffsetFetch: error ${answer.groups[0].errorCode}`);
    return answer.groups[0].topics.reduce((sum, { partitions }) => sum + partitions.length, 0);
  };
  const untilLoaded = async () => {
    for (;;) {
      const { groups } = await bench.ask(ApiKey.OffsetFetch, 8, { groups: [{ groupId: 'loaded-0', topics: [] }] });
      if (groups[0].errorCode === 0) return;
      if (groups[0].errorCode !== ErrorCode.COORDINATOR_LOAD_IN_PROGRESS)
        throw new Error(`error ${groups[0].errorCode}`);
      await sleep(20);
    }
  };
  const lead = async () => {
    await bench.leaderAndIsr([offsetsTopic], () => 1, false, [0]);
    await untilLoaded();
  };

  const settings = { 'offsets.topic.num.partitions': 1, 'group.initial.rebalance.delay.ms': 0 };
  await bench.start(settings);
  await bench.takeCommand();
  await bench.measure('at rest, no groups', () => sleep(3000));
  await bench.measure(`groups: ${commits} commits loaded`, lead);
  await bench.updateMetadata([offsetsTopic], [0]);
  await bench.updateMetadata(topics);
  const all = topics.slice(0, FETCHED_PARTITIONS / 100).map(({ name }) => ({ name, count: 100 }));
  await bench.measure(`OffsetCommit of ${FETCHED_PARTITIONS} partitions`, () => commit('large', all));
  await bench.measure(`OffsetFetch of ${FETCHED_PARTITIONS} partitions, named`, () =>
    fetch(
      'large',
      all.map(({ name, count }) => ({ name, partitionIndexes: partitionsOf(count) })),
    ),
  );
  await bench.measure(`OffsetFetch of ${FETCHED_PARTITIONS} partitions, all of a group`, () => fetch('large', null));
  await bench.measure(
    `OffsetCommit of ${COMMITTING_GROUPS} groups for ${COMMITTED_PARTITIONS} partitions each`,
    async () => {
      for (let at = 0; at < COMMITTING_GROUPS; at++) {
        await commit(`many-${at}`, [{ name: topics[0].name, count: COMMITTED_PARTITIONS }]);
      }
    },
  );
  await bench.measure(`UpdateMetadata: a topic that ${COMMITTING_GROUPS} groups have offsets of is deleted`, () =>
    bench.updateMetadata([topics[0]], partitionsOf(COMMITTED_PARTITIONS), -2),
  );
  await bench.measure(`${MEMBERS} members join, each a group, and are silent until they expire`, () =>
    membersExpire(bench, SESSION_MS),
  );
  await bench.measure('LeaderAndIsr: all groups are given up', () =>
    bench.leaderAndIsr([offsetsTopic], () => 2, false, [0]),
  );
  const vast = Array.from({ length: 1000 }, (_, at) => ({ name: `vast-${at}`, id: uuidOf(`vast-${at}`) }));
  await bench.measure('UpdateMetadata of 100,000 partitions', () => bench.updateMetadata(vast));
  await bench.measure('Metadata of 100,000 partitions', () => bench.ask(ApiKey.Metadata, 9, { topics: null }));
  await bench.stop('SIGKILL');

  await bench.start({ ...settings, 'offsets.retention.minutes': 1, 'offsets.retention.check.interval.ms': 5000 });
  await bench.takeCommand();
  await lead();
  await bench.measure(`expiry of ${Math.min(commits, LOADED_GROUPS * LOADED_PARTITIONS)} offsets`, () => sleep(15_000));
  await bench.stop('SIGKILL');
}

/** They join over some connections, and are heard of no more. */
async function membersExpire({ wire, ports }, sessionTimeoutMs) {
  const sockets = Array.from({ length: CONNECTIONS }, () => connect({ port: ports.broker, host: '127.0.0.1' }));
  for (let at = 0; at < MEMBERS; at++) {
    const body = {
      groupId: `silent-${at}`,
      sessionTimeoutMs,
      rebalanceTimeoutMs: sessionTimeoutMs,
      memberId: '',
      protocolType: 'consumer',
      protocols: [{ name: 'range', metadata: Buffer.alloc(8) }],
    };
    const frame = wire.encodeRequestFrame(wire.ApiKey.JoinGroup, 3, at, 'bench', body);
    for (const chunk of frame) sockets[at % CONNECTIONS].write(chunk);
  }
  for (const socket of sockets) socket.on('error', () => undefined).resume();
  await sleep(2 * sessionTimeoutMs);
  for (const socket of sockets) socket.destroy();
}
