import { ANYTHING, type Step } from './step.js';

const NOTHING_THERE = 'nothing_runs && test ! -e "$DATA"';
const refused = (sentence: string): Pick<Step, 'exit' | 'err' | 'then'> => ({
  exit: 1,
  err: `cluster: ${sentence}\n`,
  then: NOTHING_THERE,
});

/** What a person types wrong, or breaks off, before there is a cluster; and the cluster. */
export const STARTING: readonly Step[] = [
  {
    what: 'quickstart --help started a cluster',
    type: 'scripts/quickstart --help',
    out: /^From a clone to a running cluster.*--dir DIR/s,
    then: NOTHING_THERE,
  },
  {
    what: 'start extra words were accepted',
    type: 'scripts/cluster.sh start extra words',
    ...refused('start takes no extra; ottla cluster --help says what there is'),
  },
  {
    what: 'status --nonsense was accepted',
    type: 'scripts/cluster.sh status --nonsense',
    ...refused('status takes no --nonsense; ottla cluster --help says what there is'),
  },
  {
    what: '--brokers 0 was accepted',
    type: 'scripts/cluster.sh start --brokers 0',
    ...refused('--brokers needs 1 to 100, not 0'),
  },
  {
    what: '--zookeepers 0 left a cluster.conf',
    type: 'scripts/cluster.sh start --zookeepers 0',
    ...refused('--zookeepers needs 1 to 9, not 0'),
  },
  {
    what: '--base-port 80 left a cluster.conf',
    type: 'scripts/cluster.sh start --base-port 80',
    ...refused('--base-port needs 1024 to 65400, not 80'),
  },
  {
    what: 'a missing --config left ZooKeeper running, and half of server-1.properties',
    type: 'scripts/cluster.sh start --config /nope',
    ...refused('cannot read /nope: there is no such file or directory'),
  },
  {
    what: 'a broker was said to be up though another process has its port',
    type: 'serve 9093 web; scripts/cluster.sh start; code=$?; end 9093; exit $code',
    ...refused('port 9093 of broker 2 is taken by another process'),
  },
  {
    what: 'a port of ZooKeeper is taken, and the next start still wanted it',
    type: 'serve 9192 silent; scripts/cluster.sh start; code=$?; end 9192; exit $code',
    ...refused('port 9192 of member 1 is taken by another process'),
  },
  {
    what: 'without Java a cluster.conf stayed',
    type: 'without_java scripts/cluster.sh start',
    ...refused('no java on the PATH; ZooKeeper needs Java 8 or newer'),
  },
  {
    what: 'without Java the demo printed eight lines of a stack',
    type: 'without_java scripts/demo-failover',
    exit: 1,
    out: ANYTHING,
    err: 'no java on the PATH; ZooKeeper needs Java 8 or newer\n',
    then: 'nothing_in_tmp',
  },
  {
    what: 'the demo left servers and files when its terminal was closed',
    type: `told HUP 'ls /tmp/ottla-demo-*/cluster/broker-1.pid' scripts/demo-failover`,
    exit: 129,
    out: ANYTHING,
    err: /interrupted by SIGHUP/,
    then: 'nothing_runs && nothing_in_tmp',
  },
  {
    what: 'Ctrl-C in a start takes everything back',
    type: `told INT 'test -e "$DATA/broker-1.pid"' scripts/cluster.sh start`,
    exit: 130,
    err: /^cluster: interrupted by SIGINT$/m,
    then: NOTHING_THERE,
  },
  {
    what: 'a broker of a cluster alone could not say what is wrong with its properties',
    type: `echo 'log.retention.hours=a while' >"$HOUR/wrong.properties"; scripts/cluster.sh start --brokers 1 --zookeepers 1 --config "$HOUR/wrong.properties"`,
    exit: 1,
    err: /^cluster: broker 1 did not start$.*a while/ms,
    then: NOTHING_THERE,
  },
  {
    what: 'from a clone to records that were read',
    type: `echo zookeeper.session.timeout.ms=6000 >"$HOUR/more.properties"; scripts/quickstart --config "$HOUR/more.properties"`,
    out: /^Created topic hello\.$.*^hello\nworld$|^world\nhello$/ms,
    err: /^Processed a total of 2 messages$/m,
    then: '[ "$(servers | wc -l)" = 6 ]',
  },
  {
    what: 'quickstart runs twice',
    type: 'scripts/quickstart',
    out: /^status: {2}scripts\/cluster\.sh status$/m,
    err: /^Processed a total of 2 messages$/m,
    then: '[ "$(servers | wc -l)" = 6 ]',
  },
  {
    what: 'quickstart --dir ended with hints without --dir',
    type: `scripts/quickstart --dir "$HOUR/the other" --brokers 1 --zookeepers 1 --base-port 9500`,
    out: /^status: {2}scripts\/cluster\.sh status --dir \S*\/first\\ hour\\ \S*\/the\\ other$/m,
    err: /^Processed a total of 2 messages$/m,
  },
  {
    what: 'what it says can be typed',
    type: `scripts/cluster.sh clean --dir "$HOUR/the other"`,
    then: '[ "$(servers | wc -l)" = 6 ] && test ! -e "$HOUR/the other"',
  },
  {
    what: '--brokers 5 was ignored where there is a cluster of three',
    type: 'scripts/cluster.sh start --brokers 5',
    exit: 1,
    err: /^cluster: the cluster in .* has 3 brokers; --brokers 5 does not fit it \(scripts\/cluster\.sh clean --dir .*\)\n$/,
  },
  {
    what: '--base-port 9999 was ignored',
    type: 'scripts/cluster.sh start --base-port 9999',
    exit: 1,
    err: /^cluster: the cluster in .* has base port 9092; --base-port 9999 does not fit it /,
  },
  {
    what: 'the status of what runs',
    type: 'scripts/cluster.sh status',
    out: /^(member \d .*\n){3}(broker \d: 127\.0\.0\.1:909\d, pid \d+\n){3}$/,
  },
  {
    what: 'the cluster had not the settings that are right for development',
    type: `grep -c '^group.initial.rebalance.delay.ms=0$' "$DATA"/server-*.properties | cut -d: -f2 | sort -u`,
    out: '1\n',
  },
  {
    what: 'fresh directories logged warnings, and that they were recovered',
    type: `logs | grep -E ' (WARN|ERROR) |recovered=true' | grep -v 'ISR\\|not connected'`,
    exit: 1,
  },
];
