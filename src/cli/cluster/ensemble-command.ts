import fs from 'node:fs';
import path from 'node:path';
import { CommandError, type Command } from '../terminal.js';
import { Attempt } from './attempt.js';
import { numbered, type CommandLine, type Verb } from './core/command-line.js';
import { processOf } from './core/servers.js';
import { Ensemble } from './ensemble.js';
import { listProcesses, signalProcess } from './processes.js';
import { directoryOf, runVerb, valueOf, type VerbContext } from './run-verb.js';
import { runShell } from './shell.js';
import { zooKeeperRuntime, type Surroundings } from './surroundings.js';

const USAGE = `Runs a ZooKeeper ensemble on this machine.

  zk/ensemble start   [--dir DIR] [--members N] [--base-port P] [--tick-time MS] [--no-fsync]
  zk/ensemble stop    [--dir DIR]
  zk/ensemble status  [--dir DIR]             one line a member; exit 1 without a quorum
  zk/ensemble shell   [--dir DIR] [COMMAND…]  ZooKeeper's own zkCli
  zk/ensemble connect [--dir DIR]             prints host:port,host:port… for zookeeper.connect
  zk/ensemble kill|term|pause|resume|restart MEMBER [--dir DIR]
  zk/ensemble clean   [--dir DIR]             stops it and removes its data

Member I listens for clients on P+I-1, for its peers on P+10+I and for elections on P+20+I, all on 127.0.0.1.
Defaults: three members, port 2181, data in zk/.runtime/ensemble. The sizes are kept in DIR, so only the first start needs them.
--tick-time is the least unit of session time-outs (sessions last 2 to 20 ticks; 2000 ms unless told).
--no-fsync leaves flushing to the kernel: quicker, and safe against all but a crash of the machine.
A start that fails or is interrupted takes back what it did. Also as: ottla ensemble start …
`;

const VERBS: Readonly<Record<string, Verb>> = {
  start: { options: ['--members', '--base-port', '--tick-time'], flags: ['--no-fsync'] },
  stop: {},
  status: {},
  shell: { words: 'any' },
  connect: {},
  kill: { words: 'number' },
  term: { words: 'number' },
  pause: { words: 'number' },
  resume: { words: 'number' },
  restart: { words: 'number' },
  clean: {},
};

/** `ottla ensemble VERB`: zk/ensemble. */
export const ensembleCommand: Command = (args, terminal) =>
  runVerb({ name: 'ensemble', usage: USAGE, verbs: VERBS, args, terminal }, async (line, context) => {
    const { around, print } = context;
    const ensemble = new Ensemble(ensembleDirectory(line, around), around);
    const lockDir = lockDirectoryOf(ensemble.dir);
    switch (line.verb) {
      case 'start': {
        await context.locked(lockDir, { create: true }, () =>
          Attempt.run(context.signal, async (attempt) => {
            await ensemble.discardUnfinished();
            await ensemble.carryOut(await ensemble.plan(line.options), attempt);
          }),
        );
        for (const each of (await ensemble.status()).lines) print(each);
        print(`zookeeper.connect=${ensemble.connect()}`);
        return 0;
      }
      case 'status': {
        const { lines, hasQuorum } = await ensemble.status();
        for (const each of lines) print(each);
        if (!hasQuorum) throw new CommandError('no quorum');
        return 0;
      }
      case 'connect':
        print(ensemble.connect());
        return 0;
      case 'shell':
        return runShell(ensemble.connect(), line.words, around);
      case 'clean':
        if (ensemble.exists()) await context.locked(lockDir, {}, () => ensemble.clean());
        return 0;
      case 'stop':
        ensemble.members();
        await context.locked(lockDir, {}, async () => {
          if ((await ensemble.stop(context.signal)).length === 0) around.say('nothing was running');
        });
        return 0;
      default:
        return changeMember(ensemble, lockDir, line, context);
    }
  });

async function changeMember(
  ensemble: Ensemble,
  lockDir: string,
  line: CommandLine,
  { around, signal, locked }: VerbContext,
): Promise<number> {
  const member = valueOf(numbered(ensemble.members(), line, 'member'));
  await locked(lockDir, {}, async () => {
    if (line.verb === 'restart') return ensemble.restart(member, signal);
    if (line.verb === 'kill' || line.verb === 'term') {
      const wasRunning = await ensemble.end(member, line.verb === 'kill' ? 'SIGKILL' : 'SIGTERM', signal);
      if (!wasRunning) around.say(`member ${member.id} was not running`);
      return;
    }
    const pid = processOf(member, listProcesses());
    if (pid === null) throw new CommandError(`member ${member.id} is not running`);
    signalProcess(pid, line.verb === 'pause' ? 'SIGSTOP' : 'SIGCONT');
  });
  return 0;
}

function ensembleDirectory({ options }: CommandLine, around: Surroundings): string {
  return directoryOf(
    options.get('--dir') ?? around.env['OTTLA_ZK_DIR'] ?? path.join(zooKeeperRuntime(around), 'ensemble'),
  );
}

/** The ensemble of a cluster changes under the cluster's lock. */
function lockDirectoryOf(dir: string): string {
  const above = path.dirname(dir);
  const isOfCluster = path.basename(dir) === 'zookeeper' && fs.existsSync(path.join(above, 'cluster.conf'));
  return isOfCluster ? above : dir;
}
