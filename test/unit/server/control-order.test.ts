import { ControlOrder } from '../../../src/server/control-order.js';

const request = (clientId: string, connection: number) => ({
  header: { apiKey: 4, apiVersion: 7, correlationId: 1, clientId, bodyOffset: 0 },
  connection: {
    id: `b1:9092-b2:40000-${connection}`,
    listenerName: 'PLAINTEXT',
    clientAddress: 'b2',
    principal: { type: 'User', name: 'ANONYMOUS' },
    clientSoftwareName: 'unknown',
    clientSoftwareVersion: 'unknown',
  },
});

test('a controller is heard on its newest connection only', () => {
  const order = new ControlOrder();
  expect(order.admits(request('2', 7))).toBe(true);
  expect(order.admits(request('2', 7))).toBe(true);
  expect(order.admits(request('2', 9))).toBe(true);
  expect(order.admits(request('2', 7))).toBe(false);
  expect(order.admits(request('2', 9))).toBe(true);
});

test('connections of another controller say nothing about those of this one', () => {
  const order = new ControlOrder();
  expect(order.admits(request('3', 12))).toBe(true);
  expect(order.admits(request('2', 5))).toBe(true);
});
