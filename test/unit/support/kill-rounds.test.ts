/** What `scripts/kill-rounds.mjs` takes for a lie. */
import { seededRandom } from '../../../src/common/index.js';
import { drawPlans } from '../../cluster/support/kill-rounds/plan.js';
import { questionOfStatus, questionsAt } from '../../cluster/support/kill-rounds/questions.js';
import type { Truth } from '../../cluster/support/kill-rounds/truth.js';
import type { ToolResult } from '../../support/processes.js';

/** One topic of two partitions, whose records up to these are acknowledged. */
const truth = (acknowledged: number, sent: number): Truth => [
  {
    topic: 'orders',
    replicationFactor: 2,
    partitions: [0, 1].map(() => ({ acknowledged, sent, committed: acknowledged })),
  },
];
const interval = { before: truth(10, 20), after: truth(30, 40), upheavals: 3 };
const [LIST, DESCRIBE, OFFSETS, GROUP] = questionsAt('localhost:1', 'orders', 'readers');

const said = (stdout: string, stderr = '', exitCode: number | null = 0): ToolResult => ({ exitCode, stdout, stderr });
const described = (...lines: string[]): ToolResult =>
  said(['Topic: orders\tTopicId: x\tPartitionCount: 2\tReplicationFactor: 2\tConfigs: ', ...lines, ''].join('\n'));
const partition = (id: number, replicas = '1,2'): string =>
  `\tTopic: orders\tPartition: ${id}\tLeader: none\tReplicas: ${replicas}\tIsr: 1`;
const row = (id: number, current: number | string, end: number): string =>
  `readers   orders   ${id}   ${current}   ${end}   0   -   -   -\n`;

test.each([
  ['the topics that there are', LIST!, said('__consumer_offsets\norders\n')],
  ['nobody who answers', LIST!, said('Error while executing topic command : Timed out\n', '', 1)],
  ['a topic without leaders', DESCRIBE!, described(partition(0), partition(1))],
  ['ends between what was acknowledged and what was sent', OFFSETS!, said('orders:0:10\norders:1:40\n')],
  [
    'a partition that cannot be asked for, and is named',
    OFFSETS!,
    said('orders:0:10\n', 'Skip getting offsets for topic-partition orders:1 due to error: no leader\n'),
  ],
  [
    'a group that is where it was',
    GROUP!,
    said(row(0, 10, 10) + row(1, 25, 40), "Consumer group 'readers' has no active members.\n"),
  ],
  ['a group that cannot be asked for', GROUP!, said('\nError: Executing consumer group command failed due to x\n')],
])('%s: no lie', async (_title, question, answer) => {
  expect(await question.faults(answer, interval)).toEqual([]);
});

test.each([
  ['an empty list', LIST!, said(''), /orders is not listed/],
  ['a failure without a word', LIST!, said('', '', 1), /says nothing/],
  ['a command that hangs', LIST!, said('', '', null), /does not end/],
  ['a stack', LIST!, said('', 'Error\n    at x (y:1:1)\n', 1), /stack/],
  ['no such topic', DESCRIBE!, said("Topic 'orders' does not exist as expected\n", '', 1), /does not exist/],
  ['fewer partitions', DESCRIBE!, described(partition(0)), /partition 1 is left out/],
  ['fewer replicas', DESCRIBE!, described(partition(0), partition(1, '1')), /partition 1 has the replicas 1/],
  ['an end before what was acknowledged', OFFSETS!, said('orders:0:9\norders:1:10\n'), /orders:0 ends at 9/],
  ['an end behind what was sent', OFFSETS!, said('orders:0:41\norders:1:10\n'), /orders:0 ends at 41/],
  ['a partition that is left out without a word', OFFSETS!, said('orders:0:10\n'), /orders:1 is left out/],
  ['no group', GROUP!, said("\nError: Consumer group 'readers' does not exist.\n"), /does not exist/],
  ['a commit that is lost', GROUP!, said(row(0, 9, 10) + row(1, 10, 10)), /orders:0 is at 9 after 10/],
  ['no commit', GROUP!, said(row(0, '-', 10) + row(1, 10, 10)), /orders:0 is at - after 10/],
])('%s: a lie', async (_title, question, answer, fault) => {
  expect(String(await question.faults(answer, interval))).toMatch(fault);
});

test('a broker that is said to be up is asked, one that is not is left alone', async () => {
  const asked: unknown[] = [];
  const status = questionOfStatus('dir', (ports, upheavals) => {
    asked.push({ ports, upheavals });
    return Promise.resolve(ports.map((port) => `${port} knows nothing`));
  });
  const answer = said('broker 1: 127.0.0.1:9092, pid 7\nbroker 2: pid 8, not listening yet\n', '', 1);
  expect(await status.faults(answer, interval)).toEqual(['9092 knows nothing']);
  expect(asked).toEqual([{ ports: [9092], upheavals: 3 }]);
});

test('the same seed draws the same moments, and three rounds have all of them', () => {
  const plans = drawPlans(seededRandom(5), 7);
  expect(drawPlans(seededRandom(5), 7)).toEqual(plans);
  expect(plans).toHaveLength(7);
  expect(
    plans
      .slice(3, 6)
      .map(({ moment }) => moment)
      .sort(),
  ).toEqual(['load', 'start', 'stop']);
});
