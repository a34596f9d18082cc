import { ANYTHING, type Step } from './step.js';

/** Errors of a broker, and stacks of whatever. */
const COMPLAINTS = `logs | grep -E ' ERROR |^ +at '`;

/** What the logs say after all this, and how it ends. */
export const ENDING: readonly Step[] = [
  {
    what: 'a dead peer was five lines of a stack in the log',
    type: COMPLAINTS,
    exit: 1,
  },
  {
    what: 'an idle cluster writes nothing, also when it is asked what there is',
    type: [
      'quiet() { local before=$(log_lines); for tool in topics get-offsets; do bin/ottla $tool $B $([ $tool = get-offsets ] || echo --list) >/dev/null; done; [ "$(log_lines)" = "$before" ]; }',
      'until_so quiet',
    ].join('\n'),
  },
  {
    what: 'a planned stop of three brokers wrote an ERROR for each partition',
    type: 'scripts/cluster.sh stop && scripts/cluster.sh start',
    out: ANYTHING,
    err: /^stopping brokers 1, 2 and 3, at most 30 s\nstopped ZooKeeper: members 1, 2 and 3\n/,
    then: `! ${COMPLAINTS}`,
  },
  {
    what: 'a broker in the foreground, beside the cluster',
    type: 'properties alone.properties "log.dirs=$HOUR/alone"; told INT \'grep -q "started (" "$HOUR/alone.log"\' bin/ottla server start "$HOUR/alone.properties" >"$HOUR/alone.log"',
    then: `! grep -E ' (WARN|ERROR) ' "$HOUR/alone.log"`,
  },
  {
    what: 'one whose terminal is closed ended with SIGSEGV',
    type: [
      `cat >"$HOUR/terminal.sh" <<'END'`,
      // As a shell that people type into does; the kernel may have told the broker too.
      'bin/ottla server start "$HOUR/alone.properties" &',
      'trap "kill -HUP $!" HUP',
      'wait $! || wait $!',
      'echo $? >"$HOUR/status"',
      'END',
      'sleep 1000 | script -qc "sh \'$HOUR/terminal.sh\'" /dev/null >"$HOUR/screen" 2>&1 &',
      `until_so grep -q 'started (' "$HOUR/screen"`,
      'kill -9 $!',
      'until_so test -s "$HOUR/status"',
      'cat "$HOUR/status"',
    ].join('\n'),
    out: '0\n',
  },
  {
    what: 'a daemon, whose log is said',
    type: 'bin/ottla server start -daemon "$HOUR/alone.properties"',
    out: /^The broker has started \(pid \d+\)\. Its log is .*\/alone\/server\.log, what it says besides is in .*\/alone\/ottla-server\.out\n$/,
  },
  {
    what: 'server stop ends every broker of the machine',
    type: 'bin/ottla server stop; until_so eval "! servers | grep -q server.start"',
  },
  { what: 'and says when there is none', type: 'bin/ottla server stop', exit: 1, out: 'No kafka server to stop\n' },
  {
    what: 'a stop without ZooKeeper took 35 s, and said nothing',
    type: 'scripts/cluster.sh start >/dev/null; zk/ensemble stop --dir "$DATA/zookeeper" >/dev/null 2>&1; scripts/cluster.sh stop',
    err: /^stopping brokers 1, 2 and 3, at most 30 s; ZooKeeper does not serve, so that they cannot hand over their partitions$/m,
    then: 'nothing_runs',
  },
  { what: 'a stop where nothing runs', type: 'scripts/cluster.sh stop', err: 'nothing was running\n' },
  { what: 'clean printed errors of tr', type: 'scripts/cluster.sh clean', then: 'nothing_runs && test ! -e "$DATA"' },
  { what: 'and again', type: 'scripts/cluster.sh clean' },
  {
    what: 'nothing is left of the hour',
    type: 'ls -A .cache; in_tmp; servers',
  },
];
