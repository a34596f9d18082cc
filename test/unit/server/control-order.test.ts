import { ControlOrder } from '../../../src/server/control-order.js';

let order: ControlOrder;
let closed: number[];
beforeEach(() => {
  order = new ControlOrder();
  closed = [];
});

/** A command on a connection; `known` is the epoch of the latest controller that this broker has heard of. */
function admits(controllerId: number, connection: number, controllerEpoch = 5, known = 5): boolean {
  const request = {
    connection: { id: `b1:9092-b2:40000-${connection}` },
    closeConnection: () => void closed.push(connection),
  };
  return order.admits({ controllerId, controllerEpoch }, { request, replicas: { controllerEpoch: known } });
}

test('a controller is heard on its newest connection only, and others are closed', () => {
  expect(admits(2, 7)).toBe(true);
  expect(admits(2, 7)).toBe(true);
  expect(admits(2, 9)).toBe(true);
  expect(closed).toEqual([]);
  expect(admits(2, 7)).toBe(false);
  expect(closed).toEqual([7]);
  expect(admits(2, 9)).toBe(true);
});

test('connections of another controller say nothing about those of this one', () => {
  expect(admits(3, 12)).toBe(true);
  expect(admits(2, 5)).toBe(true);
});

test('an old controller is left to be told that it is old, whatever its connection', () => {
  expect(admits(2, 9)).toBe(true);
  expect(admits(2, 7, 4)).toBe(true);
  expect(closed).toEqual([]);
});

test('a command of an old controller does not cut the connection of the present one', () => {
  expect(admits(2, 7)).toBe(true);
  expect(admits(2, 9, 4)).toBe(true);
  expect(admits(2, 7)).toBe(true);
});
