/** `ottla server await` for brokers that are not there in time: a sentence that says what to do. */
import { createServer, type AddressInfo, type Server } from 'node:net';
import { awaitBrokers } from '../../../src/cli/server/server-await.js';
import type { Terminal } from '../../../src/cli/terminal.js';

const PATIENCE_MS = 500;
const servers: Server[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await new Promise((resolve) => server.close(resolve));
});

/** The port of what accepts connections and says nothing, or of nothing. */
async function portOf({ isListening }: { isListening: boolean }): Promise<number> {
  const server = createServer((socket) => socket.on('error', () => undefined).resume());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  if (isListening) servers.push(server);
  else await new Promise((resolve) => server.close(resolve));
  return port;
}

test.each([
  { title: 'is not there', isListening: false, why: /ECONNREFUSED/ },
  { title: 'does not answer', isListening: true, why: /timed out/ },
])('of a broker that $title it says so, and what to do', async ({ isListening, why }) => {
  const address = `127.0.0.1:${await portOf({ isListening })}`;
  const written: string[] = [];
  const terminal = { stderr: { write: (text: string) => written.push(text) } } as unknown as Terminal;
  expect(await awaitBrokers(address, terminal, PATIENCE_MS)).toBe(1);
  const [waiting, said] = written as [string, string];
  expect(waiting).toMatch(new RegExp(`^Waiting for ${address}, at most 0.5 s: ${address} does not answer .*\\n$`));
  expect(said).toMatch(new RegExp(`^Waited 0.5 s for ${address}: ${address} does not answer .*\\n$`));
  expect(said).toMatch(why);
  expect(said).toContain('Is it started, and does it listen there?');
});
