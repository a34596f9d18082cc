import type { SimulatedCluster } from './support/simulated-cluster.js';
import { simulate } from './support/simulate.js';

/** Brokers that know no topic ids: all that tells two topics of one name apart is when they were there. */
const WITHOUT_IDS = { brokers: 3, properties: { 'inter.broker.protocol.version': '2.7' } };
const TP = { topic: 'orders', partition: 0 };

/** Makes the topic, lets it have more than one leader, deletes it, and makes it again with another. */
async function makeTwice(cluster: SimulatedCluster): Promise<void> {
  const first = await cluster.drive(cluster.createTopic('orders', { assignment: [[1, 2, 3]] }));
  cluster.broker(1).crash('process');
  await cluster.until(() => first.leader(0) === 2, { withinMs: 30_000 });
  cluster.broker(1).start();
  await cluster.untilQuiet();
  await cluster.drive(cluster.deleteTopic('orders'));
  await cluster.untilQuiet();
  await cluster.drive(cluster.createTopic('orders', { assignment: [[3, 1, 2]] }));
  await cluster.untilQuiet();
}

simulate(
  'a topic made again without an id is another topic, with leaders and epochs of its own',
  WITHOUT_IDS,
  makeTwice,
);

/** What no broker does: each is to be seen in the later of two topics too. */
const faults: Record<string, (cluster: SimulatedCluster) => void> = {
  'broker 2 has forgotten orders': (cluster) => {
    const { metadata } = cluster.broker(2).running!.services!;
    metadata.forget(metadata.allPartitions());
  },
  'epoch 0: brokers 3 and 1': (cluster) => {
    const follower = cluster.broker(1).running!.services!.replicas.partitionOf(TP)!;
    // To be looked at again it must be one that has not been seen in this epoch.
    jest.spyOn(cluster.broker(1), 'partitions').mockReturnValue([Object.create(follower, LEADS)]);
  },
  'leader epoch 0 after 1': (cluster) => {
    const partition = cluster.broker(2).running!.services!.replicas.partitionOf(TP)!;
    const epochs = [1, 0];
    jest.spyOn(partition, 'leaderEpoch', 'get').mockImplementation(() => (epochs.length > 1 ? epochs.shift()! : 0));
  },
};
const LEADS = { isLeader: { value: true } };

for (const [message, doWrong] of Object.entries(faults)) {
  simulate(`that is no excuse for: ${message}`, WITHOUT_IDS, async (cluster) => {
    await makeTwice(cluster);
    doWrong(cluster);
    await expect(cluster.run(1_000)).rejects.toThrow(message);
  });
}
