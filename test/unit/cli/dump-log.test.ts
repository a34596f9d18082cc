import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { PassThrough, Writable } from 'node:stream';
import { dumpLogCommand } from '../../../src/cli/dump-log/dump-log.js';
import { BatchBuilder } from '../../../src/records/index.js';

const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'dump-log-'));
afterAll(() => fs.rmSync(dir, { recursive: true }));

function write(name: string, ...parts: Buffer[]): string {
  const file = path.join(dir, name);
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(file, Buffer.concat(parts));
  return file;
}

function batchOf(baseOffset: number, keys: (string | null)[]): Buffer {
  const builder = new BatchBuilder({ baseOffset });
  for (const key of keys) {
    builder.append({ timestamp: 5, key: key === null ? null : Buffer.from(key), value: Buffer.from('v') });
  }
  return builder.build();
}

class Collector extends Writable {
  text = '';
  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString('utf8');
    done();
  }
}

async function dump(...args: string[]): Promise<{ stdout: string; stderr: string }> {
  const [stdout, stderr] = [new Collector(), new Collector()];
  try {
    await dumpLogCommand(args, { stdin: new PassThrough(), stdout, stderr });
  } catch (error) {
    stderr.text += `${(error as Error).message}\n`;
  }
  return { stdout: stdout.text, stderr: stderr.text };
}

test('--skip-record-metadata leaves keys and payloads', async () => {
  const file = write('skip/00000000000000000003.log', batchOf(3, ['a', null]));
  const { stdout } = await dump('--files', file, '--print-data-log', '--skip-record-metadata');
  expect(stdout.split('\n').slice(3)).toEqual(['| key: a payload: v', ' payload: v', '']);
});

test('--max-bytes reads whole batches only, and says nothing of the rest', async () => {
  const first = batchOf(0, ['a']);
  const file = write('max/00000000000000000000.log', first, batchOf(1, ['b']));
  const { stdout } = await dump('--files', file, '--max-bytes', String(first.length + 20));
  expect(stdout.match(/^baseOffset/gm)).toHaveLength(1);
  expect(stdout).not.toMatch(/invalid bytes/);
});

test('bytes of a batch that is cut are counted', async () => {
  const whole = batchOf(0, ['a']);
  const file = write('cut/00000000000000000000.log', whole, whole.subarray(0, 30));
  expect((await dump('--files', file)).stdout).toMatch(
    /^Found 30 invalid bytes at the end of 00000000000000000000.log$/m,
  );
});

test('gaps between offsets are listed at the end, the last first', async () => {
  const file = write('gaps/00000000000000000000.log', batchOf(0, ['a']), batchOf(5, ['b']), batchOf(9, ['c']));
  const { stderr } = await dump('--files', file, '--deep-iteration');
  expect(stderr).toBe(`Non-consecutive offsets in ${file}\n  5 is followed by 9\n  0 is followed by 5\n`);
});

test('indexes are checked against their log, and only checked with --verify-index-only', async () => {
  const first = batchOf(0, ['a', 'b']);
  write('index/00000000000000000000.log', first, batchOf(2, ['c']));
  const index = Buffer.alloc(16);
  index.writeInt32BE(1, 0);
  index.writeInt32BE(3, 8);
  index.writeInt32BE(first.length, 12);
  const file = write('index/00000000000000000000.index', index);
  const stderr = `Mismatches in :${file}\n  Index offset: 3, log offset: 2\n`;
  const lines = `offset: 1 position: 0\noffset: 3 position: ${first.length}\n`;
  expect(await dump('--files', file)).toEqual({ stdout: `Dumping ${file}\n${lines}`, stderr });
  expect(await dump('--files', file, '--verify-index-only')).toEqual({ stdout: `Dumping ${file}\n`, stderr });
  expect((await dump('--files', file, '--index-sanity-check')).stdout).toMatch(/passed sanity check\.$/m);
});

test('an index that is no multiple of its entries fails the sanity check', async () => {
  write('insane/00000000000000000000.log', batchOf(0, ['a']));
  const file = write('insane/00000000000000000000.index', Buffer.alloc(13));
  expect((await dump('--files', file, '--index-sanity-check')).stderr).toMatch(
    /CorruptIndexException: Index file .* is corrupt, found 13 bytes which is neither positive nor a multiple of 8/,
  );
});

test('a time index is compared with the greatest timestamp of the batch', async () => {
  write('time/00000000000000000000.log', batchOf(0, ['a', 'b']));
  const index = Buffer.alloc(12);
  index.writeBigInt64BE(4n, 0);
  index.writeInt32BE(1, 8);
  const file = write('time/00000000000000000000.timeindex', index);
  const { stdout, stderr } = await dump('--files', file);
  expect(stdout).toBe(`Dumping ${file}\ntimestamp: 4 offset: 1\n`);
  expect(stderr).toBe(`Found timestamp mismatch in :${file}\n  Index timestamp: 4, log timestamp: 5\n`);
});

test.each([
  ['no file named', [], /Missing required argument "\[files\]"/],
  ['a file that is not there', ['--files', path.join(dir, '7.log')], /NoSuchFileException: .*7\.log/],
  ['a name without an offset', ['--files', path.join(dir, 'x.log')], /NumberFormatException: For input string: "x"/],
  ['a file of another kind', ['--files', write('meta.properties')], /^Ignoring unknown file .*meta\.properties\n$/],
  [
    'an unknown decoder',
    ['--files', write('0.log', batchOf(0, ['a'])), '--key-decoder-class', 'no.Such'],
    /ClassNotFoundException: no\.Such/,
  ],
  [
    'a length that no batch has',
    ['--files', write('1.log', Buffer.alloc(40))],
    /Found record size 0 smaller than minimum/,
  ],
  ['a header that is cut', ['--files', write('2.log', cutHeader())], /IndexOutOfBoundsException/],
  ['a snapshot of another version', ['--files', write('3.snapshot', Buffer.alloc(10))], /unknown file version 0/],
] as const)('%s is refused in the words of the tool', async (_title, args, message) => {
  expect((await dump(...(args.length === 0 ? ['--deep-iteration'] : args))).stderr).toMatch(message);
});

function cutHeader(): Buffer {
  const bytes = batchOf(0, ['a']).subarray(0, 50);
  bytes.writeInt32BE(38, 8);
  return bytes;
}

test('a damaged batch is printed as invalid', async () => {
  const bytes = batchOf(0, ['a']);
  bytes[bytes.length - 1]! ^= 1;
  expect((await dump('--files', write('9.log', bytes))).stdout).toMatch(/isvalid: false$/m);
});
