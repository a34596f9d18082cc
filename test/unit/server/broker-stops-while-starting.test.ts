/** A broker that is told to stop at any point of its start: nothing of it lives on, as an embedded one's process does. */
import {
  seededRandom,
  silentLogger,
  type Clock,
  type Listener,
  type Timer,
  type Transport,
} from '../../../src/common/index.js';
import { settle, SimulatedFileSystem } from '../../../src/testing/index.js';
import { BrokerConfig } from '../../../src/config/index.js';
import { Broker } from '../../../src/server/index.js';
import { MemoryTransport } from '../zookeeper/support/memory-transport.js';
import { SimulatedZooKeeper } from '../zookeeper/support/simulated-zookeeper.js';

/** Timers that are set and neither fired nor cancelled. */
function counted(clock: Clock) {
  const live = new Set<object>();
  const setTimer = (delayMs: number, task: () => void): Timer => {
    const key = {};
    live.add(key);
    const timer = clock.setTimer(delayMs, () => {
      live.delete(key);
      task();
    });
    return {
      cancel: () => {
        live.delete(key);
        timer.cancel();
      },
    };
  };
  const counting: Clock = {
    nowMs: () => clock.nowMs(),
    monotonicMs: () => clock.monotonicMs(),
    setTimer,
    defer: (task) => void setTimer(0, task),
  };
  return { counting, live };
}

async function newHost() {
  const zooKeeper = new SimulatedZooKeeper();
  const network = new MemoryTransport(zooKeeper.clock);
  await zooKeeper.server.listen(network, { host: 'zk', port: 2181 });
  const disk = new SimulatedFileSystem(() => zooKeeper.clock.nowMs());
  disk.makeDir('/data');
  const listening = new Set<Listener>();
  const transport: Transport = {
    connect: (endpoint, handlers) => network.connect(endpoint, handlers),
    async listen(...args) {
      const listener = await network.listen(...args);
      listening.add(listener);
      return {
        endpoint: listener.endpoint,
        close: () => {
          listening.delete(listener);
          return listener.close();
        },
      };
    },
  };
  const life = () => {
    const { counting, live } = counted(zooKeeper.clock);
    const { config } = BrokerConfig.parse(
      new Map([
        ['broker.id', '1'],
        ['zookeeper.connect', 'zk:2181'],
        ['listeners', 'PLAINTEXT://broker:9092'],
        ['log.dirs', '/data'],
      ]),
    );
    const broker = new Broker({
      config,
      loggerFactory: () => silentLogger,
      clock: counting,
      random: seededRandom(1),
      fs: disk,
      transport,
    });
    return { broker, live };
  };
  return { zooKeeper, network, disk, listening, life };
}

/** Leaves logs behind that have to be recovered. */
async function leaveLogs({ zooKeeper, disk, life }: Awaited<ReturnType<typeof newHost>>, count: number): Promise<void> {
  const { broker } = life();
  await zooKeeper.run(broker.startup());
  const { logs } = broker.services!;
  for (let partition = 0; partition < count; partition++) {
    logs.getOrCreateLog({ topic: 'orders', partition }, { isNew: true });
  }
  await zooKeeper.run(broker.shutdown());
  disk.remove('/data/.kafka_cleanshutdown');
  // There is no such topic: they stay because no one can tell of which cluster they are.
  disk.remove('/data/meta.properties');
}

const MANY_LOGS = 450;

test('leaves no timer, listener, lock or session, and says so to whoever started it', async () => {
  const host = await newHost();
  const { zooKeeper, disk, listening, life } = host;
  await leaveLogs(host, 5);
  const observer = await zooKeeper.client();
  let stopped = 0;
  for (let steps = 0; ; steps++) {
    const { broker, live } = life();
    let failure: unknown;
    const started = broker.startup().catch((error: unknown) => (failure = error));
    for (let step = 0; step < steps && !broker.isRunning; step++) {
      await settle();
      zooKeeper.clock.step();
    }
    const wasRunning = broker.isRunning;
    await zooKeeper.run(broker.shutdown());
    await zooKeeper.run(started);
    // What was begun by others' leave has its end.
    await zooKeeper.clock.advance(60_000);
    const left = {
      steps,
      timers: live.size,
      listeners: listening.size,
      ids: await zooKeeper.run(observer.stores.brokers.brokerIds()),
    };
    expect(left).toEqual({ steps, timers: 0, listeners: 0, ids: [] });
    const lock = disk.lock('/data/.lock');
    expect(lock.isHeld).toBe(true);
    if (lock.isHeld) lock.release();
    expect(await broker.whenStopped()).toBeUndefined();
    if (wasRunning) break;
    stopped++;
    expect(String(failure)).toContain('told to stop while it was starting');
  }
  expect(stopped).toBeGreaterThan(20);
});

test('is not marked as cleanly stopped when its logs were not all loaded', async () => {
  const host = await newHost();
  const { zooKeeper, disk, life } = host;
  // They take more than one slice.
  await leaveLogs(host, MANY_LOGS);
  const { broker } = life();
  const started = broker.startup().catch(() => undefined);
  for (let step = 0; step < 1000 && !isLoading(broker); step++) {
    await settle();
    zooKeeper.clock.step();
  }
  expect(isLoading(broker)).toBe(true);
  await zooKeeper.run(broker.shutdown());
  await zooKeeper.run(started);
  expect(disk.exists('/data/.kafka_cleanshutdown')).toBe(false);
  // The next one finds all of them.
  const next = life();
  await zooKeeper.run(next.broker.startup());
  expect([...next.broker.services!.logs.allLogs()]).toHaveLength(MANY_LOGS);
  await zooKeeper.run(next.broker.shutdown());
});

/** Some logs are there, and not yet all. */
function isLoading(broker: Broker): boolean {
  const { logs } = (broker as unknown as { parts: { logs?: { allLogs(): Iterable<unknown> } } }).parts;
  const loaded = logs ? [...logs.allLogs()].length : 0;
  return loaded > 0 && loaded < MANY_LOGS;
}

test('does not wait for a ZooKeeper that is not there', async () => {
  const { zooKeeper, network, life } = await newHost();
  network.isCut = true;
  const { broker } = life();
  const started = broker.startup().catch(() => undefined);
  await zooKeeper.clock.advance(2_000);
  const atMs = zooKeeper.clock.nowMs();
  await zooKeeper.run(broker.shutdown());
  await zooKeeper.run(started);
  expect(zooKeeper.clock.nowMs() - atMs).toBeLessThan(1_000);
});

test('that was stopped before it was started does not start', async () => {
  const { zooKeeper, life } = await newHost();
  const { broker, live } = life();
  await zooKeeper.run(broker.shutdown());
  await expect(broker.startup()).rejects.toThrow('told to stop');
  expect(live.size).toBe(0);
});
