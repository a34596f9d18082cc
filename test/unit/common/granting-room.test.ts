import { GrantingRoom, SimulatedClock, type Tenant } from '../../../src/common/index.js';

test('one whose entry throws keeps no one behind it waiting', async () => {
  const clock = new SimulatedClock();
  const entered: number[] = [];
  const room = new GrantingRoom<Tenant & { readonly name: number }>(clock, 10, ({ name }) => {
    entered.push(name);
    if (name === 2) throw new Error('not me');
  });
  const tenants = [1000, 5, 3, 3].map((bytes, name) => ({ name, address: `a${name}`, bytes }));
  expect(tenants.map((tenant) => room.enter(tenant))).toEqual([true, true, false, false]);
  const failures: unknown[] = [];
  room.leave(tenants[1]!);
  for (let turn = 0; turn < 5; turn++) await clock.advance(1).catch((error: unknown) => failures.push(error));
  expect([entered, failures.length]).toEqual([[0, 1, 2, 3], 1]);
});
