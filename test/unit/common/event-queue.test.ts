import { EventQueue } from '../../../src/common/index.js';

test('a call that is forgotten rejects, whether the queue is cleared or closed', async () => {
  const queue = new EventQueue((error) => {
    throw error;
  });
  let release = (): void => undefined;
  const running = queue.call(() => new Promise<string>((resolve) => (release = () => resolve('done'))));
  // The first has begun once a turn has passed.
  await Promise.resolve();
  const cleared = queue.call(() => 'never');
  queue.clear();
  await expect(cleared).rejects.toThrow('the event queue is closed');
  const closedOver = queue.call(() => 'never');
  const closed = queue.close();
  await expect(closedOver).rejects.toThrow('the event queue is closed');
  release();
  await closed;
  await expect(running).resolves.toBe('done');
  await expect(queue.call(() => 'late')).rejects.toThrow('the event queue is closed');
});

test('an event that throws does not hold up the next', async () => {
  const errors: unknown[] = [];
  const queue = new EventQueue((error) => errors.push(error));
  const order: string[] = [];
  queue.put(() => {
    order.push('first');
    throw new Error('no');
  });
  queue.put(() => void order.push('second'));
  await queue.whenIdle();
  expect(order).toEqual(['first', 'second']);
  expect(errors).toEqual([new Error('no')]);
});
