import { pause } from '../../../support/eventually.js';
import type { Question } from './questions.js';
import type { ScriptedCluster } from './scripted-cluster.js';
import type { Truth } from './truth.js';

const PAUSE_MS = 300;

/** How often a question was asked, and how often it was answered with what was asked for. */
export interface Tally {
  readonly name: string;
  asked: number;
  answered: number;
}

/** Asks all questions again and again, each without regard to the others, and says which answers are not so. */
export class Questioner {
  readonly tallies: readonly Tally[];
  private isAsking = false;
  private loops: Promise<void>[] = [];

  constructor(
    private readonly cluster: ScriptedCluster,
    private readonly questions: readonly Question[],
    private readonly truth: () => Truth,
    private readonly upheavals: () => number,
    private readonly onFault: (fault: string) => void,
  ) {
    this.tallies = questions.map(({ name }) => ({ name, asked: 0, answered: 0 }));
  }

  begin(): void {
    this.isAsking = true;
    this.loops = this.questions.map((question, index) => this.askAgain(question, this.tallies[index]!));
  }

  /** Asks no more; resolves when all that were asked are answered. */
  async end(): Promise<void> {
    this.isAsking = false;
    await Promise.all(this.loops);
  }

  private async askAgain({ name, args, faults }: Question, tally: Tally): Promise<void> {
    while (this.isAsking) {
      const [before, upheavals] = [this.truth(), this.upheavals()];
      const answer = await this.cluster.ask(args);
      tally.asked++;
      if (answer.exitCode === 0) tally.answered++;
      for (const fault of await faults(answer, { before, after: this.truth(), upheavals })) {
        this.onFault(`${name}: ${fault}\n${answer.stdout}${answer.stderr}`);
      }
      await pause(PAUSE_MS);
    }
  }
}
