import { ConnectionQuotas } from '../../../../src/network/core/connection-quotas.js';

const LIMITS = {
  maxConnections: () => 3,
  maxConnectionsOfListener: (listenerName: string) => (listenerName === 'NARROW' ? 1 : 10),
  maxConnectionsOf: (address: string) => (address === 'many' ? 2 : 10),
};

describe('the quotas of connections', () => {
  test.each([
    { title: 'admits up to max.connections', before: ['A:1', 'A:2'], asks: 'B:3', verdict: 'admitted' },
    { title: 'lets one beyond max.connections wait', before: ['A:1', 'A:2', 'B:3'], asks: 'A:4', verdict: 'waits' },
    {
      title: 'admits one of the protected listener at the cost of another',
      before: ['A:1', 'A:2', 'A:3'],
      asks: 'PROTECTED:4',
      verdict: 'admittedForAnother',
    },
    { title: 'lets one beyond its listener wait', before: ['NARROW:1'], asks: 'NARROW:2', verdict: 'waits' },
    { title: 'does not count one listener against another', before: ['A:1'], asks: 'NARROW:2', verdict: 'admitted' },
    {
      title: 'refuses one of an address that has too many, on whatever listener',
      before: ['A:many', 'B:many'],
      asks: 'PROTECTED:many',
      verdict: 'refused',
    },
    {
      title: 'refuses it also when it would have to wait',
      before: ['A:many', 'B:many', 'A:1'],
      asks: 'A:many',
      verdict: 'refused',
    },
  ])('$title', ({ before, asks, verdict }) => {
    const quotas = new ConnectionQuotas(LIMITS, (listenerName) => listenerName === 'PROTECTED');
    const admit = (what: string) => quotas.admit(...(what.split(':') as [string, string]));
    for (const what of before) expect(admit(what)).toBe('admitted');
    expect(admit(asks)).toBe(verdict);
  });

  test('a place is free once its connection is gone, and only once', () => {
    const quotas = new ConnectionQuotas(LIMITS, () => false);
    expect(quotas.admit('NARROW', 'a')).toBe('admitted');
    expect(quotas.admit('NARROW', 'b')).toBe('waits');
    quotas.release('NARROW', 'a');
    expect(quotas.admit('NARROW', 'b')).toBe('admitted');
    quotas.release('NARROW', 'b');
    expect(() => quotas.release('NARROW', 'b')).toThrow('a connection is counted off once');
  });

  test('one that waits or is refused takes no place', () => {
    const quotas = new ConnectionQuotas(LIMITS, () => false);
    for (const address of ['many', 'many', 'a']) quotas.admit('A', address);
    for (let i = 0; i < 5; i++) {
      quotas.admit('A', 'many');
      quotas.admit('A', 'b');
    }
    quotas.release('A', 'many');
    expect(quotas.admit('A', 'many')).toBe('admitted');
  });
});
