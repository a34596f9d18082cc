/** Files of lines that do not grow for ever. */
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { RotatingFile } from '../../../src/cli/logging/rotating-file.js';
import { createWinstonSink } from '../../../src/cli/logging/winston-sink.js';

let dir: string;
let file: string;
beforeEach(() => {
  dir = fs.mkdtempSync(path.join(tmpdir(), 'rotating-'));
  file = path.join(dir, 'server.log');
});
afterEach(() => fs.rmSync(dir, { recursive: true, force: true }));

const noteOfLoss = (lines: number, error: unknown): string => `${lines} lost: ${(error as { code: string }).code}`;
const open = (maxBytes: number, maxFiles: number) => new RotatingFile(file, { maxBytes, maxFiles }, noteOfLoss);
const contents = (): Record<string, string> =>
  Object.fromEntries(fs.readdirSync(dir).map((name) => [name, fs.readFileSync(path.join(dir, name), 'utf8')]));

test('a file is put aside before it gets too long, and the oldest is removed', () => {
  const log = open(8, 3);
  for (let i = 1; i <= 9; i++) log.write(`l${i}\n`);
  expect(contents()).toEqual({ 'server.log': 'l9\n', 'server.log.1': 'l7\nl8\n', 'server.log.2': 'l5\nl6\n' });
  log.release();
});

test('what earlier lives have written counts', () => {
  fs.writeFileSync(file, 'before\n');
  const log = open(12, 2);
  log.write('now\n');
  expect(contents()).toEqual({ 'server.log': 'before\nnow\n' });
  log.write('then\n');
  expect(contents()).toEqual({ 'server.log': 'then\n', 'server.log.1': 'before\nnow\n' });
  log.release();
});

test('one file alone begins anew', () => {
  const log = open(8, 1);
  for (const line of ['abc\n', 'def\n', 'ghi\n']) log.write(line);
  expect(contents()).toEqual({ 'server.log': 'ghi\n' });
  log.release();
});

test('a line that is longer than a file may be is written all the same, alone', () => {
  const log = open(8, 3);
  for (const line of ['abc\n', 'a longer one\n', 'def\n']) log.write(line);
  expect(contents()).toEqual({ 'server.log': 'def\n', 'server.log.1': 'a longer one\n', 'server.log.2': 'abc\n' });
  log.release();
});

test('a line is in the file as soon as it is written, through winston too', () => {
  const log = open(100, 2);
  const sink = createWinstonSink(log);
  for (const line of ['one', 'two', 'three']) sink.write('info', line);
  expect(contents()).toEqual({ 'server.log': 'one\ntwo\nthree\n' });
  log.release();
});

const hasFullDevice = fs.existsSync('/dev/full');
(hasFullDevice ? test : test.skip)(
  'a full disk costs lines, which are counted, and nothing after it has room again',
  async () => {
    fs.symlinkSync('/dev/full', file);
    const log = open(100, 2);
    const sink = createWinstonSink(log);
    for (let i = 0; i < 1000; i++) sink.write('info', 'lost');
    fs.rmSync(file);
    sink.write('info', 'written');
    await sink.close();
    expect(contents()).toEqual({ 'server.log': '1000 lost: ENOSPC\nwritten\n' });
    log.release();
  },
);

test('a directory that is gone for a while costs lines too', () => {
  const log = open(100, 2);
  fs.rmSync(dir, { recursive: true });
  log.write('lost\n');
  fs.mkdirSync(dir);
  log.write('written\n');
  expect(contents()).toEqual({ 'server.log': '1 lost: ENOENT\nwritten\n' });
  log.release();
});

test('one that cannot be put aside is written on, and put aside when it has got as much again', () => {
  const log = open(8, 3);
  fs.mkdirSync(`${file}.2`);
  for (const line of ['l1', 'l2', 'l3', 'l4', 'l5']) log.write(`${line}\n`);
  expect(fs.readFileSync(file, 'utf8')).toBe('l1\nl2\nl3\nl4\nl5\n');
  fs.rmdirSync(`${file}.2`);
  log.write('l6\n');
  expect(fs.readdirSync(dir)).toEqual(['server.log']);
  log.write('l7\n');
  expect(contents()).toEqual({ 'server.log': 'l7\n', 'server.log.1': 'l1\nl2\nl3\nl4\nl5\nl6\n' });
  log.release();
});
