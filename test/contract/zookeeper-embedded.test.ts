import { nodeTransport, seededRandom, silentLogger, systemClock } from '../../src/common/index.js';
import { EmbeddedZooKeeper, type EmbeddedMember } from '../../src/zookeeper/index.js';
import { describeZooKeeper } from './zookeeper.contract.js';

describe('the embedded ZooKeeper', () => {
  const zooKeeper = new EmbeddedZooKeeper({
    clock: systemClock,
    random: seededRandom(1),
    logger: silentLogger,
    minSessionTimeoutMs: 1000,
  });
  const members: EmbeddedMember[] = [];
  const addresses: string[] = [];
  describeZooKeeper({
    members: addresses,
    async start() {
      for (let i = 0; i < 3; i++) {
        const member = await zooKeeper.listen(nodeTransport, { host: '127.0.0.1', port: 0 });
        members.push(member);
        addresses.push(`127.0.0.1:${member.endpoint.port}`);
      }
    },
    stop: () => zooKeeper.close(),
    kill: (member) => members[member]!.stop(),
    async revive(member) {
      members[member] = await zooKeeper.listen(nodeTransport, members[member]!.endpoint);
    },
    async freeze(member) {
      members[member]!.freeze();
      await Promise.resolve();
    },
    async thaw(member) {
      members[member]!.thaw();
      await Promise.resolve();
    },
  });
});
