import net from 'node:net';
import type { ISocketFactory } from 'kafkajs';

const KEEP_ALIVE_DELAY_MS = 60_000;

/**
 * Sockets for kafkajs. When a broker is away it disconnects again and again what has closed already, and Node's `unref` adds a listener for a
 * connect that never comes each time, with a warning in the end: a closed socket needs no more of it.
 */
export const kafkaJsSocket: ISocketFactory = ({ host, port, onConnect }) => {
  const socket = net.connect({ host, port }, onConnect);
  socket.setKeepAlive(true, KEEP_ALIVE_DELAY_MS);
  socket.once('close', () => (socket.unref = () => socket));
  return socket;
};
