import { ANYTHING, type Step } from './step.js';

/** Brokers and ZooKeeper are killed, and started again by the same commands. */
export const CRASHING: readonly Step[] = [
  { what: 'a broker is killed', type: 'scripts/cluster.sh kill 2', then: '! servers | grep -q server-2.properties' },
  {
    what: 'its status',
    type: 'scripts/cluster.sh status',
    exit: 1,
    out: /^broker 2: not running$/m,
  },
  {
    what: 'a broker killed with -9 did not start again: it was a zombie, and its lock with it',
    type: 'scripts/cluster.sh restart 2',
    err: ANYTHING,
    then: `scripts/cluster.sh status && for process in /proc/[0-9]*; do cat "$process/stat" 2>/dev/null; done | grep -q '^[0-9]* (.*) Z '`,
  },
  {
    what: 'once more, at once',
    type: 'scripts/cluster.sh kill 2 && scripts/cluster.sh restart 2',
    err: ANYTHING,
    then: 'scripts/cluster.sh status',
  },
  {
    what: 'everything is killed, and started by one command',
    type: 'kill_servers && scripts/cluster.sh start',
    out: /^brokers: 127\.0\.0\.1:9092,127\.0\.0\.1:9093,127\.0\.0\.1:9094$/m,
    err: ANYTHING,
  },
  {
    what: 'the list of topics was empty for 20 s then',
    type: 'bin/ottla topics $B --list --exclude-internal',
    out: 'gzip\nhello\nlz4\nmany\nnone\norders\nsnappy\nzstd\n',
  },
  {
    what: 'a topic did not exist as expected',
    type: 'bin/ottla topics $B --describe --topic orders',
    out: /^Topic: orders\t.*PartitionCount: 6\t/,
  },
  {
    what: 'no offsets could be matched',
    type: `bin/ottla get-offsets $B --topic many | awk -F: '{ sum += $3 } END { print sum }'`,
    out: '100000\n',
  },
  {
    what: 'a group that did not exist',
    type: `bin/ottla consumer-groups $B --describe --group readers | awk '$2 == "orders" { print $3, $4 == $5 }'`,
    out: '0 1\n1 1\n2 1\n3 1\n4 1\n5 1\n',
    err: "\nConsumer group 'readers' has no active members.\n",
  },
  {
    what: 'all that was acknowledged',
    type: 'bin/ottla console-consumer $B --topic many --from-beginning --max-messages 100000 --timeout-ms 20000 | sort -n | cmp - <(seq 100000)',
    err: /^Processed a total of 100000 messages$/m,
  },
  {
    what: 'while the old session is waited for, status says so, and not that all are up',
    type: `kill_servers; scripts/cluster.sh start >/dev/null 2>&1 & until_so eval "scripts/cluster.sh status | grep -q 'waiting for ZooKeeper to end the session'"; wait $!`,
    then: 'scripts/cluster.sh status',
  },
  {
    what: 'the controller is killed: there is another, one epoch later',
    type: [
      'scripts/cluster.sh shell get /controller_epoch >"$HOUR/before" 2>/dev/null',
      `scripts/cluster.sh kill "$(scripts/cluster.sh shell get /controller 2>/dev/null | grep -o '"brokerid":[123]' | cut -d: -f2)"`,
      `until_so eval '[ "$(scripts/cluster.sh shell get /controller_epoch 2>/dev/null | tail -1)" = $(($(tail -1 "$HOUR/before") + 1)) ]'`,
    ].join('\n'),
  },
  {
    what: 'and the rest goes on',
    type: 'echo two | bin/ottla console-producer --bootstrap-server localhost:9092,localhost:9093,localhost:9094 --topic orders',
    err: ANYTHING,
    then: 'scripts/cluster.sh start',
  },
  {
    what: 'ZooKeeper away for a while: the brokers notice, wait, and go on',
    type: [
      `losses() { logs | grep -c 'Lost the connection to ZooKeeper'; }`,
      'before=$(losses)',
      'for member in 1 2 3; do zk/ensemble pause $member --dir "$DATA/zookeeper"; done',
      `until_so eval '[ $(losses) -ge $((before + 3)) ]' && echo all have noticed`,
      'for member in 1 2 3; do zk/ensemble resume $member --dir "$DATA/zookeeper"; done',
      'until_so scripts/cluster.sh status',
      'bin/ottla topics $B --list --exclude-internal | head -1',
    ].join('\n'),
    out: 'all have noticed\ngzip\n',
    err: ANYTHING,
  },
];
