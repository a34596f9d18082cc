/** Everything is killed at a moment of a start, of load and of a stop, and started again by one command; the script itself does it more often. */
import path from 'node:path';
import { portBase } from '../support/ports.js';
import { projectRoot, run } from '../support/processes.js';
import { describeIfJava } from '../support/zookeeper-ensemble.js';

const MINUTES = 60_000;
const describeWithJava = describeIfJava('the tests of killed clusters need Java for ZooKeeper.');

describeWithJava('a cluster of which everything is killed, round after round', () => {
  test(
    'serves after one start, has what it acknowledged, and says nothing that is not so',
    async () => {
      const script = path.join(projectRoot, 'scripts', 'kill-rounds.mjs');
      const options = { '--rounds': 3, '--seed': 1, '--session': 4_000, '--base-port': portBase(2) };
      const words = Object.entries(options).flatMap(([name, value]) => [name, String(value)]);
      const { exitCode, stdout, stderr } = await run(process.execPath, [script, ...words], { timeoutMs: 4 * MINUTES });
      expect([exitCode, stdout, stderr]).toEqual([0, expect.stringMatching(/^0 faults$/m), '']);
      expect(stdout).toMatch(/^3 rounds in \d+ s, seed 1/m);
      for (const [, name, answered] of stdout.matchAll(/^(.*): asked \d+ times, (\d+) answered$/gm)) {
        expect({ name, isAnswered: Number(answered) > 0 }).toEqual({ name, isAnswered: true });
      }
    },
    5 * MINUTES,
  );
});
