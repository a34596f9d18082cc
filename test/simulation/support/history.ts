import { AdminHistory } from './admin-history.js';

/** A record that a broker promised to keep. */
export interface Acknowledged {
  readonly topic: string;
  readonly partition: number;
  /** -1 when the broker said only that it has it. */
  readonly offset: number;
  readonly value: string;
  readonly timestamp: number;
  readonly idempotent: boolean;
  readonly atMs: number;
}

/** A record that a consumer saw. */
export interface Seen {
  readonly value: string;
  readonly reader: string;
}

/** What clients were told in a run: what a cluster may never take back. */
export class History {
  readonly acknowledged: Acknowledged[] = [];
  /** By `topic-partition`, then offset. */
  readonly seen = new Map<string, Map<number, Seen>>();
  /** Everything that an idempotent producer ever sent, acknowledged or not: at most once in any log. */
  readonly sentOnce = new Set<string>();
  readonly producerIds = new Map<number, string>();
  readonly admin = new AdminHistory();
}
