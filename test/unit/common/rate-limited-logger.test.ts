import { rateLimited, summedUp, silentLogger, type LogFields, type Logger } from '../../../src/common/index.js';
import { SimulatedClock } from '../../../src/testing/index.js';

function recorder(isEnabled: Logger['isEnabled'] = () => true) {
  const lines: [string, LogFields | undefined][] = [];
  const logger: Logger = {
    ...silentLogger,
    warn: (sentence, fields) => void lines.push([sentence, fields]),
    isEnabled,
  };
  return { lines, logger };
}

describe('rateLimited', () => {
  test('writes a sentence so often a minute, and then says how often it was left out', async () => {
    const { lines, logger } = recorder();
    const clock = new SimulatedClock();
    const limited = rateLimited(logger, clock, 2);
    for (let i = 0; i < 5; i++) limited.warn('Bad frame', { i });
    limited.warn('Another sentence');
    expect(lines).toEqual([
      ['Bad frame', { i: 0 }],
      ['Bad frame', { i: 1 }],
      ['Another sentence', undefined],
    ]);
    await clock.advance(60_000);
    expect(lines.slice(3)).toEqual([['Bad frame', { repeatedInTheLastMinute: 3 }]]);
    limited.warn('Bad frame', { i: 9 });
    expect(lines.at(-1)).toEqual(['Bad frame', { i: 9 }]);
  });

  test('says nothing more of a sentence that was never left out', async () => {
    const { lines, logger } = recorder();
    const clock = new SimulatedClock();
    rateLimited(logger, clock, 2).warn('Once');
    await clock.advance(120_000);
    expect(lines).toEqual([['Once', undefined]]);
  });
});

describe('summedUp', () => {
  const noDebug: Logger['isEnabled'] = (level) => level !== 'debug' && level !== 'trace';

  test('writes the first lines of a sentence, and counts and names the others in one', async () => {
    const { lines, logger } = recorder(noDebug);
    const clock = new SimulatedClock();
    const summed = summedUp(logger, clock);
    for (let i = 0; i < 57; i++) summed.warn('ISR updated', { partition: `orders-${i}`, isr: [1] });
    summed.warn('Another sentence');
    expect(lines.map(([, fields]) => fields?.['partition'])).toEqual(['orders-0', 'orders-1', 'orders-2', undefined]);
    await clock.advance(5_000);
    const of = Array.from({ length: 50 }, (_, i) => `orders-${i + 3}`);
    expect(lines.slice(4)).toEqual([['ISR updated', { more: 54, of }]]);
    summed.warn('ISR updated', { partition: 'orders-0' });
    expect(lines.at(-1)).toEqual(['ISR updated', { partition: 'orders-0' }]);
  });

  test('writes all of it for those who look at every step', () => {
    const { lines, logger } = recorder();
    const summed = summedUp(logger, new SimulatedClock());
    for (let i = 0; i < 57; i++) summed.warn('ISR updated', { partition: `orders-${i}` });
    expect(lines).toHaveLength(57);
  });
});
