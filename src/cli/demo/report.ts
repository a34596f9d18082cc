import { NO_LEADER } from '../../cluster/index.js';
import { systemClock } from '../../common/index.js';
import type { Terminal } from '../terminal.js';
import type { LoadResult } from './live-load.js';
import type { ZnodeSnapshot } from './znode-view.js';

/** What the demo says, as it goes. Colours only on a terminal. */
export class Report {
  private readonly startMs = systemClock.monotonicMs();

  constructor(private readonly terminal: Terminal) {}

  step(text: string): void {
    const at = ((systemClock.monotonicMs() - this.startMs) / 1000).toFixed(1).padStart(5);
    this.line(`\n${this.paint('1', `[${at} s] ${text}`)}`);
  }

  note(text: string): void {
    this.line(`  ${this.paint('32', text)}`);
  }

  /** What the znodes say: controller and epoch, live brokers, and leader, epoch and ISR of each partition. */
  snapshot(title: string, { controller, controllerEpoch, brokers, partitions }: ZnodeSnapshot): void {
    this.line(
      `  ${title.padEnd(6)}  /controller ${controller ?? 'none'}  /controller_epoch ${controllerEpoch}  /brokers/ids [${brokers.join()}]`,
    );
    for (const { partition, state } of partitions) {
      const { leader, leaderEpoch, isr } = state?.leaderAndIsr ?? { leader: NO_LEADER, leaderEpoch: -1, isr: [] };
      this.line(`          partition ${partition}  leader ${leader}  leader epoch ${leaderEpoch}  ISR [${isr.join()}]`);
    }
  }

  result({ acknowledged, read, lost, duplicated }: LoadResult): void {
    const colour = lost === 0 ? '32' : '31';
    this.line(
      `  ${this.paint(colour, `${acknowledged} acknowledged, ${read} read, ${lost} lost, ${duplicated} read twice`)}`,
    );
  }

  private line(text: string): void {
    this.terminal.stdout.write(`${text}\n`);
  }

  private paint(code: string, text: string): string {
    return this.terminal.colour ? `\u001b[${code}m${text}\u001b[0m` : text;
  }
}
