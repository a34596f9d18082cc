/** What is said of partitions that no one can lead. */
import { silentLogger } from '../../../src/common/index.js';
import { ANY_VERSION, configEntityZnode } from '../../../src/zookeeper/index.js';
import { ControllerLab } from '../../support/controller-lab.js';

test('a broker that goes with many partitions costs one line, and no error', async () => {
  const said: string[] = [];
  const lab = new ControllerLab();
  const say =
    (level: string) =>
    (sentence: string, fields?: object): void =>
      void said.push(`${level} ${sentence} ${JSON.stringify(fields ?? {})}`);
  lab.logger = { ...silentLogger, error: say('error'), warn: say('warn') };
  await (await lab.start()).createTopLevelPaths();
  for (const id of [1, 2]) await lab.register(id);
  await lab.startController(1);
  const assignment = new Map(Array.from({ length: 5 }, (_, partition) => [partition, [2]]));
  await lab.during(lab.adminStores.topics.createTopic('orders', 'AAAAAAAAAAAAAAAAAAAABg', assignment));
  await lab.quiesce();
  said.length = 0;
  await lab.kill(2);
  await lab.quiesce();
  await lab.stop();
  expect(said.filter((line) => /leader|change state/.test(line))).toEqual([
    'warn Partitions have no leader until one of their in-sync replicas is back {"partitions":5,"first":"orders-0"}',
  ]);
  expect(said.filter((line) => line.startsWith('error'))).toEqual([]);
});

test('no replica that lags behind leads by a configuration that our member of the ensemble has yet to hear the end of', async () => {
  const lab = await (await new ControllerLab().start()).createTopLevelPaths();
  for (const id of [1, 2, 3]) await lab.register(id);
  await lab.startController(3);
  const { adminStores: stores, admin } = lab;
  const unclean = (value: string): Map<string, string> => new Map([['unclean.leader.election.enable', value]]);
  const partition = { topic: 'orders', partition: 0 };
  await lab.during(
    stores.topics.createTopic('orders', 'AAAAAAAAAAAAAAAAAAAABg', new Map([[0, [1, 2]]]), unclean('true')),
  );
  await lab.quiesce();
  await lab.kill(2);
  await lab.quiesce();
  await lab.register(2);
  await lab.quiesce();
  const { core } = lab.zooKeeper;
  const step = core.step.bind(core);
  core.step = (session, request, ...rest) => {
    if (request.op !== 'sync' || request.path !== '/config/topics') return step(session, request, ...rest);
    core.step = step;
    const data = configEntityZnode.encode(unclean('false'));
    const written = step(session, { op: 'set', path: '/config/topics/orders', data, version: ANY_VERSION }, ...rest);
    const synced = step(session, request, ...rest);
    return { ...synced, fired: [...written.fired, ...synced.fired] };
  };
  await lab.kill(1);
  await lab.quiesce();
  const state = await lab.during(stores.partitionStates.state(partition));
  expect(state?.leaderAndIsr).toMatchObject({ leader: -1, isr: [1] });
  expect(await lab.during(admin.get('/config/topics/orders')).then(({ data }) => String(data))).toContain('false');
  await lab.stop();
});
