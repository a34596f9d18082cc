import { ZooKeeperCore, type CoreRequest, type CoreResponse, type FiredWatch } from '../../../src/zookeeper/index.js';

/** One thing that was decided. Whoever carries out all of them in their order comes to the same tree, zxids and answers. */
export type Decision = (core: ZooKeeperCore) => readonly FiredWatch[];

const READS: ReadonlySet<CoreRequest['op']> = new Set(['get', 'exists', 'children', 'getAcl', 'sync', 'setWatches']);

export function isRead({ op }: CoreRequest): boolean {
  return READS.has(op);
}

/** What an ensemble decides, in one order that is told to its replicas. */
export class OrderedCore extends ZooKeeperCore {
  private readonly listeners: ((decision: Decision) => void)[] = [];
  /** By open session: how many decisions there were when it had begun. */
  private readonly openedAt = new Map<bigint, number>();
  /** How many decisions there have been. */
  decided = 0;

  onDecision(listener: (decision: Decision) => void): void {
    this.listeners.push(listener);
  }

  /** So many decisions a replica must know before it can serve the session. */
  beginningOf(session: bigint): number {
    return this.openedAt.get(session) ?? 0;
  }

  get openSessions(): bigint[] {
    return [...this.openedAt.keys()];
  }

  override openSession(id: bigint, password: Buffer, timeoutMs: number, nowMs: number): { timeoutMs: number } {
    const granted = super.openSession(id, password, timeoutMs, nowMs);
    this.decide((core) => {
      core.openSession(id, password, timeoutMs, nowMs);
      return [];
    });
    this.openedAt.set(id, this.decided);
    return granted;
  }

  override closeSession(id: bigint): FiredWatch[] {
    const fired = super.closeSession(id);
    if (this.openedAt.delete(id)) this.decide((core) => core.closeSession(id));
    return fired;
  }

  override step(
    session: bigint,
    request: CoreRequest,
    nowMs: number,
    timestampMs: number,
  ): { response: CoreResponse; fired: FiredWatch[] } {
    const result = super.step(session, request, nowMs, timestampMs);
    if (!isRead(request)) this.decide((core) => core.step(session, request, nowMs, timestampMs).fired);
    return result;
  }

  private decide(decision: Decision): void {
    this.decided++;
    for (const listener of this.listeners) listener(decision);
  }
}
