import { silentLogger } from '../../../../src/common/index.js';
import { SimulatedClock } from '../../../../src/testing/index.js';
import { ConnectionFailures } from '../../../../src/zookeeper/client/connection-failures.js';

const A = { host: 'a', port: 1 };
const B = { host: 'b', port: 1 };

test('says why there is no connection once all servers were tried, and then every minute', async () => {
  const clock = new SimulatedClock();
  const said: unknown[] = [];
  const logger = { ...silentLogger, warn: (_sentence: string, fields?: object) => void said.push(fields) };
  const failures = new ConnectionFailures(clock, logger, 2);
  failures.failed(A, 'refused');
  expect(said).toEqual([]);
  failures.failed(B, 'no such host');
  failures.failed(A, 'refused');
  expect(said).toEqual([{ ...B, reason: 'no such host' }]);
  await clock.advance(60_000);
  failures.failed(B, 'no such host');
  expect([said.length, failures.last]).toEqual([2, 'b:1: no such host']);
  failures.connected();
  failures.failed(A, 'refused');
  expect([said.length, failures.count]).toEqual([2, 1]);
});
