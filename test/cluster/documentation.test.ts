import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import readline from 'node:readline';
import { shellBlocks, type ShellBlock } from '../support/documentation.js';
import { projectRoot } from '../support/processes.js';
import { canRunZooKeeper } from '../support/zookeeper-ensemble.js';

const MINUTES = 60_000;
const withLong = process.env['OTTLA_DOCS'] === 'all';
jest.setTimeout(withLong ? 90 * MINUTES : 3 * MINUTES);

const DOCUMENTS = ['README.md', ...fs.readdirSync(path.join(projectRoot, 'docs')).map((name) => `docs/${name}`)];
const blocks = DOCUMENTS.filter((name) => name.endsWith('.md')).flatMap((name) =>
  shellBlocks(name, fs.readFileSync(path.join(projectRoot, name), 'utf8')),
);

/** Ports, processes and /tmp of its own: documents name the ports that people use, and stop what runs on the machine. */
const NAMESPACES = ['--user', '--map-root-user', '--net', '--mount', '--pid', '--fork', '--mount-proc', '--kill-child'];
/** This checkout stays where it is, though that is below /tmp. */
const PREPARE =
  'ip link set lo up && mount --bind "$CHECKOUT" /mnt && mount -t tmpfs tmpfs /tmp' +
  ' && mkdir -p "$CHECKOUT" && mount --bind /mnt "$CHECKOUT" && cd "$PWD"';
const ENVIRONMENT = { ...process.env, CHECKOUT: projectRoot, TMPDIR: '/tmp' };

/** Reads a line for each block: its script, its output and, for one that runs until Ctrl-C, the text to wait for; answers its exit code. */
const SHELL = `
${PREPARE}
set -m
while IFS=$'\\t' read -r script output text; do
  bash -euo pipefail "$script" </dev/null >"$output" 2>&1 &
  if [ -n "$text" ]; then
    until grep -qF -- "$text" "$output" || ! kill -0 $! 2>/dev/null; do sleep 0.1; done
    kill -INT -- -$!
  fi
  wait $! && echo 0 || echo $?
done 2>/dev/null`;

function canIsolate(): boolean {
  return spawnSync('unshare', [...NAMESPACES, 'sh', '-c', PREPARE], { env: ENVIRONMENT }).status === 0;
}

/** A copy of what git knows of this checkout, without its tests, as a fresh clone is, and a shell in it. */
class FreshClone {
  private readonly dir: string;
  private readonly tree: string;
  private readonly shell: ChildProcess;
  private readonly answers: AsyncIterator<string>;

  constructor() {
    fs.mkdirSync(path.join(projectRoot, '.cache'), { recursive: true });
    // Not in /tmp, where the shell has its own.
    this.dir = fs.mkdtempSync(path.join(projectRoot, '.cache', 'documentation-'));
    this.tree = path.join(this.dir, 'ottla');
    const list = ['ls-files', '-z', '--cached', '--others', '--exclude-standard', '--', ':!test'];
    for (const file of execFileSync('git', list, { cwd: projectRoot, encoding: 'utf8' }).split('\0')) {
      if (file === '' || !fs.existsSync(path.join(projectRoot, file))) continue;
      fs.cpSync(path.join(projectRoot, file), path.join(this.tree, file), { verbatimSymlinks: true });
    }
    for (const installed of ['node_modules', 'zk/.runtime', ...(withLong ? ['test'] : [])]) {
      const there = path.join(projectRoot, installed);
      if (fs.existsSync(there)) fs.symlinkSync(there, path.join(this.tree, installed));
    }
    const env = { ...ENVIRONMENT, OTTLA_ZK_DIR: path.join(this.dir, 'ensemble') };
    const shell = spawn('unshare', [...NAMESPACES, 'bash', '-c', SHELL], {
      cwd: this.tree,
      env,
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    this.shell = shell;
    this.answers = readline.createInterface({ input: shell.stdout })[Symbol.asyncIterator]();
  }

  /** Runs a block as pasted. */
  async run({ commands, mark }: ShellBlock): Promise<{ exitCode: string; output: string }> {
    const [script, output] = [path.join(this.dir, 'block.sh'), path.join(this.dir, 'output')];
    fs.writeFileSync(script, commands);
    fs.writeFileSync(output, '');
    this.shell.stdin!.write(`${script}\t${output}\t${mark.kind === 'until' ? mark.text : ''}\n`);
    const { value } = (await this.answers.next()) as { value: string };
    return { exitCode: value, output: fs.readFileSync(output, 'utf8') };
  }

  /** Ends the shell and, with its namespace, whatever the blocks left running. */
  async remove(): Promise<void> {
    const ended = new Promise((resolve) => this.shell.once('close', resolve));
    this.shell.stdin!.end();
    await ended;
    fs.rmSync(this.dir, { recursive: true, force: true });
  }
}

const isPossible = canRunZooKeeper() && canIsolate();
if (!isPossible) console.log('Skipped: the documents are run where Java is, and namespaces may be made (unshare).');

(isPossible ? describe : describe.skip)('the documents, as pasted into a shell in a fresh clone', () => {
  let clone: FreshClone | undefined;

  beforeAll(() => {
    clone = new FreshClone();
  });

  afterAll(async () => {
    await clone?.remove();
  }, MINUTES);

  const isRun = ({ mark }: ShellBlock): boolean => mark.kind !== 'never' && (mark.kind !== 'long' || withLong);

  // Each goes on from where the one before it has ended.
  test('run from the first block to the last', async () => {
    expect(blocks.filter(isRun).length).toBeGreaterThan(5);
    for (const block of blocks.filter(isRun)) {
      const { exitCode, output } = await clone!.run(block);
      const isWell = exitCode === '0' && !/"error":/.test(output);
      if (!isWell) throw new Error(`${block.file}:${block.line} ends with ${exitCode}:\n${block.commands}\n${output}`);
    }
  });
});
