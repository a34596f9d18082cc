/** What is said of partitions that no one can lead. */
import { silentLogger } from '../../../src/common/index.js';
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
