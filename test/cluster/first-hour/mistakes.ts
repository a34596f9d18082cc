import { ANYTHING, type Step } from './step.js';

/** A tool of Kafka's makes the same mistake, and these are its words. */
const asKafka = (what: string, type: string, exit = 1): Step => ({
  what,
  type,
  exit,
  out: ANYTHING,
  err: ANYTHING,
  asKafka: true,
});

/** A broker of its own that cannot start, and says so in one sentence. */
const brokerRefuses = (what: string, lines: string, err: RegExp): Step => ({
  what,
  type: `properties wrong.properties ${lines}; timeout 60 bin/ottla server start "$HOUR/wrong.properties"`,
  exit: 1,
  out: ANYTHING,
  err,
});

/** What people get wrong while the cluster runs. */
export const MISTAKES: readonly Step[] = [
  asKafka('a number of partitions that is none', 'bin/ottla topics $B --create --topic t --partitions x'),
  asKafka('a topic that is there', 'bin/ottla topics $B --create --topic orders'),
  asKafka('more replicas than brokers', 'bin/ottla topics $B --create --topic t --replication-factor 4'),
  asKafka('a name that none may have', `bin/ottla topics $B --create --topic 'a b'`),
  asKafka('a topic that is not there', 'bin/ottla topics $B --describe --topic nope'),
  asKafka('and is to be deleted', 'bin/ottla topics $B --delete --topic nope'),
  asKafka('fewer partitions than there are', 'bin/ottla topics $B --alter --topic orders --partitions 3'),
  asKafka('nothing to do', 'bin/ottla topics $B'),
  asKafka('nobody to ask', 'bin/ottla topics --list'),
  asKafka('an option that is none', 'bin/ottla topics $B --lst'),
  asKafka('a group that is not there', 'bin/ottla consumer-groups $B --describe --group nope'),
  asKafka('offsets of a topic that is not there', 'bin/ottla get-offsets $B --topic nope'),
  asKafka('a value that is no number', 'bin/ottla configs $B --alter --topic orders --add-config retention.ms=long'),
  asKafka('a configuration that is none', 'bin/ottla configs $B --alter --topic orders --add-config retention=1'),
  asKafka('a producer without a topic', 'bin/ottla console-producer $B </dev/null'),
  asKafka('a consumer without a topic', 'bin/ottla console-consumer $B'),
  // Kafka's words, without the stack of what could not be made for want of them.
  {
    what: 'a host that has no address',
    type: 'bin/ottla topics --bootstrap-server nohost.invalid:9092 --list',
    exit: 1,
    out: 'Error while executing topic command : No resolvable bootstrap urls given in bootstrap.servers\n',
    err: /WARN Couldn't resolve server nohost.invalid:9092 from bootstrap\.servers as DNS resolution failed for nohost\.invalid/,
  },
  {
    what: 'a server without a port',
    type: 'bin/ottla topics --bootstrap-server localhost --list',
    exit: 1,
    out: 'Error while executing topic command : Invalid url in bootstrap.servers: localhost\n',
    err: ANYTHING,
  },
  {
    what: 'Ctrl-C in the console consumer was 0, Kafka has 130',
    type: `told INT 'grep -q one "$HOUR/read"' bin/ottla console-consumer $B --topic orders --from-beginning >"$HOUR/read"`,
    exit: 130,
    err: /^Processed a total of 1 messages$/m,
  },
  {
    what: '--timeout-ms was not kept at a port that does not answer',
    type: 'serve 9998 silent; timeout 20 bin/ottla console-consumer --bootstrap-server localhost:9998 --topic t --timeout-ms 500',
    err: /TimeoutException\nProcessed a total of 0 messages\n$/,
  },
  {
    what: 'a producer there named neither the address nor what may be wrong',
    type: `echo 'request.timeout.ms=500' >"$HOUR/quick.properties"; echo 'max.block.ms=1500' >>"$HOUR/quick.properties"; echo x | timeout 60 bin/ottla console-producer --bootstrap-server localhost:9998 --topic t --producer.config "$HOUR/quick.properties"`,
    exit: 1,
    err: /localhost:9998.*Is it the port of a Kafka broker\?/,
  },
  {
    what: 'nor did the other tools',
    type: `echo 'request.timeout.ms=500' >"$HOUR/quick.properties"; timeout 60 bin/ottla topics --bootstrap-server localhost:9998 --list --command-config "$HOUR/quick.properties"; code=$?; end 9998; exit $code`,
    exit: 1,
    out: ANYTHING,
    err: /localhost:9998.*Is it the port of a Kafka broker\?/,
  },
  {
    what: 'what answers and is no broker',
    type: 'serve 9998 web; timeout 60 bin/ottla topics --bootstrap-server localhost:9998 --list; code=$?; end 9998; exit $code',
    exit: 1,
    out: ANYTHING,
    err: /localhost:9998 does not answer in Kafka's protocol\. Is it the port of a Kafka broker\?/,
  },
  { what: "protocol had no '--help'", type: 'bin/ottla protocol --help', out: /encode.*decode.*records/s },
  {
    what: 'a benchmark that is asked for help printed a stack',
    type: 'for script in $(ls scripts/bench-*.mjs | grep -v bench-brokers); do node "$script" --help | grep -q . || echo "$script"; done',
  },
  {
    what: 'the file that README names is there',
    type: 'bin/ottla server start server.properties',
    exit: 1,
    err: /server\.properties: there is no such file/,
  },
  brokerRefuses(
    'log.dirs below /proc hung for ever',
    'log.dirs=/proc/nope',
    /^The broker could not start: .*\/proc\/nope/m,
  ),
  brokerRefuses('log.dirs that is a file', '"log.dirs=$HOUR/more.properties"', /more\.properties.*is not a directory/),
  brokerRefuses(
    'a port that another has',
    'listeners=PLAINTEXT://localhost:9092',
    /^The broker could not start: .*9092.*in use/m,
  ),
  brokerRefuses(
    'an id that another has',
    '"log.dirs=$HOUR/data-8" broker.id=1 zookeeper.connect=localhost:9192/kafka zookeeper.session.timeout.ms=4000',
    /broker id 1 is in use.*Give this broker another broker\.id/s,
  ),
  brokerRefuses(
    'nothing at the port of ZooKeeper',
    'zookeeper.connect=localhost:9997',
    /no session with ZooKeeper at localhost:9997.*ECONNREFUSED/,
  ),
  brokerRefuses(
    'no address of ZooKeeper',
    'zookeeper.connect=nohost.invalid:2181',
    /no session with ZooKeeper at nohost\.invalid:2181.*(ENOTFOUND|EAI_AGAIN)/,
  ),
  brokerRefuses(
    'a broker in the place of ZooKeeper',
    'zookeeper.connect=localhost:9093',
    /no session with ZooKeeper at localhost:9093/,
  ),
  brokerRefuses('a number that is none', 'num.partitions=many', /many.*num\.partitions|num\.partitions.*many/),
  brokerRefuses('a listener without a protocol', 'listeners=localhost:9299', /listeners/),
  brokerRefuses('a configuration of KRaft', 'process.roles=broker', /process\.roles/),
  {
    what: 'a daemon that fails ended with 0, and nobody said where its log is',
    type: 'properties wrong.properties zookeeper.connect=localhost:9997; bin/ottla server start -daemon "$HOUR/wrong.properties"',
    exit: 1,
    err: /^The broker could not start: .*\nIts log is .*\/data-7\/server\.log, what it says besides is in .*\n$/,
  },
];
