import { rateLimited, SimulatedClock, silentLogger, type LogFields, type Logger } from '../../../src/common/index.js';

function recorder() {
  const lines: [string, LogFields | undefined][] = [];
  const logger: Logger = {
    ...silentLogger,
    warn: (sentence, fields) => void lines.push([sentence, fields]),
    isEnabled: () => true,
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
