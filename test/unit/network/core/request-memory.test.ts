import { RequestMemory, type FrameMemory } from '../../../../src/network/core/request-memory.js';
import { SENDER_CLASSES, type SenderClass } from '../../../../src/network/core/sender-class.js';

const CAPACITY = 800;
/** What each class may hold of it, without the one that overdraws. */
const ROOM: Readonly<Record<SenderClass, number>> = { broker: 100, claimedBroker: 100, small: 300, large: 400 };

/** A memory whose turns are taken one at a time, and the names of those that were let go on. */
class Lab {
  readonly granted: string[] = [];
  readonly turns: (() => void)[] = [];
  readonly memory = new RequestMemory(CAPACITY, (step) => this.turns.push(step));

  take(name: string, bytes: number, senderClass: SenderClass, onGranted: () => void = () => undefined): FrameMemory {
    const onMemoryGranted = (): void => {
      this.granted.push(name);
      onGranted();
    };
    return this.memory.take(senderClass, bytes, { address: 'one', onMemoryGranted });
  }

  /** One that holds `bytes` at once. */
  holding(bytes: number, senderClass: SenderClass = 'small'): FrameMemory {
    const account = this.take('at once', bytes, senderClass);
    expect(account.isGranted).toBe(true);
    return account;
  }

  waiting(name: string, bytes: number, senderClass: SenderClass = 'small', onGranted?: () => void): FrameMemory {
    const account = this.take(name, bytes, senderClass, onGranted);
    expect(account.isGranted).toBe(false);
    return account;
  }

  /** All that is put off, one turn after the other. */
  runTurns(): void {
    for (let turn = this.turns.shift(); turn; turn = this.turns.shift()) turn();
  }
}

describe.each(SENDER_CLASSES)('the memory of %s frames', (senderClass) => {
  const room = ROOM[senderClass];

  test('is full to the last byte, overdrawn by one, and then waited for, whatever other classes hold', () => {
    const lab = new Lab();
    for (const other of SENDER_CLASSES) {
      if (other === senderClass) continue;
      lab.holding(ROOM[other], other);
      lab.holding(10_000, other);
    }
    lab.holding(room - 1, senderClass);
    lab.holding(1, senderClass);
    expect(lab.memory.isShortFor(senderClass)).toBe(false);
    lab.holding(5000, senderClass);
    lab.waiting('next', 1, senderClass);
    expect(lab.memory.heldBy(senderClass)).toBe(room + 5000);
    expect(lab.memory.isShortFor(senderClass)).toBe(true);
    for (const other of SENDER_CLASSES) if (other !== senderClass) expect(lab.memory.isShortFor(other)).toBe(false);
  });
});

