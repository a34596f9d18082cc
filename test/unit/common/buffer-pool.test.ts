import { BufferPool } from '../../../src/common/index.js';

const KIB = 1024;

describe('a buffer pool', () => {
  test('gives the same memory again once any part of it came back', () => {
    const pool = new BufferPool(64 * KIB);
    const first = pool.take(20 * KIB);
    expect(first.length).toBe(20 * KIB);
    expect(pool.take(20 * KIB).buffer).not.toBe(first.buffer);
    pool.give(first.subarray(100, 200));
    expect(pool.take(19 * KIB).buffer).toBe(first.buffer);
  });

  test('never gives one memory to two, however often it is given back', () => {
    const pool = new BufferPool(1024 * KIB);
    const buffer = pool.take(16 * KIB);
    pool.give(buffer);
    pool.give(buffer.subarray(1));
    const [a, b] = [pool.take(16 * KIB), pool.take(16 * KIB)];
    expect(a.buffer).not.toBe(b.buffer);
  });

  test('passes over memory that is not its own', () => {
    const pool = new BufferPool(1024 * KIB);
    const stranger = Buffer.alloc(16 * KIB);
    pool.give(stranger);
    expect(pool.take(16 * KIB).buffer).not.toBe(stranger.buffer);
  });

  test('keeps no more than its bound', () => {
    const pool = new BufferPool(16 * KIB);
    const buffers = [pool.take(16 * KIB), pool.take(16 * KIB)];
    for (const buffer of buffers) pool.give(buffer);
    const again = [pool.take(16 * KIB), pool.take(16 * KIB)].map(({ buffer }) => buffer);
    expect(again).toContain(buffers[0]!.buffer);
    expect(again).not.toContain(buffers[1]!.buffer);
  });
});
