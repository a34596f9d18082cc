import { seededRandom, type Connection } from '../../../src/common/index.js';
import { SimulatedClock, SimulatedNetwork, type SimulatedNetworkOptions } from '../../../src/testing/index.js';

interface Link {
  clock: SimulatedClock;
  network: SimulatedNetwork;
  client: Connection;
  server: () => Connection;
  events: string[];
}

async function link(options: Partial<SimulatedNetworkOptions> = {}): Promise<Link> {
  const clock = new SimulatedClock();
  const network = new SimulatedNetwork({ clock, random: seededRandom(7), minDelayMs: 1, maxDelayMs: 20, ...options });
  const events: string[] = [];
  const handlers = (name: string) => ({
    onOpen: () => void events.push(`${name} open`),
    onData: (bytes: Buffer) => void events.push(`${name} ${bytes.toString()}`),
    onClose: (error?: Error & { code?: string }) => void events.push(`${name} closed ${error?.code ?? ''}`.trim()),
  });
  let server: Connection | undefined;
  await network.transportFor('b').listen({ host: '', port: 9092 }, (connection) => {
    server = connection;
    connection.setHandlers(handlers('b'));
  });
  const client = network.transportFor('a').connect({ host: 'b', port: 9092 }, handlers('a'));
  await clock.advance(100);
  return { clock, network, client, server: () => server!, events };
}

describe('the simulated network', () => {
  test('delivers pieces in order whatever their delays', async () => {
    const { clock, client, server, events } = await link();
    for (const text of ['1', '2', '3', '4', '5']) client.write([Buffer.from(text)]);
    server().write([Buffer.from('back')]);
    client.end();
    await clock.advance(1000);
    expect(events.filter((event) => /^b \d/.test(event)).join('')).toBe('b 1b 2b 3b 4b 5');
    expect(events.slice(-2).sort()).toEqual(['a closed', 'b closed']);
    expect(events).toContain('a back');
  });

  test('holds back what goes over a cut way, and delivers it when the way heals', async () => {
    const { clock, network, client, server, events } = await link();
    network.cut('a', 'b');
    client.write([Buffer.from('late')]);
    server().write([Buffer.from('now')]);
    await clock.advance(5000);
    expect(events).toEqual(['a open', 'a now']);
    network.heal();
    await clock.advance(1000);
    expect(events).toEqual(['a open', 'a now', 'b late']);
  });

  test('lets no connection be made over a cut way', async () => {
    const { clock, network, events } = await link();
    network.partition(['a'], ['b']);
    network.transportFor('a').connect(
      { host: 'b', port: 9092 },
      {
        onData: () => undefined,
        onClose: (error) => void events.push(`second ${(error as { code?: string }).code}`),
      },
      { timeoutMs: 3000 },
    );
    await clock.advance(10_000);
    expect(events).toEqual(['a open', 'second ETIMEDOUT']);
  });

  test('resets the connections of a host that crashes, and refuses new ones', async () => {
    const { clock, network, events } = await link();
    network.crash('b');
    await clock.advance(100);
    expect(events).toEqual(['a open', 'a closed ECONNRESET']);
    network
      .transportFor('a')
      .connect(
        { host: 'b', port: 9092 },
        { onData: () => undefined, onClose: (error) => void events.push(`${(error as { code?: string }).code}`) },
      );
    await clock.advance(100);
    expect(events[2]).toBe('ECONNREFUSED');
  });

  test('breaks connections by its seed', async () => {
    const { clock, client, events } = await link({ resetProbability: 1 });
    client.write([Buffer.from('lost')]);
    await clock.advance(100);
    expect(events.slice(1).sort()).toEqual(['a closed ECONNRESET', 'b closed ECONNRESET']);
  });

  test('holds a writer back whose peer has paused', async () => {
    const { clock, client, server, events } = await link();
    server().pause();
    expect(client.write([Buffer.alloc(200_000)])).toBe(false);
    await clock.advance(1000);
    expect(client.bufferedBytes).toBe(200_000);
    server().resume();
    await clock.advance(1000);
    expect(client.bufferedBytes).toBe(0);
    expect(events).toHaveLength(2);
  });
});