describe('the memory of requests', () => {
  test('lets those that wait go on in a turn of their own, and never inside of a release', () => {
    const lab = new Lab();
    const hog = lab.holding(300);
    const overdrawer = lab.holding(10);
    lab.waiting('a', 100);
    lab.waiting('b', 100);
    hog.release();
    expect(lab.granted).toEqual([]);
    expect(lab.turns).toHaveLength(1);
    lab.runTurns();
    expect(lab.granted).toEqual(['a', 'b']);
    expect(lab.memory.used).toBe(210);
    overdrawer.release();
    expect(lab.turns).toEqual([]);
  });

  test('lets no one go on inside of another, though each gives its memory back at once', () => {
    const lab = new Lab();
    const hog = lab.holding(300);
    lab.holding(10);
    let depth = 0;
    for (let i = 0; i < 100; i++) {
      const account: FrameMemory = lab.waiting(`${i}`, 300, 'small', () => {
        expect(++depth).toBe(1);
        account.release();
        depth--;
      });
    }
    hog.release();
    lab.runTurns();
    expect(lab.granted).toEqual(Array.from({ length: 100 }, (_, i) => `${i}`));
  });

  test('lets some go on at a time, brokers first, so that others have their turns between', () => {
    const lab = new Lab();
    const hogs = SENDER_CLASSES.map((name) => lab.holding(ROOM[name], name));
    for (const name of SENDER_CLASSES) lab.holding(1, name);
    for (let i = 0; i < 100; i++) lab.waiting('large', 1, 'large');
    for (let i = 0; i < 10; i++) lab.waiting('small', 1, 'small');
    for (let i = 0; i < 10; i++) lab.waiting('broker', 1, 'broker');
    for (const hog of hogs) hog.release();
    const perTurn: string[][] = [];
    for (let turn = lab.turns.shift(); turn; turn = lab.turns.shift()) {
      turn();
      perTurn.push(lab.granted.splice(0));
    }
    const names = perTurn.flat();
    expect(names).toEqual([
      ...Array.from({ length: 10 }, () => 'broker'),
      ...Array.from({ length: 10 }, () => 'small'),
      ...Array.from({ length: 100 }, () => 'large'),
    ]);
    expect(perTurn.length).toBeGreaterThanOrEqual(2);
    expect(Math.max(...perTurn.map(({ length }) => length))).toBeLessThanOrEqual(16);
  });

  test('keeps the order: whoever comes later waits though there is room for it', () => {
    const lab = new Lab();
    const hog = lab.holding(290);
    const overdrawer = lab.holding(20);
    lab.waiting('first', 200);
    lab.waiting('second', 1);
    lab.waiting('third', 250);
    hog.release();
    // Their turn has not come, but their place is theirs.
    lab.waiting('late', 1);
    lab.runTurns();
    expect(lab.granted).toEqual(['first', 'second']);
    overdrawer.release();
    lab.runTurns();
    // The third overdraws now.
    expect(lab.granted).toEqual(['first', 'second', 'third', 'late']);
  });

  test('lets frames that are larger than all there is go on one at a time, and others beside them', () => {
    const lab = new Lab();
    const giants = [lab.holding(1000, 'large'), ...[2, 3].map((i) => lab.waiting(`giant ${i}`, 1000, 'large'))];
    giants[0]!.release();
    lab.runTurns();
    expect(lab.granted).toEqual(['giant 2']);
    giants[1]!.release();
    lab.runTurns();
    expect(lab.granted).toEqual(['giant 2', 'giant 3']);
    lab.holding(ROOM.large, 'large').release();
    giants[2]!.release();
    expect(lab.memory.used).toBe(0);
  });

  test('what is overdrawn takes nothing of the others’ room', () => {
    const lab = new Lab();
    lab.holding(ROOM.large + 10_000, 'large');
    lab.holding(ROOM.large, 'large');
    lab.waiting('next', 1, 'large');
  });

  test('one that waits and is given up makes place for those behind it', () => {
    const lab = new Lab();
    const hog = lab.holding(200);
    lab.holding(290);
    const first = lab.waiting('first', 200);
    lab.waiting('second', 50);
    first.release();
    lab.runTurns();
    // Before, it stood behind one for which there was no room.
    expect(lab.granted).toEqual(['second']);
    hog.release();
    expect(lab.turns).toEqual([]);
  });

  test('one that is given up between the release and its turn is not let go on', () => {
    const lab = new Lab();
    const hog = lab.holding(300);
    lab.holding(10);
    const waiting = lab.waiting('given up', 100);
    hog.release();
    waiting.release();
    lab.runTurns();
    expect(lab.granted).toEqual([]);
    expect(lab.memory.used).toBe(10);
  });

  test('whoever throws when it is let go on keeps no one else from its turn', () => {
    const lab = new Lab();
    const hog = lab.holding(300);
    lab.holding(10);
    lab.waiting('throws', 100, 'small', () => {
      throw new Error('thrown');
    });
    lab.waiting('next', 100);
    hog.release();
    expect(() => lab.turns.shift()!()).toThrow('thrown');
    lab.runTurns();
    expect(lab.granted).toEqual(['throws', 'next']);
  });

  test('gives back once', () => {
    const lab = new Lab();
    const account = lab.holding(10);
    account.release();
    expect(() => account.release()).toThrow('the memory of a frame is given back once');
    expect(lab.memory.used).toBe(0);
  });

  test('bounds what is read ahead, apart from all classes, and counts it', () => {
    const lab = new Lab();
    expect([lab.memory.mayReadAhead(100), lab.memory.mayReadAhead(101)]).toEqual([true, false]);
    lab.memory.countReadAhead(60);
    expect([lab.memory.mayReadAhead(40), lab.memory.mayReadAhead(41)]).toEqual([true, false]);
    expect(lab.memory.used).toBe(60);
    lab.holding(ROOM.small);
    lab.memory.countReadAhead(-60);
    expect(() => lab.memory.countReadAhead(-1)).toThrow('what was read ahead is freed once');
  });
});
