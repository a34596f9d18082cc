import { RequestMemory } from '../../../../src/network/core/request-memory.js';

const MB = 1024 * 1024;

describe('the memory of requests', () => {
  test('keeps a part for small frames that large ones cannot fill', () => {
    const memory = new RequestMemory(8 * MB);
    const large = Array.from({ length: 40 }, () => memory.account(100 * MB, () => undefined));
    const taken = large.filter((account) => account.take(MB)).length;
    // Half of it, and one that overdraws.
    expect(taken).toBe(5);
    expect(memory.waiters).toBe(35);
    expect(memory.account(2000, () => undefined).take(2000)).toBe(true);
    expect(memory.account(MB, () => undefined).take(MB / 2)).toBe(true);
  });

  test('lets one waiting frame at a time overdraw, so that half-read frames do not block each other for good', () => {
    const memory = new RequestMemory(2 * MB);
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

  test('serves waiting frames of the smaller class first', () => {
    const memory = new RequestMemory(4 * MB);
    const order: string[] = [];
    const hold = (frameBytes: number, bytes: number): ReturnType<RequestMemory['account']> => {
      const account = memory.account(frameBytes, () => undefined);
      expect(account.take(bytes)).toBe(true);
      return account;
    };
    const hog = hold(50 * MB, 2 * MB);
    hold(MB, MB);
    for (let i = 0; i < 16; i++) hold(64 * 1024, 64 * 1024);
    const overdrawer = hold(50 * MB, 2 * MB);
    expect(memory.account(50 * MB, () => order.push('large')).take(MB)).toBe(false);
    expect(memory.account(MB, () => order.push('middling')).take(MB / 2)).toBe(false);
    expect(memory.account(1000, () => order.push('small')).take(1000)).toBe(false);
    hog.release();
    expect(order).toEqual(['small', 'middling']);
    overdrawer.release();
    expect(order).toEqual(['small', 'middling', 'large']);
  });

  test('forgets a frame that is given up while it waits', () => {
    const memory = new RequestMemory(2 * MB);
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
