import { spawn, type ChildProcess } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import readline from 'node:readline';
import { shellBlocks, type ShellBlock } from '../support/documentation.js';
import { projectRoot } from '../support/processes.js';
import { canRunZooKeeper } from '../support/zookeeper-ensemble.js';
import { canIsolate, cloneTo, ISOLATED, NAMESPACES, PREPARE, scratchFolder } from './support/isolation.js';

const MINUTES = 60_000;
const withLong = process.env['OTTLA_DOCS'] === 'all';
jest.setTimeout(withLong ? 90 * MINUTES : 3 * MINUTES);

const DOCUMENTS = ['README.md', ...fs.readdirSync(path.join(projectRoot, 'docs')).map((name) => `docs/${name}`)];
const blocks = DOCUMENTS.filter((name) => name.endsWith('.md')).flatMap((name) =>
  shellBlocks(name, fs.readFileSync(path.join(projectRoot, name), 'utf8')),
);

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

/** A copy of what git knows of this checkout, without its tests, as a fresh clone is, and a shell in it. */
class FreshClone {
  private readonly dir: string;
  private readonly tree: string;
  private readonly shell: ChildProcess;
  private readonly answers: AsyncIterator<string>;

  constructor() {
    this.dir = scratchFolder('documentation-');
    this.tree = path.join(this.dir, 'ottla');
    cloneTo(this.tree, ['node_modules', 'zk/.runtime', ...(withLong ? ['test'] : [])]);
    const env = { ...ISOLATED, OTTLA_ZK_DIR: path.join(this.dir, 'ensemble') };
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
