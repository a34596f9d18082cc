/** What an event does to thousands of partitions it does piece by piece: what others ask of this broker meanwhile is answered in between. */
import { ControllerLab } from '../../support/controller-lab.js';

const PARTITIONS = 2_600;
/** Those of a piece, each with the node above its state, and what belongs to the topic. */
const MOST_UNDER_WAY = 1_100;

let lab: ControllerLab;

beforeEach(async () => {
  lab = await (await new ControllerLab().start()).createTopLevelPaths();
  for (const id of [1, 2, 3]) await lab.register(id);
  await lab.startController(1);
});

afterEach(() => lab.stop());

const leaders = async (): Promise<Map<number, number>> => {
  const partitions = Array.from({ length: PARTITIONS }, (_, partition) => ({ topic: 'orders', partition }));
  const { found } = await lab.during(lab.adminStores.partitionStates.states(partitions));
  const count = new Map<number, number>();
  for (const { leaderAndIsr } of found.values())
    count.set(leaderAndIsr.leader, (count.get(leaderAndIsr.leader) ?? 0) + 1);
  return count;
};

test('made, led by others when a broker dies, taken up when it is back and in a new term', async () => {
  lab.mostUnderWay = 0;
  const assignment = new Map(Array.from({ length: PARTITIONS }, (_, partition) => [partition, [2, 3]]));
  await lab.during(lab.adminStores.topics.createTopic('orders', 'AAAAAAAAAAAAAAAAAAAABg', assignment));
  await lab.quiesce();
  expect(lab.mostUnderWay).toBeGreaterThan(100);
  expect(lab.mostUnderWay).toBeLessThan(MOST_UNDER_WAY);
  expect(await leaders()).toEqual(new Map([[2, PARTITIONS]]));

  lab.mostUnderWay = 0;
  lab.forget();
  await lab.kill(2);
  await lab.quiesce();
  expect(lab.mostUnderWay).toBeLessThan(MOST_UNDER_WAY);
  expect(await leaders()).toEqual(new Map([[3, PARTITIONS]]));
  // However many pieces: each broker is told once.
  const commands = lab.received.filter(({ to, api }) => to === 3 && api === 'LEADER_AND_ISR');
  expect(commands.map(({ body }) => ('topicStates' in body ? body.topicStates[0]?.partitionStates.length : 0))).toEqual(
    [PARTITIONS],
  );

  lab.mostUnderWay = 0;
  await lab.kill(3);
  await lab.quiesce();
  expect(lab.mostUnderWay).toBeLessThan(MOST_UNDER_WAY);
  expect(await leaders()).toEqual(new Map([[-1, PARTITIONS]]));

  lab.mostUnderWay = 0;
  await lab.register(3);
  await lab.quiesce();
  expect(lab.mostUnderWay).toBeLessThan(MOST_UNDER_WAY);
  expect(await leaders()).toEqual(new Map([[3, PARTITIONS]]));

  lab.mostUnderWay = 0;
  await lab.during(lab.admin.delete('/controller', -1));
  await lab.quiesce();
  expect(lab.mostUnderWay).toBeGreaterThan(0);
  expect(lab.mostUnderWay).toBeLessThan(MOST_UNDER_WAY);
});
