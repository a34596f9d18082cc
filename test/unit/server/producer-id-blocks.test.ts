import { silentLogger } from '../../../src/common/index.js';
import { settle } from '../../../src/testing/index.js';
import { ErrorCode } from '../../../src/protocol/index.js';
import { ProducerIdManager } from '../../../src/server/producer-id-manager.js';

function newManager(length: number) {
  const asked: number[] = [];
  const state = { nowMs: 0, isControllerUp: true };
  const allocate = async () => {
    asked.push(state.nowMs);
    if (!state.isControllerUp) throw new Error('no controller');
    return { firstProducerId: asked.length * 1000, length };
  };
  return { manager: new ProducerIdManager(allocate, () => state.nowMs, silentLogger), asked, state };
}

test.each([1, 2, 10, 33])('blocks of %d ids are given out whole, and no id twice', async (length) => {
  const { manager } = newManager(length);
  const ids: number[] = [];
  for (let tries = 0; ids.length < 4 * length && tries < 20 * length; tries++) {
    const { errorCode, producerId } = manager.generateProducerId();
    if (errorCode === ErrorCode.NONE) ids.push(producerId);
    else await settle();
  }
  const block = (number: number): number[] => Array.from({ length }, (_, at) => number * 1000 + at);
  expect(ids).toEqual([1, 2, 3, 4].flatMap(block));
});

test('the next block is asked for ahead of need, once', async () => {
  const { manager, asked } = newManager(10);
  manager.generateProducerId();
  await settle();
  for (let at = 0; at < 8; at++) expect(manager.generateProducerId().errorCode).toBe(ErrorCode.NONE);
  expect(asked).toHaveLength(1);
  for (let at = 0; at < 2; at++) expect(manager.generateProducerId().errorCode).toBe(ErrorCode.NONE);
  await settle();
  expect(asked).toHaveLength(2);
  expect(manager.generateProducerId()).toEqual({ errorCode: ErrorCode.NONE, producerId: 2000 });
});

test('a controller that is not there is asked again after a rest', async () => {
  const { manager, asked, state } = newManager(10);
  state.isControllerUp = false;
  for (const nowMs of [0, 1, 49, 50, 51]) {
    state.nowMs = nowMs;
    expect(manager.generateProducerId()).toEqual({ errorCode: ErrorCode.COORDINATOR_LOAD_IN_PROGRESS, producerId: -1 });
    await settle();
  }
  expect(asked).toEqual([0, 50]);
  state.isControllerUp = true;
  state.nowMs = 100;
  manager.generateProducerId();
  await settle();
  expect(manager.generateProducerId().errorCode).toBe(ErrorCode.NONE);
});
