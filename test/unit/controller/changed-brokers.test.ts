/** A broker that changes its end points while the controller is about to take it up. */
import { ANY_VERSION, brokerIdZnode } from '../../../src/zookeeper/index.js';
import { ControllerLab } from '../../support/controller-lab.js';

const PATH = brokerIdZnode.path(2);
const PORT = 9999;

let lab: ControllerLab;
beforeEach(async () => {
  lab = await (await new ControllerLab().start()).createTopLevelPaths();
  await lab.register(1);
});
afterEach(() => lab.stop());

/** The broker writes other end points into its node right after that was first read. */
function changeOnceRead(): void {
  const { core } = lab.zooKeeper;
  const step = core.step.bind(core);
  core.step = (session, request, ...rest) => {
    const read = step(session, request, ...rest);
    if (request.op !== 'get' || request.path !== PATH || read.response.op !== 'get') return read;
    core.step = step;
    const data = Buffer.from(String(read.response.data).replaceAll('9092', String(PORT)));
    const written = step(session, { op: 'set', path: PATH, data, version: ANY_VERSION }, ...rest);
    // Told behind the answer.
    lab.clock.setTimer(0, () => lab.zooKeeper.deliver(written.fired));
    return read;
  };
}

function portTold(): number | undefined {
  const updates = lab.received.flatMap((it) => (it.api === 'UPDATE_METADATA' ? [it.body] : []));
  return updates.at(-1)?.liveBrokers.find(({ id }) => id === 2)?.endpoints[0]?.port;
}

test('is told as it is, when it has just come', async () => {
  await lab.startController(1);
  changeOnceRead();
  await lab.register(2);
  await lab.quiesce();
  expect(portTold()).toBe(PORT);
});

test('is told as it is, when a term has just begun', async () => {
  await lab.register(2);
  changeOnceRead();
  await lab.startController(1);
  expect(portTold()).toBe(PORT);
});
