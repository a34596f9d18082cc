import * as fs from 'node:fs';
import * as path from 'node:path';
import { PassThrough, Writable } from 'node:stream';
import { dumpLogCommand } from '../../src/cli/dump-log/dump-log.js';

const DISK = path.join(__dirname, '..', '.fixtures', 'reference', 'disk');
/** Where the recorder ran, as the recordings name it. */
const RECORDED_DISK = 'DIR/out/pub/disk';

class Collector extends Writable {
  text = '';
  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString('utf8');
    done();
  }
}

async function dump(args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const [stdout, stderr] = [new Collector(), new Collector()];
  const code = await dumpLogCommand(args, { stdin: new PassThrough(), stdout, stderr });
  return { code, stdout: stdout.text, stderr: stderr.text };
}

/** Every `dump/PARTITION/FILE.KIND.txt` with the directory whose `PARTITION/FILE` it is of. */
function recordings(dir: string): { base: string; text: string; relative: string }[] {
  return fs.readdirSync(dir, { recursive: true, encoding: 'utf8' }).flatMap((relative) => {
    const parts = relative.split(path.sep);
    if (!relative.endsWith('.txt') || parts.at(-3) !== 'dump') return [];
    return [{ base: path.join(dir, ...parts.slice(0, -3)), text: path.join(dir, relative), relative }];
  });
}

const OPTIONS_OF: { [suffix: string]: string[] } = {
  '.offsets': ['--offsets-decoder'],
  '.txnstate': ['--transaction-log-decoder'],
  '.log': ['--print-data-log'],
};

const cwd = process.cwd();
afterEach(() => process.chdir(cwd));

const all = recordings(DISK);
afterAll(() => console.info(`dump-log: ${all.length} files of Kafka printed as Kafka printed them`));

test.each(all)('$relative', async ({ base, text }) => {
  const name = path.basename(text, '.txt');
  const kind = path.extname(name);
  const file = ['.offsets', '.txnstate'].includes(kind) ? path.basename(name, kind) : name;
  const partition = path.basename(path.dirname(text));
  // The recorder stood beside the partitions, and paths are printed as they are given.
  process.chdir(base);
  const { code, stdout, stderr } = await dump(['--files', path.join(partition, file), ...(OPTIONS_OF[kind] ?? [])]);
  const place = path.join(RECORDED_DISK, path.relative(DISK, base));
  const printed = `${stdout}${stderr === '' ? '' : `--- stderr\n${stderr.replaceAll(base, place)}`}`;
  expect(printed.trimEnd()).toBe(fs.readFileSync(text, 'utf8').trimEnd());
  expect(code).toBe(0);
});

test('there are recordings of every kind of file', () => {
  expect(all.length).toBeGreaterThan(250);
});
