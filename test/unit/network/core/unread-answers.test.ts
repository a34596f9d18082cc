import { UnreadAnswers } from '../../../../src/network/core/unread-answers.js';

const MIB = 1024 * 1024;

describe('answers that are not read', () => {
  test('three clients that do not read leave the others more than four megabytes a fetch, at one address or at three', () => {
    for (const addressOf of [() => 'same', (client: number) => `${client}`]) {
      const unread = new UnreadAnswers();
      for (let client = 0; client < 3; client++) unread.count(addressOf(client), unread.availableTo(addressOf(client)));
      expect(unread.availableTo('same')).toBeGreaterThan(4 * MIB);
      expect(unread.availableTo('another')).toBeGreaterThan(9 * MIB);
    }
  });

  test('a crowd at one address costs those at others less than half, and all addresses together stay within the bound', () => {
    const unread = new UnreadAnswers();
    for (let client = 0; client < 1000 && unread.availableTo('crowd') > 64 * 1024; client++)
      unread.count('crowd', unread.availableTo('crowd'));
    expect(unread.availableTo('crowd')).toBe(64 * 1024);
    expect(unread.availableTo('another')).toBeGreaterThan(7 * MIB);
    for (let client = 0; client < 1000; client++) {
      const available = unread.availableTo(`${client}`);
      if (available > 64 * 1024) unread.count(`${client}`, available);
    }
    expect(unread.totalBytes).toBeLessThanOrEqual(128 * MIB);
    expect(unread.availableTo('late')).toBe(64 * 1024);
  });

  test('when all is taken each address has one batch more, and then nothing until it is read', () => {
    const unread = new UnreadAnswers();
    // Whatever is available, its first batch is whole.
    const fetch = (address: string): boolean => {
      const bytes = unread.availableTo(address);
      if (bytes > 0) unread.count(address, Math.max(bytes, MIB));
      return bytes > 0;
    };
    for (let client = 0; client < 1000; client++) fetch('crowd');
    expect(unread.totalBytes).toBeLessThanOrEqual(129 * MIB);
    expect([fetch('crowd'), fetch('another'), fetch('crowd')]).toEqual([false, true, false]);
    for (let client = 0; client < 1000; client++) fetch(`${client % 20}`);
    expect(unread.totalBytes).toBeLessThanOrEqual((129 + 22) * MIB);
    expect(unread.availableTo('late')).toBe(64 * 1024);
  });

  test('what is read is given back to the others, and counted off once', () => {
    const unread = new UnreadAnswers();
    const before = unread.availableTo('a');
    unread.count('a', 50 * MIB);
    expect(unread.isShort).toBe(true);
    expect(unread.availableTo('a')).toBeLessThan(before / 2);
    unread.count('a', -50 * MIB);
    expect([unread.availableTo('a'), unread.totalBytes, unread.isShort]).toEqual([before, 0, false]);
    unread.count('b', 1);
    expect(() => unread.count('a', -1)).toThrow('what is unread is counted off once');
  });

  test('all is taken by others only for an answer that does not hold it itself', () => {
    const unread = new UnreadAnswers();
    unread.count('a', 128 * MIB);
    expect([unread.availableTo('a'), unread.availableTo('a', 64 * 1024)]).toEqual([0, 64 * 1024]);
    expect(unread.availableTo('a', 128 * MIB)).toBe(16 * MIB);
  });

  test('a larger answer may be read for longer', () => {
    expect(UnreadAnswers.readMs(0)).toBe(30_000);
    expect(UnreadAnswers.readMs(16 * MIB)).toBeGreaterThan(4 * 60_000);
  });
});
