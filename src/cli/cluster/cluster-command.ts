import path from 'node:path';
import type { Command } from '../terminal.js';
import { Attempt } from './attempt.js';
import { Cluster } from './cluster.js';
import { numbered, type CommandLine, type Verb } from './core/command-line.js';
import type { Server } from './core/servers.js';
import { directoryOf, runVerb, valueOf, type VerbContext } from './run-verb.js';
import { runShell } from './shell.js';
import type { Surroundings } from './surroundings.js';

const USAGE = `A whole cluster on this machine: a ZooKeeper ensemble and brokers, all their state in one directory.

  scripts/cluster.sh start  [--dir DIR] [--brokers N] [--zookeepers N] [--base-port P] [--config FILE]
                                             returns when every broker knows of the controller and of all brokers
  scripts/cluster.sh stop   [--dir DIR]      brokers first, ZooKeeper last; the data stays
  scripts/cluster.sh status [--dir DIR]      one line for each process; exit 1 when one is missing
  scripts/cluster.sh kill|term|restart BROKER [--dir DIR]
  scripts/cluster.sh shell [--dir DIR] [COMMAND…]  ZooKeeper's own zkCli, where the brokers' znodes are
  scripts/cluster.sh bootstrap [--dir DIR]   prints host:port,host:port… for --bootstrap-server
  scripts/cluster.sh clean  [--dir DIR]      stops it and removes its data

Brokers listen on P, P+1 …, ZooKeeper's members on P+100 …. Defaults: three of each, port 9092, data in .cache/cluster.
The sizes are kept in DIR, so only the first start needs them. FILE holds more properties for every broker.
A start that fails or is interrupted takes back what it did. Also as: ottla cluster start …
`;

const VERBS: Readonly<Record<string, Verb>> = {
  start: { options: ['--brokers', '--zookeepers', '--base-port', '--config'] },
  stop: {},
  status: {},
  kill: { words: 'number' },
  term: { words: 'number' },
  restart: { words: 'number' },
  shell: { words: 'any' },
  bootstrap: {},
  clean: {},
};

/** `ottla cluster VERB`: scripts/cluster.sh. */
export const clusterCommand: Command = (args, terminal) =>
  runVerb({ name: 'cluster', usage: USAGE, verbs: VERBS, args, terminal }, async (line, context) => {
    const { around, print } = context;
    const cluster = new Cluster(clusterDirectory(line, around), around);
    switch (line.verb) {
      case 'start':
        await context.locked(cluster.dir, { create: true }, () =>
          Attempt.run(context.signal, (attempt) => cluster.start(line.options, attempt)),
        );
        for (const each of (await cluster.ensemble.status()).lines) print(each);
        print(`zookeeper.connect=${cluster.ensemble.connect()}`);
        print(`brokers: ${cluster.bootstrap()}`);
        print(`zookeeper: ${cluster.zookeeperConnect()}`);
        return 0;
      case 'status': {
        const { lines, isWhole } = await cluster.status();
        for (const each of lines) print(each);
        return isWhole ? 0 : 1;
      }
      case 'bootstrap':
        print(cluster.bootstrap());
        return 0;
      case 'shell':
        return runShell(cluster.zookeeperConnect(), line.words, around);
      case 'clean':
        if (cluster.exists()) await context.locked(cluster.dir, {}, () => cluster.clean());
        return 0;
      case 'stop':
        cluster.brokers();
        await context.locked(cluster.dir, {}, () => cluster.stop(context.signal));
        return 0;
      default:
        return changeBroker(cluster, line, context);
    }
  });

async function changeBroker(
  cluster: Cluster,
  line: CommandLine,
  { around, signal, locked }: VerbContext,
): Promise<number> {
  const broker: Server = valueOf(numbered(cluster.brokers(), line, 'broker'));
  await locked(cluster.dir, {}, async () => {
    if (line.verb === 'restart') return cluster.restart(broker, signal);
    const wasRunning = await cluster.end(broker, line.verb === 'kill' ? 'SIGKILL' : 'SIGTERM', signal);
    if (!wasRunning) around.say(`broker ${broker.id} was not running`);
  });
  return 0;
}

function clusterDirectory({ options }: CommandLine, { root, env }: Surroundings): string {
  return directoryOf(options.get('--dir') ?? env['OTTLA_CLUSTER_DIR'] ?? path.join(root, '.cache', 'cluster'));
}
