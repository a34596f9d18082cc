// Measures what a fetch session costs: a follower's or consumer's session of many partitions, idle, with one partition active, and with
// all of them active; first as it is, then with sessions whose partitions never rest, which is Kafka's way: every fetch walks them all.
//   npm run bench:fetch            2000 and 5000 partitions
//   npm run bench:fetch -- 10000   as many as said
import { loadSources } from './bundle.mjs';
import { readCommandLine } from './command-line.mjs';

const { words: sizes } = readCommandLine({}, { words: 'numbers' });
const { ReplicaCluster, TOPIC_ID, ORDERS, FetchSet, batchOf, fetchRequest, fetchResponse } = await loadSources(`
  export * from './test/unit/replication/replica-cluster.js';
  export { FetchSet } from './src/replication/core/fetch-set.js';
  export { fetchRequest, fetchResponse } from './src/protocol/index.js';`);

const VERSION = 13;
const WAIT_MS = 500;
const rest = FetchSet.prototype.rest;
console.log('microseconds of CPU a fetch   session  idle  one active  all active');
for (const partitions of sizes.length > 0 ? sizes : [2000, 5000]) {
  for (const replicaId of [-1, 2]) {
    for (const rests of [true, false]) {
      FetchSet.prototype.rest = rests ? rest : () => undefined;
      const idle = await measure(partitions, replicaId, 0);
      const one = await measure(partitions, replicaId, 1);
      const all = await measure(partitions, replicaId, partitions);
      const who = replicaId < 0 ? 'consumer' : 'follower';
      console.log(
        `${rests ? 'resting' : 'walking'}  ${who}`.padEnd(30) +
          `${partitions}`.padEnd(9) +
          [idle, one, all].map((micros) => micros.toFixed(0).padEnd(10)).join('  '),
      );
    }
  }
}

/** The CPU time of one fetch, from its arrival to its encoded answer, when `active` partitions get a record while it waits. */
async function measure(partitions, replicaId, active) {
  const cluster = await ReplicaCluster.start({ brokers: 1 });
  const tps = Array.from({ length: partitions }, (_, partition) => ({ topic: ORDERS.topic, partition }));
  for (const tp of tps) {
    const state = { leader: 1, leaderEpoch: 0, isr: [1, 2], recovering: false, partitionEpoch: 0 };
    cluster.partitions.set(`${tp.topic}-${tp.partition}`, { tp, replicas: replicaId < 0 ? [1] : [1, 2], state });
    if (replicaId < 0) state.isr = [1];
  }
  cluster.announce(tps, true);
  const { replicas } = cluster.broker(1);
  const offsets = new Array(partitions).fill(0);
  const send = (input) => {
    const request = fetchRequest.decode(
      fetchRequest.encode({ maxWaitMs: WAIT_MS, minBytes: 1, replicaId, ...input }, VERSION),
      VERSION,
    );
    const sent = { bytes: null };
    replicas.handleFetch(
      request,
      VERSION,
      { listenerName: 'PLAINTEXT', authorize: () => 0, fail: (error) => console.error(error) },
      (response) => {
        sent.bytes = fetchResponse.encode(response, VERSION);
      },
    );
    return sent;
  };
  const asked = (which) =>
    which.length === 0
      ? []
      : [
          {
            topicId: TOPIC_ID,
            partitions: which.map((partition) => ({
              partition,
              fetchOffset: BigInt(offsets[partition]),
              logStartOffset: 0n,
              currentLeaderEpoch: 0,
              partitionMaxBytes: 1 << 20,
            })),
          },
        ];
  const opening = send({ sessionId: 0, sessionEpoch: 0, topics: asked(tps.map((tp) => tp.partition)) });
  await cluster.clock.advance(WAIT_MS);
  const { sessionId } = fetchResponse.decode(opening.bytes, VERSION);
  const batch = batchOf(['x'.repeat(100)]);
  const produce = (tp) =>
    replicas.appendRecords({
      timeoutMs: 0,
      requiredAcks: 1,
      internalTopicsAllowed: false,
      origin: 'client',
      entries: [{ tp, records: Buffer.from(batch) }],
      onComplete: () => undefined,
    });
  let moved = [];
  let micros = 0;
  const [warmUp, rounds] = active > 1 ? [2, 6] : [30, 120];
  for (let epoch = 1; epoch <= warmUp + rounds; epoch++) {
    const spent = [];
    const timed = async (step) => {
      const before = process.cpuUsage();
      await step();
      const { user, system } = process.cpuUsage(before);
      spent.push(user + system);
    };
    let sent;
    await timed(() => {
      sent = send({ sessionId, sessionEpoch: epoch, topics: asked(moved) });
    });
    moved = tps.slice(0, active).map((tp) => tp.partition);
    // Appends are no part of what is measured; what they wake is.
    for (const partition of moved) {
      if (sent.bytes) break;
      produce(tps[partition]);
      if (replicaId < 0 || replicaId === 2) offsets[partition]++;
    }
    await timed(() => cluster.clock.advance(active > 0 ? 5 : WAIT_MS));
    if (!sent.bytes) throw new Error('a fetch was not answered');
    if (epoch > warmUp) micros += spent.reduce((sum, each) => sum + each);
  }
  cluster.stop();
  return micros / rounds;
}
