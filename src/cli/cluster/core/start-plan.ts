import { namesOf, type Server } from './servers.js';
import type { Outcome } from './settings.js';

/** What a start finds. */
export interface Situation {
  /** All that shall run. */
  readonly servers: readonly Server[];
  readonly isRunning: (server: Server) => boolean;
  /** Who has a port that a server needs, in words; null when it is free. */
  readonly occupant: (port: number) => string | null;
}

/**
 * Which servers have to be started. Nothing is started when a port of one of them is another's: it would end at once, and whoever has the port
 * would pass for it.
 */
export function planStart({ servers, isRunning, occupant }: Situation): Outcome<readonly Server[]> {
  const missing = servers.filter((server) => !isRunning(server));
  for (const server of missing) {
    for (const port of server.ports) {
      const who = occupant(port);
      if (who !== null) return { ok: false, refusal: `port ${port} of ${namesOf([server])} ${who}` };
    }
  }
  return { ok: true, value: missing };
}
