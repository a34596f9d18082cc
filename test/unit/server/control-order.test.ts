import { ControlOrder } from '../../../src/server/control-order.js';

let order: ControlOrder;
let closed: number[];
beforeEach(() => {
  order = new ControlOrder();
  closed = [];
});

const BROKER_EPOCH = 8n;

/** A command on a connection to a broker that knows of controller epoch 5. */
function admits(controllerId: number, connection: number, controllerEpoch = 5, brokerEpoch = BROKER_EPOCH): boolean {
  const request = {
    connection: { id: `b1:9092-b2:40000-${connection}` },
    closeConnection: () => void closed.push(connection),
  };
  const context = { request, replicas: { controllerEpoch: 5 }, brokerEpoch: BROKER_EPOCH };
  return order.admits({ controllerId, controllerEpoch, brokerEpoch }, context);
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

test('commands of a controller whose successor commands already are left to be refused, and change nothing', () => {
  expect(admits(2, 9, 6)).toBe(true);
  expect(admits(3, 12, 5)).toBe(true);
  expect(admits(2, 7, 6)).toBe(false);
});

test('whoever commands under many ids leaves nothing behind', () => {
  for (let id = 0; id < 1000; id++) expect(admits(id, id)).toBe(true);
  const kept = JSON.stringify(order, (_key, value: unknown) => (value instanceof Map ? [...value] : value));
  expect(kept.length).toBeLessThan(200);
});

describe.each([
  { title: 'of an old controller', controllerEpoch: 4, brokerEpoch: BROKER_EPOCH },
  { title: 'for an earlier life of the broker', controllerEpoch: 5, brokerEpoch: 7n },
])('a command $title', ({ controllerEpoch, brokerEpoch }) => {
  test('is left to be told so, whatever its connection', () => {
    expect(admits(2, 9)).toBe(true);
    expect(admits(2, 7, controllerEpoch, brokerEpoch)).toBe(true);
    expect(closed).toEqual([]);
  });

  test('does not cut the connection of the present one', () => {
    expect(admits(2, 7)).toBe(true);
    expect(admits(2, 9, controllerEpoch, brokerEpoch)).toBe(true);
    expect(admits(2, 7)).toBe(true);
  });
});
