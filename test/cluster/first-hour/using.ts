import { ANYTHING, type Step } from './step.js';

const consume = (topic: string, ...more: string[]): string =>
  ['bin/ottla console-consumer $B --topic', topic, '--from-beginning --timeout-ms 20000', ...more].join(' ');
const processed = (count: number): RegExp => new RegExp(`^Processed a total of ${count} messages$`, 'm');

/** "Use" of README goes on from "Start"; and the tools, as Kafka's. */
export const USING: readonly Step[] = [
  {
    what: 'a topic is made',
    type: 'bin/ottla topics $B --create --topic orders --partitions 6 --replication-factor 3',
    out: 'Created topic orders.\n',
  },
  {
    what: 'the ZooKeeper of README listened elsewhere: a time-out of 30 s',
    type: 'bin/ottla topics --zookeeper localhost:9192/kafka --describe --topic orders',
    out: /^Topic: orders\t.*PartitionCount: 6\tReplicationFactor: 3/,
  },
  {
    what: 'one record, in one of six partitions',
    type: `echo one | bin/ottla console-producer $B --topic orders`,
  },
  {
    what: 'a group that reads it',
    type: consume('orders', '--group readers --max-messages 1'),
    out: 'one\n',
    err: processed(1),
  },
  {
    what: 'only the partition that gave a record had an offset',
    type: `bin/ottla consumer-groups $B --describe --group readers | awk '$2 == "orders" { print $3, $4 == $5 }'`,
    out: '0 1\n1 1\n2 1\n3 1\n4 1\n5 1\n',
    err: "\nConsumer group 'readers' has no active members.\n",
  },
  {
    what: 'each consumer waited 3 s for others, so that --timeout-ms 2000 read nothing',
    type: 'bin/ottla console-consumer $B --topic orders --from-beginning --timeout-ms 2000',
    out: 'one\n',
    err: /TimeoutException\nProcessed a total of 1 messages\n$/,
  },
  {
    what: 'the shell of README asked another ensemble, without /kafka',
    type: 'scripts/cluster.sh shell get /controller | grep -o \'"brokerid":[123]\'',
    out: /^"brokerid":[123]\n$/,
    err: ANYTHING,
  },
  {
    what: 'znodes as in every course of Kafka',
    type: `scripts/cluster.sh shell ls / | tail -1 | tr -d '[] ' | tr , '\\n' | sort | tr '\\n' ' '`,
    out: /admin brokers cluster config consumers controller controller_epoch .*isr_change_notification/,
    err: ANYTHING,
  },
  {
    what: 'the messages of README held a literal …',
    type: `echo '{"message":"MetadataRequest","version":12,"json":{"topics":null}}' | bin/ottla protocol encode`,
    out: /"hex":"[0-9a-f]+"/,
  },
  {
    what: 'keys, headers and the marker of null',
    type: `printf 'a:1\\tkey\\tvalue\\nb:2\\tkey\\tnone\\n' | bin/ottla console-producer $B --topic hello --property parse.key=true --property parse.headers=true --property null.marker=none`,
  },
  {
    what: 'and as they are printed',
    type: consume(
      'hello',
      '--property print.key=true --property print.headers=true --property null.literal=NULL',
      '--max-messages 6 | sort | tail -2',
    ),
    out: 'a:1\tkey\tvalue\nb:2\tkey\tNULL\n',
    err: processed(6),
  },
  ...['none', 'gzip', 'snappy', 'lz4', 'zstd'].map((codec) => ({
    what: `UTF-8, a thousand times, in ${codec}`,
    type: `bin/ottla topics $B --create --topic ${codec} --partitions 1 --replication-factor 3 >/dev/null; yes 'Žluťoučký kůň 🐎' | head -1000 | bin/ottla console-producer $B --topic ${codec} --compression-codec ${codec}; ${consume(codec, '--max-messages 1000')} | sort | uniq -c`,
    out: / 1000 Žluťoučký kůň 🐎\n$/,
    err: processed(1000),
  })),
  {
    what: '100,000 lines',
    type: `bin/ottla topics $B --create --topic many --partitions 3 --replication-factor 3 >/dev/null; seq 100000 | bin/ottla console-producer $B --topic many; ${consume('many', '--max-messages 100000')} | sort -n | cmp - <(seq 100000)`,
    err: processed(100_000),
  },
  {
    what: 'a line too long',
    type: `head -c 1100000 /dev/zero | tr '\\0' x | bin/ottla console-producer $B --topic hello`,
    err: /RecordTooLargeException/,
  },
  {
    what: 'what is where in the logs',
    type: `bin/ottla dump-log --print-data-log --files "$DATA"/data-1/many-0/00000000000000000000.log | grep -c payload`,
    out: /^\d{5}\n$/,
  },
  {
    what: 'what the tools say of topics',
    type: 'bin/ottla topics $B --list --exclude-internal',
    out: 'gzip\nhello\nlz4\nmany\nnone\norders\nsnappy\nzstd\n',
    asKafka: true,
  },
  { what: 'where logs end', type: 'bin/ottla get-offsets $B --topic many --time -2', out: ANYTHING, asKafka: true },
  {
    what: 'how a group stands',
    type: 'bin/ottla consumer-groups $B --describe --group readers',
    out: /^\nGROUP +TOPIC +PARTITION +CURRENT-OFFSET .*\n(readers +orders +\d +([01]) +\2 +0 +- +- +-\n){6}$/,
    err: "\nConsumer group 'readers' has no active members.\n",
  },
  {
    what: 'a configuration is set',
    type: 'bin/ottla configs $B --alter --topic many --add-config retention.ms=3600000',
    out: 'Completed updating config for topic many.\n',
    asKafka: true,
  },
  {
    what: 'and described',
    type: 'bin/ottla configs $B --describe --topic many',
    out: /retention\.ms=3600000/,
    asKafka: true,
  },
];
