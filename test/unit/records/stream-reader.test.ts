/** A decoder of Node's that works in another thread, and fails when nobody has asked yet. */
import { Transform } from 'node:stream';
import { StreamReader } from '../../../src/records/stream-reader.js';

test('what fails is heard, however late the first piece is asked for', async () => {
  const listeners: number[] = [];
  const create = (): Transform =>
    new Transform({
      transform(_chunk, _encoding, done) {
        listeners.push(this.listenerCount('error'));
        done(new Error('incorrect data check'));
      },
    });
  const reader = new StreamReader(create, Buffer.from('no gzip'), 1000, 'gzip');
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
  expect(listeners.filter((count) => count === 0)).toEqual([]);
  await expect(reader.next()).rejects.toThrow('Failed to decompress record stream (gzip)');
  expect(listeners).toHaveLength(1);
  reader.close();
});

test('one that is closed before it is asked is never begun', () => {
  const create = jest.fn<Transform, []>();
  new StreamReader(create, Buffer.from('anything'), 1000, 'gzip').close();
  expect(create).not.toHaveBeenCalled();
});
