import { readFileSync } from 'node:fs';
import net from 'node:net';

const PORTS_EACH = 100;
/** Below those that the kernel gives to clients. `OTTLA_TEST_PORTS` sets other limits. */
const [FIRST, LAST] = (process.env['OTTLA_TEST_PORTS'] ?? '10000-31999').split('-').map(Number) as [number, number];

/** By how many hundreds. */
const reserved = new Map<number, number>();

/**
 * The first of 99 ports for one test file, or of a hundred more for each further hundred. They are for processes that must be told their
 * ports, and come back to them after a restart; what listens in the test itself asks the kernel for one (port 0). No other process that asks here gets them until this one has ended.
 */
export function portBase(hundreds = 1): number {
  const base = reserved.get(hundreds) ?? reserve(hundreds * PORTS_EACH);
  reserved.set(hundreds, base);
  return base;
}

function reserve(width: number): number {
  const count = Math.floor((LAST + 1 - FIRST - width) / PORTS_EACH) + 1;
  const inUse = portsInUse();
  // Starting anywhere: what has just ended may still hold its ports for a while.
  const start = Math.floor(Math.random() * count);
  for (let tried = 0; tried < count; tried++) {
    const base = FIRST + ((start + tried) % count) * PORTS_EACH;
    const isFree = !inUse.some((port) => port >= base && port < base + width);
    if (isFree && holdAll(base, width)) return base;
  }
  throw new Error(`no ${width} free ports between ${FIRST} and ${LAST}`);
}

/** The last port of each hundred: those that another process asks for first. */
function holdAll(base: number, width: number): boolean {
  for (let end = base + PORTS_EACH; end <= base + width; end += PORTS_EACH) if (!hold(end - 1)) return false;
  return true;
}

/** Listens on the last port of a hundred for as long as this process lives: the kernel gives it to one. */
function hold(port: number): boolean {
  const guard = net.createServer((socket) => socket.destroy());
  // Told by the address already: without a host to look up, the port is bound when `listen` returns.
  guard.on('error', () => guard.close());
  guard.listen({ port, exclusive: true });
  guard.unref();
  return guard.address() !== null;
}

/** Local ports of all sockets, as Linux lists them. */
function portsInUse(): number[] {
  return ['tcp', 'tcp6'].flatMap((table) =>
    readFileSync(`/proc/net/${table}`, 'utf8')
      .split('\n')
      .flatMap((line) => /^\s*\d+: [0-9A-F]+:([0-9A-F]{4}) /.exec(line)?.[1] ?? [])
      .map((port) => parseInt(port, 16)),
  );
}
