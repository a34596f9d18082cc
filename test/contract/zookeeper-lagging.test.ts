import { nodeTransport, seededRandom, silentLogger, systemClock } from '../../src/common/index.js';
import { EmbeddedZooKeeper, type EmbeddedMember } from '../../src/zookeeper/index.js';
import { LaggingReplica } from '../simulation/support/lagging-replica.js';
import { OrderedCore } from '../simulation/support/ordered-core.js';
import { describeZooKeeper } from './zookeeper.contract.js';

describe('a ZooKeeper whose members lag behind each other', () => {
  const core = new OrderedCore({ minSessionTimeoutMs: 1_000, maxSessionTimeoutMs: 40_000 });
  const zooKeeper = new EmbeddedZooKeeper({ clock: systemClock, random: seededRandom(1), logger: silentLogger, core });
  const replicas = [1, 2, 3].map((seed) => new LaggingReplica(zooKeeper, core, systemClock, seededRandom(seed)));
  const members: EmbeddedMember[] = [];
  const addresses: string[] = [];
  describeZooKeeper({
    members: addresses,
    async start() {
      for (const replica of replicas) {
        const member = await zooKeeper.listen(nodeTransport, { host: '127.0.0.1', port: 0 }, replica);
        members.push(member);
        addresses.push(`127.0.0.1:${member.endpoint.port}`);
      }
    },
    stop: () => zooKeeper.close(),
    kill: (member) => members[member]!.stop(),
    async revive(member) {
      members[member] = await zooKeeper.listen(nodeTransport, members[member]!.endpoint, replicas[member]);
    },
    async freeze(member) {
      members[member]!.freeze();
      replicas[member]!.hold(true);
      await Promise.resolve();
    },
    async thaw(member) {
      replicas[member]!.hold(false);
      members[member]!.thaw();
      await Promise.resolve();
    },
  });
});
