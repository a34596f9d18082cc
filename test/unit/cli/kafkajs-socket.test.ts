import net, { type AddressInfo } from 'node:net';
import { kafkaJsSocket } from '../../../src/cli/client/kafkajs-socket.js';

test('a socket that has closed gets no more listeners, however often kafkajs lets go of it', async () => {
  const server = net.createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  const socket = kafkaJsSocket({ host: '127.0.0.1', port, onConnect: () => undefined, ssl: {} });
  socket.once('error', () => undefined);
  await new Promise((resolve) => socket.once('close', resolve));
  for (let time = 0; time < 20; time++) {
    socket.end();
    socket.unref();
  }
  expect(socket.listenerCount('connect')).toBeLessThan(5);
});
