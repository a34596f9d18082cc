import { execFile, spawn } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { listProcesses } from '../../src/cli/cluster/processes.js';
import { eventually } from '../support/eventually.js';
import { portBase } from '../support/ports.js';
import { ottla, projectRoot, run, type ToolResult } from '../support/processes.js';
import { describeIfJava } from '../support/zookeeper-ensemble.js';

const MINUTES = 60_000;
jest.setTimeout(3 * MINUTES);

const SCRIPT = path.join(projectRoot, 'scripts', 'cluster.sh');
const ENSEMBLE = path.join(projectRoot, 'zk', 'ensemble');
const SMALL = ['--brokers', '2', '--zookeepers', '1'];

const describeWithJava = describeIfJava('the tests of scripts/cluster.sh need Java for ZooKeeper.');

describeWithJava('scripts/cluster.sh', () => {
  let temporary: string;
  let dir: string;
  let config: string;
  const base = portBase(2);
  const ports = ['--base-port', String(base)];

  beforeEach(() => {
    temporary = fs.mkdtempSync(path.join(os.tmpdir(), 'ottla local '));
    dir = path.join(temporary, 'my cluster');
    config = path.join(temporary, 'more.properties');
    fs.writeFileSync(config, 'zookeeper.session.timeout.ms=8000\ncontrolled.shutdown.enable=false\n');
  });

  afterEach(async () => {
    await cluster('clean');
    fs.rmSync(temporary, { recursive: true, force: true });
  }, MINUTES);

  const cluster = (...args: string[]): Promise<ToolResult> => run(SCRIPT, [...args, '--dir', dir]);
  const startSmall = (...more: string[]): Promise<ToolResult> => cluster('start', ...SMALL, ...ports, ...more);

  /** The processes of this test's directory, commands that are at work there left out. */
  function running(): string[] {
    return listProcesses()
      .filter(({ words }) => words.some((word) => word.startsWith(`${dir}/`)) && !words.includes('--dir'))
      .map(({ pid, words }) => `${pid}: ${words.join(' ')}`);
  }

  function expectNothingLeft(): void {
    expect(running()).toEqual([]);
    expect(fs.readdirSync(temporary)).toEqual(['more.properties']);
  }

  async function expectOk(result: Promise<ToolResult>): Promise<ToolResult> {
    const done = await result;
    expect({ exitCode: done.exitCode, stderr: done.exitCode === 0 ? '' : done.stderr }).toEqual({
      exitCode: 0,
      stderr: '',
    });
    return done;
  }

  async function expectRefused(result: Promise<ToolResult>, sentence: string): Promise<void> {
    const { exitCode, stdout, stderr } = await result;
    expect({ exitCode, stdout, stderr }).toEqual({ exitCode: 1, stdout: '', stderr: `cluster: ${sentence}\n` });
  }

  test('does every verb twice, and after a crash of everything the same start serves', async () => {
    const first = await expectOk(startSmall('--config', config));
    expect(first.stdout).toContain(`brokers: 127.0.0.1:${base},127.0.0.1:${base + 1}\n`);
    const pids = running().sort();
    await expectOk(startSmall('--config', config));
    await expectOk(cluster('start'));
    expect(running().sort()).toEqual(pids);

    const remedy = `(scripts/cluster.sh clean --dir '${dir}' removes it)`;
    await expectRefused(
      cluster('start', '--brokers', '3'),
      `the cluster in ${dir} has 2 brokers; --brokers 3 does not fit it ${remedy}`,
    );
    const other = path.join(temporary, 'other.properties');
    fs.writeFileSync(other, 'log.retention.hours=1\n');
    const files = path.join(dir, 'server-N.properties');
    await expectRefused(
      cluster('start', '--config', other),
      `the cluster in ${dir} was made with other properties than those of ${other}; change ${files}, or begin again ${remedy}`,
    );
    fs.rmSync(other);
    await expectRefused(cluster('start', 'extra'), 'start takes no extra; ottla cluster --help says what there is');
    await expectRefused(
      cluster('status', '--nonsense'),
      'status takes no --nonsense; ottla cluster --help says what there is',
    );
    await expectRefused(cluster('kill', '3'), 'kill needs the number of a broker, 1 to 2, not 3');

    const bootstrap = (await expectOk(cluster('bootstrap'))).stdout.trim();
    const at = ['topics', '--bootstrap-server', bootstrap];
    await expectOk(ottla([...at, '--create', '--topic', 'kept', '--partitions', '2', '--replication-factor', '2']));
    expect((await expectOk(cluster('status'))).stdout).toMatch(
      /^member 1 .*\nbroker 1: .*, pid \d+\nbroker 2: .*, pid \d+\n$/,
    );

    // Beside it another cluster, which wants a port of this one; then one that does not.
    const neighbour = path.join(temporary, 'neighbour');
    const beside = (...args: string[]): Promise<ToolResult> => run(SCRIPT, [...args, '--dir', neighbour]);
    const taken = await beside('start', '--brokers', '1', '--zookeepers', '1', '--base-port', String(base + 1));
    expect(taken.stderr).toMatch(
      new RegExp(`^cluster: port ${base + 1} of broker 1 is taken by a Kafka broker of the cluster \\S+\n$`),
    );
    expect(fs.existsSync(neighbour)).toBe(false);
    await expectOk(beside('start', '--brokers', '1', '--zookeepers', '1', '--base-port', String(base + 10)));
    await expectOk(beside('stop'));
    await expectOk(beside('clean'));
    expect((await expectOk(cluster('status'))).stdout).toContain('broker 2: ');

    await expectOk(cluster('kill', '1'));
    expect((await expectOk(cluster('kill', '1'))).stderr).toBe('broker 1 was not running\n');
    const status = await cluster('status');
    expect([status.exitCode, status.stdout]).toEqual([1, expect.stringContaining('broker 1: not running\n')]);
    const restarting = cluster('restart', '1');
    await eventually(async () =>
      /^broker 1: pid \d+, waiting for ZooKeeper to end the session/m.test((await cluster('status')).stdout),
    );
    await expectOk(restarting);
    await expectOk(cluster('restart', '1'));
    await expectOk(cluster('term', '2'));
    expect((await expectOk(cluster('term', '2'))).stderr).toBe('broker 2 was not running\n');

    const stopped = await expectOk(cluster('stop'));
    expect(stopped.stderr).toBe('stopping broker 1, at most 30 s\nstopped ZooKeeper: member 1\n');
    expect((await expectOk(cluster('stop'))).stderr).toBe('nothing was running\n');
    expect(running()).toEqual([]);

    await expectOk(cluster('start'));
    for (const { pid } of listProcesses().filter(({ words }) => words.some((word) => word.startsWith(`${dir}/`)))) {
      process.kill(pid, 'SIGKILL');
    }
    await eventually(() => running().length === 0);
    await expectOk(cluster('start'));
    expect((await expectOk(ottla([...at, '--list']))).stdout).toBe('kept\n');

    // Without ZooKeeper no partition can be handed over.
    await expectOk(run(ENSEMBLE, ['kill', '1', '--dir', path.join(dir, 'zookeeper')]));
    await expectRefused(
      cluster('restart', '1'),
      `ZooKeeper does not serve; start what is missing with: scripts/cluster.sh start --dir '${dir}'`,
    );
    expect((await expectOk(cluster('stop'))).stderr).toBe(
      'stopping brokers 1 and 2, at most 30 s; ZooKeeper does not serve, so that they cannot hand over their partitions\n',
    );
    await expectOk(cluster('clean'));
    await expectOk(cluster('clean'));
    expectNothingLeft();
  });

  test('says that there is no cluster, where there is none', async () => {
    const sentence = `no cluster in ${dir}; start one with: scripts/cluster.sh start --dir '${dir}'`;
    for (const args of [['stop'], ['status'], ['bootstrap'], ['kill', '1'], ['restart', '1']]) {
      await expectRefused(cluster(...args), sentence);
    }
    await expectOk(cluster('clean'));
    expectNothingLeft();
  });

  test('changes nothing when it cannot start', async () => {
    const squatter = net.createServer((socket) => socket.resume().end('HTTP/1.1 400 Bad Request\r\n\r\n'));
    await new Promise<void>((resolve) => squatter.listen(base + 1, '127.0.0.1', resolve));
    await expectRefused(startSmall(), `port ${base + 1} of broker 2 is taken by another process`);
    await expectRefused(
      cluster('start', ...SMALL, '--base-port', String(base + 1 - 100)),
      `port ${base + 1} of member 1 is taken by another process`,
    );
    await new Promise((resolve) => squatter.close(resolve));
    expectNothingLeft();

    for (const [args, sentence] of [
      [['--brokers', '0'], '--brokers needs 1 to 100, not 0'],
      [['--zookeepers', '0'], '--zookeepers needs 1 to 9, not 0'],
      [['--base-port', '80'], '--base-port needs 1024 to 65400, not 80'],
      [['--config', '/nope'], 'cannot read /nope: there is no such file or directory'],
    ] as const) {
      await expectRefused(cluster('start', ...args), sentence);
    }
    expectNothingLeft();

    fs.writeFileSync(config, 'log.retention.hours=a while\n');
    const failed = await startSmall('--config', config);
    expect(failed.exitCode).toBe(1);
    expect(failed.stderr).toMatch(/^cluster: broker [12] did not start$/m);
    expect(failed.stderr).toContain('a while');
    expectNothingLeft();
  });

  test('says without Java that it needs one', async () => {
    const bin = path.join(temporary, 'bin');
    fs.mkdirSync(bin);
    for (const program of ['sh', 'bash', 'dirname', 'readlink', 'basename', 'node', 'cat', 'env']) {
      fs.symlinkSync(await whereIs(program), path.join(bin, program));
    }
    const env = { ...process.env, PATH: bin, TMPDIR: temporary };
    const sentence = 'no java on the PATH; ZooKeeper needs Java 8 or newer\n';
    const started = await run(SCRIPT, ['start', '--dir', dir], { env });
    expect(started).toEqual({ exitCode: 1, stdout: '', stderr: `cluster: ${sentence}` });
    const ensemble = await run(ENSEMBLE, ['start', '--dir', dir], { env });
    expect(ensemble).toEqual({ exitCode: 1, stdout: '', stderr: `ensemble: ${sentence}` });
    expect(fs.readdirSync(temporary).sort()).toEqual(['bin', 'more.properties']);
  });

  /** Starts a cluster, and sends a signal once a step is reached. */
  async function interrupt(
    signal: NodeJS.Signals,
    step: string,
    command = [SCRIPT, 'start'],
  ): Promise<{ code: number | null; errors: string }> {
    const [program, ...words] = command as [string, ...string[]];
    const child = spawn(program, [...words, ...SMALL, ...ports, '--dir', dir], { stdio: ['ignore', 'ignore', 'pipe'] });
    const errors: Buffer[] = [];
    child.stderr.on('data', (bytes: Buffer) => errors.push(bytes));
    const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
    await eventually(() => fs.existsSync(path.join(dir, step)), { everyMs: 5 });
    child.kill(signal);
    return { code: await ended, errors: Buffer.concat(errors).toString() };
  }

  const STEPS = ['cluster.conf', 'zookeeper/member-1/pid', 'broker-1.pid'];

  test.each(STEPS)('takes everything back when it is interrupted at %s', async (step) => {
    const { code, errors } = await interrupt(step === 'broker-1.pid' ? 'SIGHUP' : 'SIGINT', step);
    expect(code).toBe(step === 'broker-1.pid' ? 129 : 130);
    expect(errors).toContain('cluster: interrupted by SIG');
    expectNothingLeft();
  });

  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('leaves nothing behind when %s ends scripts/quickstart', async (signal, exitCode) => {
    const { code } = await interrupt(signal, 'broker-1.pid', [path.join(projectRoot, 'scripts', 'quickstart')]);
    expect(code).toBe(exitCode);
    expectNothingLeft();
  });

  test.each(STEPS)('begins again when it was killed at %s', async (step) => {
    await interrupt('SIGKILL', step);
    const status = await cluster('status');
    expect([status.exitCode, status.stdout]).toEqual([
      1,
      expect.stringContaining('the first start has not ended; another start begins again\n'),
    ]);
    if (step === 'broker-1.pid') {
      // Other sizes than those that were asked for before.
      await expectOk(cluster('start', '--brokers', '1', '--zookeepers', '1', ...ports));
      expect((await expectOk(cluster('status'))).stdout).toMatch(/^member 1 .*\nbroker 1: .*, pid \d+\n$/);
      expect(running()).toHaveLength(2);
    }
    await expectOk(cluster('clean'));
    expectNothingLeft();
  });

  test('keeps what is not its own, also where its settings cannot be read any more', async () => {
    fs.mkdirSync(dir);
    const mine = path.join(dir, 'notes.txt');
    fs.writeFileSync(mine, 'mine');
    await expectOk(cluster('start', '--brokers', '1', '--zookeepers', '1', ...ports));
    fs.writeFileSync(path.join(dir, 'cluster.conf'), 'brokers=');
    const { exitCode, stderr } = await cluster('stop');
    expect([exitCode, stderr]).toEqual([
      1,
      expect.stringContaining("cluster.conf is damaged: brokers is '', need 1 to 100"),
    ]);
    await expectOk(cluster('clean'));
    expect(running()).toEqual([]);
    expect(fs.readdirSync(dir)).toEqual(['notes.txt']);
    fs.rmSync(dir, { recursive: true });
  });

  /** What the brokers have said so far, by the kind of log. */
  function logged(): { main: string[]; states: string[]; output: string } {
    const linesOf = (name: string): string[] =>
      [1, 2].flatMap((id) => {
        const file = path.join(dir, `logs-${id}`, name);
        return fs.existsSync(file) ? fs.readFileSync(file, 'utf8').trimEnd().split('\n') : [];
      });
    return {
      main: [...linesOf('server.log'), ...linesOf('controller.log')],
      states: linesOf('state-change.log'),
      output: linesOf('ottla-server.out').join(''),
    };
  }

  test('a planned restart of a broker with many partitions is a page to read, and each of them is in a log of its own', async () => {
    const PARTITIONS = 100;
    await expectOk(startSmall());
    const at = ['topics', '--bootstrap-server', (await expectOk(cluster('bootstrap'))).stdout.trim()];
    await expectOk(
      ottla([...at, '--create', '--topic', 'many', '--partitions', `${PARTITIONS}`, '--replication-factor', '2']),
    );
    const before = logged();
    await expectOk(cluster('restart', '1'));
    const behind = [...at, '--describe', '--under-replicated-partitions'];
    await eventually(async () => (await expectOk(ottla(behind))).stdout.trim() === '', { timeoutMs: MINUTES });
    const after = logged();
    const main = after.main.filter((line) => !before.main.includes(line));
    const states = after.states.filter((line) => !before.states.includes(line)).join('\n');

    expect(main.filter((line) => line.includes('] ERROR ') || line.startsWith('    at '))).toEqual([]);
    expect(main.filter((line) => line.includes('many-')).length).toBeLessThan(PARTITIONS / 2);
    expect(main.length).toBeLessThan(PARTITIONS);
    const partitions = Array.from({ length: PARTITIONS }, (_, partition) => `many-${partition}`);
    expect(partitions.filter((partition) => !new RegExp(`\\b${partition}\\b`).test(states))).toEqual([]);
    expect(after.output).toBe('');
  });

  test('stop waits for a start that is under way', async () => {
    const starting = startSmall();
    await eventually(() => fs.existsSync(path.join(dir, 'cluster.conf')));
    await expectOk(cluster('stop'));
    await expectOk(starting);
    expect(running()).toEqual([]);
  });
});

function whereIs(program: string): Promise<string> {
  return new Promise((resolve, reject) =>
    execFile('sh', ['-c', `command -v ${program}`], (error, stdout) =>
      error ? reject(error) : resolve(stdout.trim()),
    ),
  );
}
