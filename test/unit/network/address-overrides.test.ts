import { silentLogger } from '../../../src/common/index.js';
import { AddressOverrides } from '../../../src/network/index.js';

const HOSTS: Readonly<Record<string, readonly string[]>> = { producer: ['10.0.0.7', '2001:db8:0:0:0:0:0:7'] };

function overrides() {
  const asked: string[] = [];
  const complaints: unknown[] = [];
  const logger = { ...silentLogger, error: (_sentence: string, fields?: object) => void complaints.push(fields) };
  const made = new AddressOverrides((host) => {
    asked.push(host);
    const addresses = HOSTS[host];
    return addresses ? Promise.resolve(addresses) : Promise.reject(new Error('unknown host'));
  }, logger);
  return { made, asked, complaints };
}
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('bounds by address', () => {
  test.each([
    ['10.0.0.1', '10.0.0.1'],
    ['0:0:0:0:0:0:0:1', '::1'],
    ['2001:DB8::A', '2001:db8::a'],
    ['::ffff:10.0.0.1', '10.0.0.1'],
    ['fe80::1%eth0', 'fe80::1%eth0'],
  ])('%s bounds the client at %s', (named, address) => {
    const { made, asked } = overrides();
    made.update(new Map([[named, 5]]));
    expect([made.limitOf(address), made.limitOf('10.9.9.9'), asked]).toEqual([5, undefined, []]);
  });

  test('a host name bounds the clients at all its addresses, and is resolved once', async () => {
    const { made, asked } = overrides();
    const hosts = new Map([['producer', 5]]);
    for (let connection = 0; connection < 10; connection++) made.update(hosts);
    await settled();
    expect([made.limitOf('10.0.0.7'), made.limitOf('2001:db8::7')]).toEqual([5, 5]);
    // Another change of the configuration leaves these as they were.
    made.update(new Map(hosts));
    expect([made.limitOf('10.0.0.7'), asked]).toEqual([5, ['producer']]);
    made.update(new Map([['producer', 6]]));
    await settled();
    expect([made.limitOf('10.0.0.7'), asked]).toEqual([6, ['producer', 'producer']]);
  });

  test('a host that cannot be resolved costs that one, and is logged', async () => {
    const { made, complaints } = overrides();
    made.update(
      new Map([
        ['nowhere', 1],
        ['producer', 2],
        ['10.0.0.1', 3],
      ]),
    );
    await settled();
    expect([made.limitOf('10.0.0.7'), made.limitOf('10.0.0.1')]).toEqual([2, 3]);
    expect(complaints).toMatchObject([{ host: 'nowhere' }]);
  });

  test('what is resolved late belongs to the configuration that named it', async () => {
    const { made } = overrides();
    made.update(new Map([['producer', 1]]));
    made.update(new Map([['10.0.0.1', 2]]));
    await settled();
    expect([made.limitOf('10.0.0.7'), made.limitOf('10.0.0.1')]).toEqual([undefined, 2]);
  });
});
