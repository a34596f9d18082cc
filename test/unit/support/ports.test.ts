import net from 'node:net';
import type * as ports from '../../support/ports.js';

const reserve = (limits: string): number => {
  process.env['OTTLA_TEST_PORTS'] = limits;
  let base = 0;
  jest.isolateModules(() => {
    const { portBase } = jest.requireActual<typeof ports>('../../support/ports.js');
    base = portBase();
    expect(portBase()).toBe(base);
  });
  return base;
};
const before = process.env['OTTLA_TEST_PORTS'];
afterEach(() => {
  if (before === undefined) delete process.env['OTTLA_TEST_PORTS'];
  else process.env['OTTLA_TEST_PORTS'] = before;
});

test('every file of tests has ports that no other has and no one listens on', async () => {
  const bases = new Set([reserve('10000-31999'), reserve('10000-31999')]);
  expect(bases.size).toBe(2);
  for (const base of bases) {
    // Nothing else is left between them.
    expect(() => reserve(`${base}-${base + 99}`)).toThrow(`no 100 free ports between ${base} and ${base + 99}`);
    const server = net.createServer();
    await new Promise<void>((resolve, reject) => server.once('error', reject).listen(base, '127.0.0.1', resolve));
    await new Promise((resolve) => server.close(resolve));
  }
});
