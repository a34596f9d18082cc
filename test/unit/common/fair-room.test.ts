import { FairRoom, seededRandom } from '../../../src/common/index.js';

interface Guest {
  readonly name: string;
  readonly address: string;
  readonly bytes: number;
}

const guest = (name: string, bytes: number): Guest => ({ name, bytes, address: name.replace(/\d/g, '') });

/** A room of 100, with the names of those who are in. */
function lab() {
  const room = new FairRoom<Guest>(100);
  const inside = new Map<string, Guest>();
  const enter = (name: string, bytes: number): boolean => {
    const isIn = room.enter(guest(name, bytes));
    if (isIn) inside.set(name, guest(name, bytes));
    return isIn;
  };
  return { room, enter };
}

describe('a room that strangers share', () => {
  test('lets an address take no more than it leaves to the others', () => {
    const { room, enter } = lab();
    const taken = Array.from({ length: 12 }, (_, at) => enter(`a${at}`, 10));
    // Five have half of it, the sixth overdraws.
    expect(taken.filter(Boolean)).toHaveLength(6);
    expect([enter('b1', 25), enter('b2', 1)]).toEqual([true, false]);
    expect([enter('c1', 12), enter('d1', 6)]).toEqual([true, true]);
    expect([room.heldBytes, room.waiters]).toEqual([60 + 25 + 12 + 6, 7]);
  });

  test('lets one overdraw, whose part takes nothing of the others\u2019', () => {
    const { enter } = lab();
    expect([enter('a1', 5000), enter('b1', 51), enter('c1', 50), enter('d1', 25)]).toEqual([true, false, true, true]);
  });

  test('lets the one whose turn it is overdraw, however many pass it', () => {
    const { room, enter } = lab();
    const giant = guest('giant1', 5000);
    expect(room.enter(giant)).toBe(true);
    enter('giant2', 5000);
    enter('other1', 60);
    for (let at = 0; at < 10; at++) expect(room.enter(guest('passer', 5))).toBe(true);
    expect(room.admitNext()).toBeNull();
    room.leave(giant);
    expect([room.admitNext()?.name, room.admitNext()]).toEqual(['giant2', null]);
    room.leave(guest('passer', 50));
    room.leave(guest('giant2', 0));
    expect(room.waiters).toBe(1);
  });

  test('keeps the order of one address: none passes those of its own who wait', () => {
    const { room, enter } = lab();
    const giant = guest('b1', 5000);
    room.enter(giant);
    expect([enter('a1', 60), enter('a2', 1)]).toEqual([false, false]);
    room.leave(giant);
    expect([room.admitNext()?.name, room.admitNext()?.name, room.admitNext()]).toEqual(['a1', 'a2', null]);
  });

  test('one that waits and is given up makes place for those behind it', () => {
    const { room, enter } = lab();
    const first = guest('a1', 60);
    enter('b1', 5000);
    room.enter(first);
    enter('a2', 1);
    expect(room.admitNext()).toBeNull();
    room.leave(first);
    expect(room.admitNext()?.name).toBe('a2');
  });

  test.each([1, 2, 3])(
    'whatever comes and goes, no one waits who fits, all go in at last, and nothing is left (seed %d)',
    (seed) => {
      const random = seededRandom(seed);
      const room = new FairRoom<Guest>(1000);
      const inside: Guest[] = [];
      const waiting = new Set<Guest>();
      let longest = 0;
      const since = new Map<Guest, number>();
      const admit = (): void => {
        for (let next = room.admitNext(); next; next = room.admitNext()) {
          waiting.delete(next);
          inside.push(next);
        }
      };
      const leave = (): void => {
        const [gone] = inside.splice(random.nextInt(inside.length), 1);
        if (gone) room.leave(gone);
      };
      for (let step = 0; step < 5000; step++) {
        const made = {
          name: `${step}`,
          address: `${random.nextInt(8)}`,
          bytes: 1 + random.nextInt(random.nextInt(5) === 0 ? 2000 : 100),
        };
        if (room.enter(made)) inside.push(made);
        else waiting.add(made);
        since.set(made, step);
        if (random.nextInt(10) === 0)
          for (const given of waiting) {
            waiting.delete(given);
            room.leave(given);
            break;
          }
        // As many go as come, and more once there are many.
        for (let count = 0; count < 1 + inside.length / 20; count++) leave();
        admit();
        expect(room.heldBytes).toBe(inside.reduce((sum, { bytes }) => sum + bytes, 0));
        expect(room.waiters).toBe(waiting.size);
        const addresses = new Map<string, number>();
        for (const { address, bytes } of inside) addresses.set(address, (addresses.get(address) ?? 0) + bytes);
        expect(room.heldBytes - Math.max(0, ...inside.map(({ bytes }) => bytes))).toBeLessThanOrEqual(1000);
        for (const each of waiting) longest = Math.max(longest, step - since.get(each)!);
      }
      while (inside.length > 0) {
        leave();
        admit();
      }
      expect([room.heldBytes, room.waiters, waiting.size]).toEqual([0, 0, 0]);
      expect(longest).toBeLessThan(5000);
    },
  );
});
