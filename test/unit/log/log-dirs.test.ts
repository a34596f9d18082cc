/** What is said of directories at the first start of a broker. */
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { nodeFileSystem, silentLogger } from '../../../src/common/index.js';
import { loadMetaProperties } from '../../../src/log/index.js';
import { DirectoryGates } from '../../../src/log/manager/directory-gates.js';
import { LogDirs } from '../../../src/log/manager/log-dirs.js';

let dir: string;
let warnings: unknown[];
const logger = { ...silentLogger, warn: (_sentence: string, fields?: object) => void warnings.push(fields) };
beforeEach(() => {
  dir = fs.mkdtempSync(`${tmpdir()}/log-dirs-`);
  warnings = [];
});
afterEach(() => fs.rmSync(dir, { recursive: true, force: true }));

const open = (path: string): LogDirs => new LogDirs(nodeFileSystem, [path], [], silentLogger, new DirectoryGates());

test('a file where a directory should be is told by its name and as such', () => {
  fs.writeFileSync(`${dir}/file`, '');
  expect(loadMetaProperties(nodeFileSystem, [`${dir}/file`], logger).offlineDirs).toEqual([]);
  expect(() => open(`${dir}/file`)).toThrow(`(${dir}/file: it is not a directory)`);
});

test.each([
  { title: 'that is not there', files: null, warned: false },
  { title: 'that is empty', files: [], warned: false },
  {
    title: 'of a new file system, or with the lock of a start that failed',
    files: ['lost+found', '.lock'],
    warned: false,
  },
  {
    title: 'that has the log files of a process',
    files: ['server.log', 'server.log.1', 'state-change.log', 'ottla-server.out'],
    warned: false,
  },
  { title: 'in which there are logs', files: ['orders-0'], warned: true },
])('a missing meta.properties of a directory $title is warned of: $warned', ({ files, warned }) => {
  if (files) fs.mkdirSync(`${dir}/data`);
  for (const name of files ?? []) fs.mkdirSync(`${dir}/data/${name}`);
  expect(loadMetaProperties(nodeFileSystem, [`${dir}/data`], logger).properties).toBeNull();
  expect(warnings).toEqual(warned ? [{ path: `${dir}/data/meta.properties` }] : []);
});
