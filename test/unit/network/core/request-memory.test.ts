import { RequestMemory } from '../../../../src/network/core/request-memory.js';

const MB = 1024 * 1024;

describe('the memory of requests', () => {
  test('never makes a frame of up to 1 MiB wait, whatever others hold', () => {
    const memory = new RequestMemory(8 * MB);
    const take = (frameBytes: number, bytes: number): boolean =>
      memory.account(frameBytes, () => undefined).take(bytes);
    const taken = Array.from({ length: 40 }, () => take(100 * MB, MB)).filter(Boolean).length;
    // All there is, and one that overdraws.
    expect(taken).toBe(9);
    expect(memory.waiters).toBe(31);
    for (let i = 0; i < 1000; i++) expect(take(60 * 1024, 60 * 1024)).toBe(true);
    // A follower's Fetch, LeaderAndIsr of thousands of partitions.
    expect(take(200, 200)).toBe(true);
    expect(take(MB, MB)).toBe(true);
    expect(memory.waiters).toBe(31);
  });

  test('lets large frames go on however much small ones hold', () => {
    const memory = new RequestMemory(2 * MB);
    for (let i = 0; i < 100; i++) memory.account(MB, () => undefined).take(MB);
    const large = [0, 1].map(() => memory.account(10 * MB, () => undefined).take(MB));
    expect(large).toEqual([true, true]);
    expect(memory.waiters).toBe(0);
  });

  test('lets one waiting frame at a time overdraw, so that half-read frames do not block each other for good', () => {
    const memory = new RequestMemory(MB);
    const granted: number[] = [];
    const accounts = [0, 1, 2].map((i) => memory.account(10 * MB, () => granted.push(i)));
    expect(accounts.map((account) => account.take(MB))).toEqual([true, true, false]);
    // The second overdraws and can go on to its end.
    expect(accounts[1]!.take(9 * MB)).toBe(true);
    expect(accounts[0]!.take(MB)).toBe(false);
    accounts[1]!.release();
    expect(granted).toEqual([2]);
    accounts[2]!.release();
    expect(granted).toEqual([2, 0]);
    accounts[0]!.release();
    expect(memory.used).toBe(0);
  });

  test('serves waiting frames in their order, as far as there is room', () => {
    const memory = new RequestMemory(4 * MB);
    const order: string[] = [];
    const hold = (bytes: number): ReturnType<RequestMemory['account']> => {
      const account = memory.account(50 * MB, () => undefined);
      expect(account.take(bytes)).toBe(true);
      return account;
    };
    const hog = hold(3 * MB);
    const overdrawer = hold(2 * MB);
    expect(memory.account(50 * MB, () => order.push('first')).take(2 * MB)).toBe(false);
    expect(memory.account(50 * MB, () => order.push('second')).take(4 * MB)).toBe(false);
    // There would be room, but those before it wait.
    expect(memory.account(50 * MB, () => order.push('third')).take(1)).toBe(false);
    hog.release();
    expect(order).toEqual(['first']);
    overdrawer.release();
    expect(order).toEqual(['first', 'second', 'third']);
  });

  test('forgets a frame that is given up while it waits', () => {
    const memory = new RequestMemory(MB);
    const granted: string[] = [];
    const [a, b] = [memory.account(10 * MB, () => undefined), memory.account(10 * MB, () => undefined)];
    a.take(MB);
    b.take(MB);
    const waiting = memory.account(10 * MB, () => granted.push('given up'));
    waiting.take(MB);
    waiting.release();
    b.release();
    expect(granted).toEqual([]);
    expect(memory.used).toBe(MB);
  });
});
