import * as fs from 'node:fs';
import * as path from 'node:path';
import {
  brokerIdZnode,
  clusterIdZnode,
  configChangeZnode,
  configEntityZnode,
  controllerEpochZnode,
  controllerZnode,
  featureZnode,
  logDirEventZnode,
  partitionStateZnode,
  preferredReplicaElectionZnode,
  producerIdBlockZnode,
  PERSISTENT_PATHS,
  reassignPartitionsZnode,
  topicZnode,
} from '../../src/zookeeper/index.js';

const RECORDINGS = path.join(__dirname, '..', '.fixtures', 'reference');

interface Recording {
  readonly transactions: readonly Transaction[];
  readonly nodes: Readonly<Record<string, { readonly data: string | null }>>;
}
interface Transaction {
  readonly op: string;
  readonly path?: string;
  readonly data?: string | null;
  readonly ops?: readonly Transaction[];
}

/** Reads what Kafka wrote and writes it again, by path. */
const CODECS: readonly (readonly [RegExp, (data: Buffer, match: RegExpMatchArray) => Buffer])[] = [
  [/^\/cluster\/id$/, (data) => clusterIdZnode.encode(clusterIdZnode.decode(data))],
  [/^\/brokers\/ids\/(\d+)$/, (data, match) => brokerIdZnode.encode(brokerIdZnode.decode(Number(match[1]), data, 1n))],
  [/^\/brokers\/topics\/([^/]+)$/, (data, match) => topicZnode.encode(topicZnode.decode(match[1]!, data))],
  [/^\/brokers\/topics\/.*\/state$/, (data) => partitionStateZnode.encode(partitionStateZnode.decode(data, 0))],
  [
    /^\/controller$/,
    (data) => {
      const { brokerId, timestampMs } = controllerZnode.decode(data);
      return controllerZnode.encode(brokerId, timestampMs);
    },
  ],
  [/^\/controller_epoch$/, (data) => controllerEpochZnode.encode(controllerEpochZnode.decode(data))],
  [/^\/config\/changes\//, (data) => configChangeZnode.encode(configChangeZnode.decode(data).entityPath)],
  [
    /^\/config\/(topics|brokers|users|clients|ips)\/./,
    (data) => configEntityZnode.encode(configEntityZnode.decode(data)),
  ],
  [/^\/feature$/, (data) => featureZnode.encode(featureZnode.decode(data))],
  [/^\/latest_producer_id_block$/, (data) => producerIdBlockZnode.encode(producerIdBlockZnode.decode(data))],
  [/^\/log_dir_event_notification\//, (data) => logDirEventZnode.encode(logDirEventZnode.decode(data))],
  [/^\/admin\/reassign_partitions$/, (data) => reassignPartitionsZnode.encode(reassignPartitionsZnode.decode(data))],
  [
    /^\/admin\/preferred_replica_election$/,
    (data) => preferredReplicaElectionZnode.encode(preferredReplicaElectionZnode.decode(data)),
  ],
];

/** ACLs and delegation tokens have codecs in the security layer. */
const ELSEWHERE = /^\/(kafka-acl|delegation_token)/;

function recordings(): [string, Recording][] {
  return ['zk', 'zk-security'].flatMap((folder) =>
    fs
      .readdirSync(path.join(RECORDINGS, folder))
      .filter((name) => /^\d+.*\.json$/.test(name))
      .map((name): [string, Recording] => [
        `${folder}/${name}`,
        JSON.parse(fs.readFileSync(path.join(RECORDINGS, folder, name), 'utf8')) as Recording,
      ]),
  );
}

/** Every path with its data, in nodes and in writes, without the chroot. */
function writtenNodes({ nodes, transactions }: Recording): [string, string][] {
  const written: [string, string | null | undefined][] = Object.entries(nodes).map(([name, node]) => [name, node.data]);
  for (const transaction of transactions) {
    for (const op of transaction.ops ?? [transaction]) if (op.path !== undefined) written.push([op.path, op.data]);
  }
  return written.flatMap(([name, data]): [string, string][] =>
    name.startsWith('/kafka/') && data ? [[name.slice('/kafka'.length), data]] : [],
  );
}

describe('what Kafka 3.6.1 keeps in ZooKeeper', () => {
  test.each(recordings())('%s is read and written again byte for byte', (_, recording) => {
    for (const [name, data] of writtenNodes(recording)) {
      if (ELSEWHERE.test(name)) continue;
      const codec = CODECS.find(([pattern]) => pattern.test(name));
      expect(codec).toBeDefined();
      const again = codec![1](Buffer.from(data), codec![0].exec(name)!);
      expect(`${name} ${again.toString()}`).toBe(`${name} ${data}`);
    }
  });

  test('the recordings hold every kind of node', () => {
    const seen = new Set(
      recordings()
        .flatMap(([, recording]) => writtenNodes(recording))
        .map(([name]) => CODECS.findIndex(([pattern]) => pattern.test(name))),
    );
    expect([...seen].filter((index) => index >= 0).sort((a, b) => a - b)).toEqual(CODECS.map((_, index) => index));
  });

  test('the top-level paths are made in the order in which a first broker makes them', () => {
    const [, first] = recordings().find(([name]) => name.endsWith('/01-broker1-start.json'))!;
    const created = first.transactions.flatMap(({ op, path: name }) => (op === 'create' && name ? [name] : []));
    const order = PERSISTENT_PATHS.map((name) => created.indexOf(`/kafka${name}`));
    expect(order).not.toContain(-1);
    expect(order).toEqual([...order].sort((a, b) => a - b));
  });
});
