import { RequestMemory, type FrameMemory } from '../../../../src/network/core/request-memory.js';
import { SENDER_CLASSES, type SenderClass } from '../../../../src/network/core/sender-class.js';

const CAPACITY = 800;
/** What each class may hold of it, without the one that overdraws. */
const ROOM: Readonly<Record<SenderClass, number>> = { broker: 100, claimedBroker: 100, small: 300, large: 400 };
/** More than any room. */
const OVERDRAWN = 5000;

/** A memory whose turns are taken one at a time, and the names of those that were let go on. Each comes from an address of its own. */
class Lab {
  readonly granted: string[] = [];
  readonly turns: (() => void)[] = [];
  readonly memory = new RequestMemory(CAPACITY, (step) => this.turns.push(step));
  private addresses = 0;

  take(name: string, bytes: number, senderClass: SenderClass, onGranted: () => void = () => undefined): FrameMemory {
    const onMemoryGranted = (): void => {
      this.granted.push(name);
      onGranted();
    };
    return this.memory.take(senderClass, bytes, { address: `${this.addresses++}`, onMemoryGranted });
  }

  /** One that holds `bytes` at once. */
  holding(bytes: number, senderClass: SenderClass = 'small'): FrameMemory {
    const account = this.take('at once', bytes, senderClass);
    expect(account.isGranted).toBe(true);
    return account;
  }

  /** One that overdraws, and others that take all of the class but its last byte. */
  full(senderClass: SenderClass = 'small'): { overdrawer: FrameMemory; release: () => void } {
    const overdrawer = this.holding(OVERDRAWN, senderClass);
    const hogs: FrameMemory[] = [];
    for (let left = ROOM[senderClass]; left > 1; left = Math.ceil(left / 2)) {
      hogs.push(this.holding(Math.floor(left / 2), senderClass));
    }
    return {
      overdrawer,
      release: () => {
        for (const hog of hogs) hog.release();
      },
    };
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
  test('is full, overdrawn by one, and then waited for, whatever other classes hold', () => {
    const lab = new Lab();
    for (const other of SENDER_CLASSES) if (other !== senderClass) lab.full(other);
    lab.full(senderClass);
    expect(lab.memory.isShortFor(senderClass)).toBe(false);
    lab.waiting('next', 1, senderClass);
    expect(lab.memory.heldBy(senderClass)).toBe(ROOM[senderClass] - 1 + OVERDRAWN);
    expect(lab.memory.isShortFor(senderClass)).toBe(true);
    for (const other of SENDER_CLASSES) if (other !== senderClass) expect(lab.memory.isShortFor(other)).toBe(false);
  });
});

describe('the memory of requests', () => {
  test('lets those that wait go on in a turn of their own, and never inside of a release', () => {
    const lab = new Lab();
    const { release, overdrawer } = lab.full();
    lab.waiting('a', 100);
    lab.waiting('b', 100);
    release();
    expect(lab.granted).toEqual([]);
    expect(lab.turns).toHaveLength(1);
    lab.runTurns();
    expect(lab.granted).toEqual(['a', 'b']);
    expect(lab.memory.used).toBe(200 + OVERDRAWN);
    overdrawer.release();
    expect(lab.turns).toEqual([]);
  });

  test('that was given back is for those that wait, whoever asks before they go on', () => {
    const lab = new Lab();
    const { release } = lab.full();
    lab.waiting('patient', 10);
    release();
    lab.waiting('back again', 10);
    // Not where no one waits.
    lab.holding(OVERDRAWN, 'large');
    lab.holding(10, 'large');
    lab.runTurns();
    expect(lab.granted).toEqual(['patient', 'back again']);
    lab.holding(10);
  });

  test('lets no one go on inside of another, though each gives its memory back at once', () => {
    const lab = new Lab();
    const { release } = lab.full();
    let depth = 0;
    for (let i = 0; i < 100; i++) {
      const account: FrameMemory = lab.waiting(`${i}`, 150, 'small', () => {
        expect(++depth).toBe(1);
        account.release();
        depth--;
      });
    }
    release();
    lab.runTurns();
    expect(lab.granted).toEqual(Array.from({ length: 100 }, (_, i) => `${i}`));
  });

  test('lets some go on at a time, brokers first, so that others have their turns between', () => {
    const lab = new Lab();
    const releases = SENDER_CLASSES.map((name) => lab.full(name).release);
    for (let i = 0; i < 100; i++) lab.waiting('large', 1, 'large');
    for (let i = 0; i < 10; i++) lab.waiting('small', 1, 'small');
    for (let i = 0; i < 10; i++) lab.waiting('broker', 1, 'broker');
    for (const release of releases) release();
    const perTurn: string[][] = [];
    for (let turn = lab.turns.shift(); turn; turn = lab.turns.shift()) {
      turn();
      perTurn.push(lab.granted.splice(0));
    }
    const names = perTurn.flat();
    expect(names.slice(0, 10)).toEqual(Array.from({ length: 10 }, () => 'broker'));
    expect(names.slice(10, 30).filter((name) => name === 'small')).toHaveLength(10);
    expect(names.slice(10).filter((name) => name === 'large')).toHaveLength(100);
    expect(perTurn.length).toBeGreaterThanOrEqual(2);
    expect(Math.max(...perTurn.map(({ length }) => length))).toBeLessThanOrEqual(16);
  });

  test('lets each class go on in turn: a line of small frames that is never empty does not hold up large ones', () => {
    const lab = new Lab();
    const small = lab.full();
    const large = lab.full('large');
    for (let at = 0; at < 40; at++) lab.waiting('small', 10);
    lab.waiting('large', 10, 'large');
    small.release();
    large.release();
    lab.turns.shift()!();
    expect(lab.granted).toContain('large');
  });

  test('a stranger with frames larger than all there is keeps no one else waiting', () => {
    const lab = new Lab();
    const owner = { address: 'stranger', onMemoryGranted: () => undefined };
    for (let i = 0; i < 20; i++) lab.memory.take('large', i % 2 === 0 ? ROOM.large + 1 : 50, owner);
    expect(lab.memory.isShortFor('large')).toBe(true);
    lab.holding(10, 'large');
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
    lab.holding(ROOM.large / 2, 'large').release();
    giants[2]!.release();
    expect(lab.memory.used).toBe(0);
  });

  test('one that is given up between the release and its turn is not let go on', () => {
    const lab = new Lab();
    const { release } = lab.full();
    const waiting = lab.waiting('given up', 100);
    release();
    waiting.release();
    lab.runTurns();
    expect(lab.granted).toEqual([]);
    expect(lab.memory.used).toBe(OVERDRAWN);
  });

  test('whoever throws when it is let go on keeps no one else from its turn', () => {
    const lab = new Lab();
    const { release } = lab.full();
    lab.waiting('throws', 100, 'small', () => {
      throw new Error('thrown');
    });
    lab.waiting('next', 100);
    release();
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
    lab.full();
    lab.memory.countReadAhead(-60);
    expect(() => lab.memory.countReadAhead(-1)).toThrow('what was read ahead is freed once');
  });
});
