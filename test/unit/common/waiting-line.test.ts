import { WaitingLine } from '../../../src/common/waiting-line.js';

/** Those of a line, by names of which the letters are the address. */
function line(...names: readonly string[]) {
  const made = new WaitingLine<{ name: string; address: string }>();
  const all = names.map((name) => ({ name, address: name.replace(/\d/g, '') }));
  for (const each of all) made.add(each);
  return { made, all };
}

function drain({ made }: ReturnType<typeof line>): string[] {
  const order: string[] = [];
  for (let first = made.first; first; first = made.first) {
    made.takeFirst(first);
    order.push(first.name);
  }
  return order;
}

describe('the line of those that wait', () => {
  test.each([
    { title: 'keeps the order of one address', names: ['a1', 'a2', 'a3'], order: ['a1', 'a2', 'a3'] },
    {
      title: 'lets addresses take turns',
      names: ['a1', 'a2', 'a3', 'b1', 'b2', 'c1'],
      order: ['a1', 'b1', 'c1', 'a2', 'b2', 'a3'],
    },
  ])('$title', ({ names, order }) => {
    const made = line(...names);
    expect(made.made.size).toBe(names.length);
    expect(drain(made)).toEqual(order);
    expect([made.made.size, made.made.first]).toEqual([0, null]);
  });

  test('who waits already keeps his place, and counts once', () => {
    const made = line('a1', 'a2', 'b1');
    made.made.add(made.all[0]!);
    expect(made.made.size).toBe(3);
    expect(drain(made)).toEqual(['a1', 'b1', 'a2']);
    expect(made.made.size).toBe(0);
  });

  test('an address that comes again takes its place behind the others', () => {
    const made = line('a1', 'b1', 'c1');
    made.made.takeFirst(made.all[0]!);
    made.made.add({ name: 'a2', address: 'a' });
    expect(drain(made)).toEqual(['b1', 'c1', 'a2']);
  });

  test('whoever is given up leaves the others in their order', () => {
    const made = line('a1', 'a2', 'b1', 'b2');
    expect([made.made.delete(made.all[0]!), made.made.delete(made.all[0]!)]).toEqual([true, false]);
    expect(made.made.size).toBe(3);
    expect(drain(made)).toEqual(['a2', 'b1', 'b2']);
    expect(made.made.delete(made.all[3]!)).toBe(false);
  });
});
