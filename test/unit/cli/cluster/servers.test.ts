import { readFileSync } from 'node:fs';
import path from 'node:path';
import {
  brokersOf,
  membersOf,
  namesOf,
  processOf,
  serverProperties,
  serversRunningIn,
  zooCfg,
  type Server,
} from '../../../../src/cli/cluster/core/servers.js';
import type { ClusterSettings, EnsembleSettings } from '../../../../src/cli/cluster/core/settings.js';
import { readPropertiesFile } from '../../../../src/config/index.js';

const DIR = '/home/me/my cluster';
const cluster: ClusterSettings = { brokers: 2, zookeepers: 3, base_port: 9092 };
const ensemble: EnsembleSettings = { members: 3, base_port: 2181, tick_time: 2000, no_fsync: 0 };
const [broker] = brokersOf(DIR, cluster) as [Server];
const [member] = membersOf(DIR, ensemble) as [Server];
const QUORUM_PEER = 'org.apache.zookeeper.server.quorum.QuorumPeerMain';

test('servers have ports of their own', () => {
  expect(membersOf(DIR, ensemble).map(({ ports }) => ports)).toEqual([
    [2181, 2192, 2202],
    [2182, 2193, 2203],
    [2183, 2194, 2204],
  ]);
  expect(membersOf(DIR, { ...ensemble, members: 1 }).map(({ ports }) => ports)).toEqual([[2181]]);
  expect(brokersOf(DIR, cluster).map(({ ports }) => ports)).toEqual([[9092], [9093]]);
});

test.each([
  ['a broker', broker, ['node', '--max-semi-space-size=1', '/r/bin/ottla.cjs', 'server', 'start', broker.file, '']],
  ['what becomes a broker', broker, ['/bin/sh', '/r/bin/ottla', 'server', 'start', broker.file, '']],
  ['a member', member, ['java', '-Xmx128m', QUORUM_PEER, member.file, '']],
  ['what becomes a member', member, ['bash', '/r/zk/server', 'run', member.file, '']],
])('%s is found by its command line', (_, server, words) => {
  expect(
    processOf(server, [
      { pid: 7, words: ['init', ''] },
      { pid: 8, words },
    ]),
  ).toBe(8);
  expect(serversRunningIn(DIR, [{ pid: 8, words }])).toEqual([{ pid: 8, kind: server.kind, id: 1, file: server.file }]);
});

test.each([
  ['an editor of its file', broker, ['vim', broker.file, '']],
  ['a broker on another file', broker, ['node', 'ottla.cjs', 'server', 'start', `${broker.file}.old`, '']],
  ['a shell that was given the words', broker, ['sh', '-c', `bin/ottla server start ${broker.file}`, '']],
  ['a command that restarts the broker', broker, ['node', 'ottla.cjs', 'cluster', 'start', broker.file, '']],
  ['a reader of its file', member, ['less', member.file, '']],
  ['a script that is run on its file', member, ['sh', 'backup', 'run', member.file, '']],
])('%s is not taken for a server', (_, server, words) => {
  expect(processOf(server, [{ pid: 8, words }])).toBeNull();
  expect(serversRunningIn(DIR, [{ pid: 8, words }])).toEqual([]);
});

test('the servers of another directory are not found', () => {
  const words = ['node', 'ottla.cjs', 'server', 'start', broker.file, ''];
  expect(serversRunningIn('/home/me/my', [{ pid: 8, words }])).toEqual([]);
  expect(serversRunningIn('/home/me', [{ pid: 8, words }])).toEqual([]);
});

test('the members of a cluster are found in its directory and in that of the ensemble', () => {
  const [below] = membersOf(`${DIR}/zookeeper`, ensemble);
  const words = ['java', QUORUM_PEER, below!.file, ''];
  expect(serversRunningIn(DIR, [{ pid: 8, words }])).toMatchObject([{ pid: 8, kind: 'member', id: 1 }]);
  expect(serversRunningIn(`${DIR}/zookeeper`, [{ pid: 8, words }])).toMatchObject([{ pid: 8 }]);
});

test.each([
  [[broker], 'broker 1'],
  [brokersOf(DIR, cluster), 'brokers 1 and 2'],
  [membersOf(DIR, ensemble), 'members 1, 2 and 3'],
  [[broker, member], 'member 1 and broker 1'],
])('servers are named in words', (servers, words) => {
  expect(namesOf(servers)).toBe(words);
});

test('a member knows its peers, and a lone one has none', () => {
  expect(zooCfg(member, DIR, ensemble)).toContain('server.3=127.0.0.1:2194:2204\n');
  const [lone] = membersOf(DIR, { ...ensemble, members: 1 });
  expect(zooCfg(lone!, DIR, { ...ensemble, members: 1 })).not.toContain('server.');
});

test('the brokers of a cluster have the settings that the sample file recommends', () => {
  const sample = readFileSync(path.join(__dirname, '../../../../scripts/config/server.properties'), 'latin1');
  const made = serverProperties(broker, DIR, { ...cluster, brokers: 1 }, 'localhost:2181/kafka', '');
  const recommended = readPropertiesFile(sample);
  const given = readPropertiesFile(made);
  // Where and who a broker is; and what stands in the sample only to show Kafka's own default.
  const own = ['broker.id', 'listeners', 'log.dirs', 'zookeeper.connect'];
  const defaults = [
    ...['num.partitions', 'default.replication.factor', 'log.retention.hours', 'log.segment.bytes'],
    'log.retention.check.interval.ms',
  ];
  for (const [name, value] of recommended) {
    if (own.includes(name) || defaults.includes(name)) continue;
    expect(`${name}=${given.get(name)}`).toBe(`${name}=${value}`);
  }
});

test('more properties come last, so that they win', () => {
  const made = serverProperties(broker, DIR, cluster, 'localhost:2181/kafka', 'broker.id=9\n');
  expect(readPropertiesFile(made).get('broker.id')).toBe('9');
  expect(readPropertiesFile(made).get('log.dirs')).toBe(`${DIR}/data-1`);
  expect(readPropertiesFile(made).get('transaction.state.log.min.isr')).toBe('2');
});
