import { spawn, type ChildProcess } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { listProcesses } from '../../src/cli/cluster/processes.js';
import { eventually } from '../support/eventually.js';
import { ottlaBin, run } from '../support/processes.js';
import { describeIfJava } from '../support/zookeeper-ensemble.js';

const describeWithJava = describeIfJava('the tests of scripts/demo-failover need Java for ZooKeeper.');

describeWithJava('scripts/demo-failover', () => {
  let temporary: string;

  beforeEach(() => {
    temporary = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'ottla-demo-test-')));
  });

  afterEach(() => fs.rmSync(temporary, { recursive: true, force: true }));

  const servers = (): number => listProcesses().filter(({ words }) => words.some(isOurs)).length;
  const isOurs = (word: string): boolean => word.startsWith(`${temporary}/`);

  /** Starts a demo, and answers once the first broker of it runs. */
  async function startDemo(): Promise<{ demo: ChildProcess; ended: Promise<number | null> }> {
    const before = fs.readdirSync(temporary);
    const demo = spawn(ottlaBin, ['demo-failover'], { stdio: 'ignore', env: { ...process.env, TMPDIR: temporary } });
    const ended = new Promise<number | null>((resolve) => demo.once('close', resolve));
    const isNew = (name: string): boolean => !before.includes(name);
    await eventually(() =>
      fs
        .readdirSync(temporary)
        .some((name) => isNew(name) && fs.existsSync(path.join(temporary, name, 'cluster/broker-1.pid'))),
    );
    return { demo, ended };
  }

  test('leaves nothing behind when its terminal is closed', async () => {
    const { demo, ended } = await startDemo();
    demo.kill('SIGHUP');
    expect(await ended).toBe(129);
    expect([fs.readdirSync(temporary), servers()]).toEqual([[], 0]);
  });

  test('removes what a demo left that was killed, and leaves nothing after Ctrl-C', async () => {
    const killed = await startDemo();
    killed.demo.kill('SIGKILL');
    await killed.ended;
    expect(fs.readdirSync(temporary)).toHaveLength(1);
    const [left] = fs.readdirSync(temporary);
    const { demo, ended } = await startDemo();
    expect(fs.readdirSync(temporary)).not.toContain(left);
    demo.kill('SIGINT');
    expect(await ended).toBe(130);
    expect([fs.readdirSync(temporary), servers()]).toEqual([[], 0]);
  });

  test('says in a sentence that it needs Java', async () => {
    const env = { ...process.env, PATH: temporary, TMPDIR: temporary };
    const { exitCode, stderr } = await run(process.execPath, [`${ottlaBin}.cjs`, 'demo-failover'], { env });
    expect([exitCode, stderr]).toEqual([1, 'no java on the PATH; ZooKeeper needs Java 8 or newer\n']);
    expect(fs.readdirSync(temporary)).toEqual([]);
  });
});
