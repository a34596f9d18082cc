/** What is written about requests that fail, which their senders may cause as often as they like. */
import { silentLogger, type LogFields, type Steps } from '../../../src/common/index.js';
import { SimulatedClock } from '../../../src/testing/index.js';
import { ApiKey } from '../../../src/protocol/index.js';
import { call, type Outcome } from './request-call.js';

const lines: string[] = [];
const services = {
  clock: new SimulatedClock(),
  logger: {
    ...silentLogger,
    isEnabled: () => true,
    error: (sentence: string, fields?: LogFields) =>
      void lines.push(`${sentence} ${JSON.stringify(fields?.['repeatedInTheLastMinute'] ?? null)}`),
  },
  groups: {
    heartbeat: (): number => {
      throw new Error('a bug');
    },
    // A code that no int16 has room for.
    *deleteGroup(): Steps<number> {
      yield;
      return 100_000;
    },
  },
};
/** The same for all requests, as in a broker. */
const heartbeat = (): Promise<Outcome> => call({ apiKey: ApiKey.Heartbeat, version: 3, body: {}, services });
const deleteGroups = (): Promise<Outcome> =>
  call({ apiKey: ApiKey.DeleteGroups, version: 1, body: { groupsNames: ['g'] }, services });

test('a request that fails again and again is written of five times a minute, and then how often; each API by itself', async () => {
  for (let count = 0; count < 20; count++) {
    expect((await heartbeat()).answer).toMatchObject({ errorCode: -1 });
    expect((await deleteGroups()).closed).toBe('Closed a connection: its answer does not encode');
  }
  const ofEach = ['Unexpected error handling a request of Heartbeat', 'Cannot encode an answer of DeleteGroups'];
  expect([...lines].sort()).toEqual(
    ofEach.flatMap((sentence) => Array.from({ length: 5 }, () => `${sentence} null`)).sort(),
  );
  lines.length = 0;
  await services.clock.advance(60_000);
  expect(lines.sort()).toEqual(ofEach.map((sentence) => `${sentence} 15`).sort());
});
