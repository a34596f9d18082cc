// Kills a whole cluster of scripts/cluster.sh with -9, brokers and ZooKeeper, at random moments of start, load and stop, and starts it
// again by one command, round after round; producers and a group go on meanwhile, and the tools are asked what there is:
//   node scripts/kill-rounds.mjs [--rounds 50] [--seed N] [--base-port 32600] [--session 6000]
// Says for each round when the kill came, and at the end what was acknowledged and asked. Exits with 1 as soon as a start fails, an
// acknowledged record is missing, twice or out of its place, or a command says what is not so. The seed draws the same moments again.
import { loadSources, root } from './bundle.mjs';
import { readCommandLine } from './command-line.mjs';

const { values } = readCommandLine({ rounds: 50, seed: 1, 'base-port': 32_600, session: 6000 });

const { KillRounds } = await loadSources(`export * from './test/cluster/support/kill-rounds/rounds.js';`);
const startMs = performance.now();
const { acknowledged, again, startsMs, questions, faults } = await KillRounds.run({
  root,
  rounds: values.rounds,
  seed: values.seed,
  basePort: values['base-port'],
  sessionMs: values.session,
  say: console.log,
});
const seconds = (ms) => (ms / 1000).toFixed(1);
const sorted = startsMs.toSorted((a, b) => a - b);
console.log(
  `${startsMs.length} rounds in ${Math.round((performance.now() - startMs) / 1000)} s, seed ${values.seed}; ` +
    `starts took ${seconds(sorted[0])} to ${seconds(sorted.at(-1))} s, half of them up to ${seconds(sorted[sorted.length >> 1])} s`,
);
console.log(`${acknowledged} records acknowledged and read back; the group was given ${again} again`);
for (const { name, asked, answered } of questions) console.log(`${name}: asked ${asked} times, ${answered} answered`);
for (const fault of faults) console.log(`NOT SO: ${fault}`);
console.log(`${faults.length} faults`);
// A consumer of kafkajs that was ended amid its tries goes on with them.
process.exit(faults.length > 0 ? 1 : 0);
