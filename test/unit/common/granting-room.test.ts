import { GrantingRoom, type Tenant } from '../../../src/common/index.js';
import { SimulatedClock } from '../../../src/testing/index.js';

test('room that was given back is for those that wait, whoever comes in the same step', async () => {
  const clock = new SimulatedClock();
  const entered: string[] = [];
  const room = new GrantingRoom<Tenant & { readonly name: string }>(clock, 10, ({ name }) => entered.push(name));
  const tenant = (name: string, bytes = 3) => ({ name, address: 'a', bytes });
  const [large, first] = [tenant('large', 1000), tenant('first')];
  for (const each of [large, first]) expect(room.enter(each)).toBe(true);
  expect(room.enter(tenant('waiting'))).toBe(false);
  room.leave(first);
  expect(room.enter(tenant('again'))).toBe(false);
  for (let turn = 0; turn < 5; turn++) await clock.advance(1);
  expect(entered).toEqual(['large', 'first', 'waiting']);
});

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
