import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { PassThrough } from 'node:stream';
import { COMMANDS, main } from '../../../src/cli/main.js';
import { findServers } from '../../../src/cli/server/server-stop.js';
import type { Terminal } from '../../../src/cli/terminal.js';
import { KAFKA_VERSION, OTTLA_VERSION } from '../../../src/cli/version.js';

async function run(...args: string[]) {
  const [stdout, stderr, stdin] = [new PassThrough(), new PassThrough(), new PassThrough()];
  const terminal: Terminal = { stdout, stderr, stdin, env: {}, colour: false };
  const exit = await main(args, terminal);
  return { exit, stdout: String(stdout.read() ?? ''), stderr: String(stderr.read() ?? '') };
}

describe('ottla', () => {
  test('tells its version, which is that of package.json', async () => {
    const { version } = JSON.parse(readFileSync(path.join(__dirname, '../../../package.json'), 'utf8')) as {
      version: string;
    };
    expect(OTTLA_VERSION).toBe(version);
    expect((await run('--version')).stdout).toBe(
      `Ottla ${version} (Apache Kafka ${KAFKA_VERSION} protocol), Node ${process.version}\n`,
    );
  });

  test('lists every command in its help', async () => {
    const { exit, stdout } = await run('--help');
    expect(exit).toBe(0);
    for (const name of Object.keys(COMMANDS)) expect(stdout).toMatch(new RegExp(`^  ${name} `, 'm'));
  });

  test.each([[], ['frobnicate'], ['constructor']])('refuses %j', async (...args) => {
    const { exit, stderr } = await run(...args);
    expect(exit).toBe(1);
    expect(stderr).toContain('Usage: ottla COMMAND');
  });

  test.each([
    [['server'], 'USAGE: ottla server start'],
    [['server', 'start'], 'USAGE: ottla server start'],
    [['server', 'start', 'x', '--override', 'nonsense'], "--override takes property=value, not 'nonsense'"],
    [['server', 'start', '/nowhere.properties'], 'Cannot read the properties file /nowhere.properties'],
    [['server', 'start', '--frobnicate'], '--frobnicate is not a recognized option'],
  ])('%j says what is wrong', async (args, text) => {
    const { exit, stderr } = await run(...args);
    expect([exit, stderr]).toEqual([1, expect.stringContaining(text)]);
  });

  test('tells what a client threw in a sentence', async () => {
    const { exit, stderr } = await run('server', 'await', 'nonsense');
    expect(exit).toBe(1);
    expect(stderr).toMatch(/^org.apache.*ConfigException: Invalid url in bootstrap.servers: nonsense\n$/);
  });

  test('refuses to start with a bad value, naming file, key and what is allowed', async () => {
    const directory = mkdtempSync(path.join(tmpdir(), 'ottla-cli-'));
    const file = path.join(directory, 'server.properties');
    writeFileSync(file, 'zookeeper.connect=localhost:2181\nnum.partitions=many\n');
    const { exit, stderr } = await run('server', 'start', file);
    rmSync(directory, { recursive: true });
    expect(exit).toBe(1);
    expect(stderr).toBe(`${file}: Invalid value many for configuration num.partitions: Not a number of type INT\n`);
  });
});

test('server stop finds brokers by their command lines, and nothing that merely mentions them', () => {
  const proc = mkdtempSync(path.join(tmpdir(), 'ottla-proc-'));
  const lines: Record<string, string[]> = {
    '11': ['node', '--max-semi-space-size=2', '/opt/ottla/bin/ottla.cjs', 'server', 'start', 'a.properties'],
    '12': ['/usr/bin/node', '--max-old-space-size=64', '/opt/bin/ottla', 'server', 'start', 'b.properties'],
    '13': ['vim', 'ottla', 'server', 'start'],
    '14': ['node', '/opt/ottla/bin/ottla', 'server', 'stop'],
    '15': ['node', '/opt/ottla/bin/ottla', 'topics', '--list'],
    '16': ['grep', 'ottla server start'],
  };
  for (const [pid, words] of Object.entries(lines)) {
    mkdirSync(path.join(proc, pid));
    writeFileSync(path.join(proc, pid, 'cmdline'), `${words.join('\0')}\0`);
  }
  mkdirSync(path.join(proc, '17'));
  mkdirSync(path.join(proc, 'self'));
  expect(findServers(proc)).toEqual([11, 12]);
  expect(findServers(path.join(proc, 'missing'))).toEqual([]);
  rmSync(proc, { recursive: true });
});
