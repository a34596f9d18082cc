import {
  conditionOf,
  conditionsInWords,
  sessionsOf,
  type Answer,
  type Condition,
  type Sight,
} from '../../../../src/cli/cluster/core/conditions.js';
import { brokersOf, type Server } from '../../../../src/cli/cluster/core/servers.js';

const brokers = brokersOf('/d', { brokers: 3, zookeepers: 3, base_port: 9092 });
const [first, second, third] = brokers as [Server, Server, Server];

function answerOf(part: Partial<Answer & { kind: 'broker' }> = {}): Answer {
  const all = brokers.map(({ id, port }) => ({ nodeId: id, port }));
  return { kind: 'broker', clusterId: 'ours', controllerId: 2, brokers: all, ...part };
}

function conditionWith(part: Partial<Sight>): unknown {
  const sight: Sight = {
    server: first,
    pid: 77,
    answer: answerOf(),
    session: 'connected',
    clusterId: 'ours',
    sessionTimeoutMs: 20_000,
    ...part,
  };
  return conditionOf(sight, brokers);
}

test.each<[string, Partial<Sight>]>([
  ['it serves and knows of all', {}],
  ['its directory is new', { clusterId: null }],
  ['its connection with ZooKeeper is being made again', { session: 'leftBehind' }],
  ['ZooKeeper does not serve', { session: null }],
])('a broker is up when %s', (_, part) => {
  expect(conditionWith(part)).toEqual({ kind: 'up' });
});

test.each<[Partial<Sight>, string]>([
  [
    { answer: { kind: 'silent' }, session: 'leftBehind' },
    'waiting for ZooKeeper to end the session that a kill left behind, at most 20 s',
  ],
  [
    { answer: { kind: 'nobody' }, session: 'leftBehind' },
    'waiting for ZooKeeper to end the session that a kill left behind, at most 20 s',
  ],
  [{ answer: { kind: 'silent' } }, 'not answering yet'],
  [{ answer: { kind: 'nobody' } }, 'not listening yet'],
  [{ answer: answerOf({ controllerId: -1 }) }, 'not told of a controller yet'],
  [
    {
      answer: answerOf({
        brokers: [
          { nodeId: 1, port: 9092 },
          { nodeId: 3, port: 9094 },
        ],
      }),
    },
    'not told of a controller yet',
  ],
  [{ answer: answerOf({ controllerId: 1, brokers: [{ nodeId: 1, port: 9092 }] }) }, 'not told of brokers 2 and 3 yet'],
  [
    {
      answer: answerOf({
        brokers: [
          { nodeId: 1, port: 9092 },
          { nodeId: 2, port: 1 },
          { nodeId: 3, port: 9094 },
        ],
      }),
    },
    'not told of broker 2 yet',
  ],
])('a broker is on its way: %j', (part, text) => {
  expect(conditionWith(part)).toEqual({ kind: 'waits', text });
});

test.each<[Partial<Sight>, string]>([
  [{ pid: null, answer: { kind: 'nobody' } }, 'not running'],
  [{ pid: null, answer: { kind: 'silent' } }, 'not running; port 9092 is taken by another process'],
  [{ pid: null }, 'not running; port 9092 is taken by a Kafka broker of the cluster ours'],
  [{ pid: null, answer: answerOf({ clusterId: null }) }, 'not running; port 9092 is taken by a Kafka broker'],
  [{ answer: answerOf({ clusterId: 'theirs' }) }, 'port 9092 is answered by a Kafka broker of the cluster theirs'],
])('a broker is not there, whoever answers at its port: %j', (part, text) => {
  expect(conditionWith(part)).toEqual({ kind: 'down', text });
});

test('brokers that wait for the same are named together, and those that are up not at all', () => {
  const silent = { kind: 'waits', text: 'not answering yet' } as const;
  const conditions = new Map<Server, Condition>([
    [first, silent],
    [second, { kind: 'up' }],
    [third, silent],
  ]);
  expect(conditionsInWords(conditions)).toBe('brokers 1 and 3: not answering yet');
  expect(conditionsInWords(new Map([[second, { kind: 'up' }]]))).toBe('');
});

/** As ZooKeeper 3.8 answers. */
const DUMP = `SessionTracker dump:
Session Sets (2)/(2):
1 expire at Mon Nov 30 23:00:00 UTC 2026:
	0x20000dabb2c0000
ephemeral nodes dump:
Sessions with Ephemerals (3):
0x20000dabb2c0000:
	/kafka/brokers/ids/1
	/kafka/controller
0x30000dabb2c0001:
	/kafka/brokers/ids/2
0x10000dabb2c0001:
	/other/brokers/ids/3
Connections dump:
Connections Sets (1)/(1):
`;
const CONS = ' /127.0.0.1:41322[1](queued=0,recved=71,sent=72,sid=0x30000dabb2c0001,lop=PING,est=1,to=18000)\n';

test('a session without a connection to any server was left behind', () => {
  expect(sessionsOf(DUMP, ['', CONS], '/kafka')).toEqual(
    new Map([
      [1, 'leftBehind'],
      [2, 'connected'],
    ]),
  );
  expect(sessionsOf('This ZooKeeper instance is not currently serving requests\n', [], '/kafka')).toEqual(new Map());
});
