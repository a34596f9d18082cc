import {
  CLUSTER_SETTINGS,
  ENSEMBLE_SETTINGS,
  formatKept,
  parseKept,
  settle,
  type ClusterSettings,
  type EnsembleSettings,
} from '../../../../src/cli/cluster/core/settings.js';

const WORDS = { name: 'the cluster in /d', remedy: 'clean removes it' };
const settings: ClusterSettings = { brokers: 2, zookeepers: 1, base_port: 9000 };
const ensemble: EnsembleSettings = { members: 3, base_port: 2181, tick_time: 500, no_fsync: 1 };
const whole = { settings, whole: true };

const asked = (options: Record<string, string>): Map<string, string> => new Map(Object.entries(options));

test('what is not asked for has its default at first, and stays as it is kept afterwards', () => {
  expect(settle(CLUSTER_SETTINGS, asked({ '--brokers': '1' }), null, WORDS)).toEqual({
    ok: true,
    value: { brokers: 1, zookeepers: 3, base_port: 9092 },
  });
  expect(settle(CLUSTER_SETTINGS, asked({}), whole, WORDS)).toEqual({ ok: true, value: settings });
  expect(settle(CLUSTER_SETTINGS, asked({ '--brokers': '2', '--base-port': '9000' }), whole, WORDS)).toEqual({
    ok: true,
    value: settings,
  });
});

test.each([
  ['--brokers', '3', 'the cluster in /d has 2 brokers; --brokers 3 does not fit it (clean removes it)'],
  ['--zookeepers', '3', 'the cluster in /d has 1 ZooKeeper members; --zookeepers 3 does not fit it (clean removes it)'],
  ['--base-port', '9092', 'the cluster in /d has base port 9000; --base-port 9092 does not fit it (clean removes it)'],
])('%s %s does not change a cluster that is there', (option, value, refusal) => {
  expect(settle(CLUSTER_SETTINGS, asked({ [option]: value }), whole, WORDS)).toEqual({ ok: false, refusal });
});

test('--no-fsync does not change an ensemble that flushes', () => {
  const kept = { settings: { ...ensemble, no_fsync: 0 }, whole: true };
  expect(settle(ENSEMBLE_SETTINGS, asked({ '--no-fsync': '1' }), kept, WORDS)).toEqual({
    ok: false,
    refusal: 'the cluster in /d flushes to the disk; --no-fsync does not fit it (clean removes it)',
  });
});

test('a start that was killed binds no one', () => {
  const value = { brokers: 5, zookeepers: 3, base_port: 9092 };
  expect(settle(CLUSTER_SETTINGS, asked({ '--brokers': '5' }), { settings, whole: false }, WORDS)).toEqual({
    ok: true,
    value,
  });
});

test.each([
  ['--brokers', '0', '--brokers needs 1 to 100, not 0'],
  ['--brokers', '101', '--brokers needs 1 to 100, not 101'],
  ['--brokers', 'two', '--brokers needs 1 to 100, not two'],
  ['--brokers', '1.5', '--brokers needs 1 to 100, not 1.5'],
  ['--brokers', '', '--brokers needs 1 to 100, not '],
  ['--zookeepers', '0', '--zookeepers needs 1 to 9, not 0'],
  ['--base-port', '80', '--base-port needs 1024 to 65400, not 80'],
  ['--base-port', '65401', '--base-port needs 1024 to 65400, not 65401'],
])('%s %s is refused', (option, value, refusal) => {
  expect(settle(CLUSTER_SETTINGS, asked({ [option]: value }), null, WORDS)).toEqual({ ok: false, refusal });
});

test.each([true, false])('what is kept is read again, whole: %s', (isWhole) => {
  const cluster = { settings, whole: isWhole };
  expect(parseKept(CLUSTER_SETTINGS, formatKept(CLUSTER_SETTINGS, cluster))).toEqual({ ok: true, value: cluster });
  const kept = { settings: ensemble, whole: isWhole };
  expect(parseKept(ENSEMBLE_SETTINGS, formatKept(ENSEMBLE_SETTINGS, kept))).toEqual({ ok: true, value: kept });
});

test('what the shell scripts kept is read', () => {
  expect(parseKept(CLUSTER_SETTINGS, 'brokers=2 zookeepers=1 base_port=9000\n')).toEqual({ ok: true, value: whole });
  const fields = 'members=3\nbase_port=2181\ntick_time=500\nfsync=';
  expect(parseKept(ENSEMBLE_SETTINGS, `${fields}no\n`)).toEqual({
    ok: true,
    value: { settings: ensemble, whole: true },
  });
  expect(parseKept(ENSEMBLE_SETTINGS, `${fields}\n`)).toEqual({
    ok: true,
    value: { settings: { ...ensemble, no_fsync: 0 }, whole: true },
  });
});

test.each([
  ['', "brokers is '', need 1 to 100"],
  ['brokers=2\nzookeepers=1\nbase_port=99999', "base_port is '99999', need 1024 to 65400"],
  ['brokers=two\nzookeepers=1\nbase_port=9000', "brokers is 'two', need 1 to 100"],
])('kept settings that were cut off or changed by hand are refused: %j', (text, refusal) => {
  expect(parseKept(CLUSTER_SETTINGS, text)).toEqual({ ok: false, refusal });
});
