import { canRunZooKeeper, ZooKeeperEnsemble } from '../support/zookeeper-ensemble.js';
import { portBase } from '../support/ports.js';
import { describeZooKeeper } from './zookeeper.contract.js';

if (canRunZooKeeper()) describe('the real ZooKeeper', contract);
else test.skip('the real ZooKeeper: not run, there is no Java here', () => undefined);

function contract(): void {
  let ensemble: ZooKeeperEnsemble;
  const addresses: string[] = [];
  describeZooKeeper({
    members: addresses,
    async start() {
      ensemble = await ZooKeeperEnsemble.start({ basePort: portBase(), tickTimeMs: 1_500 });
      for (let member = 1; member <= ensemble.members; member++) addresses.push(ensemble.address(member));
    },
    stop: () => ensemble.stop(),
    kill: (member) => ensemble.kill(member + 1),
    revive: (member) => ensemble.restart(member + 1),
    freeze: (member) => ensemble.pause(member + 1),
    thaw: (member) => ensemble.resume(member + 1),
  });
}
