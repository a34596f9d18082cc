// Loaded into a broker by bench-stalls.mjs (`NODE_OPTIONS=--require`): measures how late the event loop is, and answers on a local socket.
// Each message asks for the longest stall in milliseconds since the last one, and begins anew.
const { isMainThread } = require('node:worker_threads');

if (isMainThread && process.env.OTTLA_STALL_SOCKET) {
  const { createServer } = require('node:net');
  const { monitorEventLoopDelay } = require('node:perf_hooks');
  const delays = monitorEventLoopDelay({ resolution: 1 });
  delays.enable();
  const server = createServer((socket) => {
    socket.on('data', () => {
      // The stall that made this message wait is counted when the loop's timers come next.
      setTimeout(() => {
        socket.write(`${JSON.stringify({ maxMs: delays.max / 1e6, count: delays.count })}\n`);
        delays.reset();
      }, 5);
    });
    socket.on('error', () => socket.destroy());
  });
  server.listen(process.env.OTTLA_STALL_SOCKET);
  server.unref();
  // Not in processes that the broker starts.
  delete process.env.NODE_OPTIONS;
  delete process.env.OTTLA_STALL_SOCKET;
}
