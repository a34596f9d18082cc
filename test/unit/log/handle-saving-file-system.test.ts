/** What cannot be opened for want of a file handle is tried once more when idle files were closed. */
import { silentLogger, type FileSystem } from '../../../src/common/index.js';
import { SimulatedFileSystem } from '../../../src/testing/index.js';
import { savingHandles } from '../../../src/log/files/handle-saving-file-system.js';

let disk: SimulatedFileSystem;
/** Files that are open without need. */
let idle: number;
let fs: FileSystem;

beforeEach(() => {
  disk = new SimulatedFileSystem(() => 0);
  disk.replaceFile('/file', 'text');
  disk.makeDir('/folder');
  disk.fault = (operation, path) =>
    idle > 0 ? Object.assign(new Error(`EMFILE: ${path}`), { code: 'EMFILE', syscall: operation }) : null;
  const closeIdle = (): number => {
    const closed = idle;
    idle = 0;
    return closed;
  };
  fs = savingHandles(disk, closeIdle, silentLogger);
});

const operations: [string, (on: FileSystem) => unknown][] = [
  ['open', (on) => on.open('/file', 'r').close()],
  ['readFile', (on) => on.readFile('/file')],
  ['replaceFile', (on) => on.replaceFile('/file', 'other')],
  ['readDir', (on) => on.readDir('/folder')],
  ['remove', (on) => on.remove('/folder')],
  ['removeAsync', (on) => on.removeAsync('/folder', () => false)],
  ['syncDir', (on) => on.syncDir('/folder')],
  ['lock', (on) => on.lock('/file')],
];

test.each(operations)('%s is done once idle files are closed', async (_, operation) => {
  idle = 3;
  await operation(fs);
  expect(idle).toBe(0);
});

test('the error is told where no file could be closed', () => {
  idle = 0;
  disk.fault = (operation, path) => Object.assign(new Error(`ENFILE: ${path}`), { code: 'ENFILE', syscall: operation });
  expect(() => fs.open('/file', 'r')).toThrow('ENFILE: /file');
});

test('an error of the disk closes nothing', () => {
  disk.fault = (operation, path) => Object.assign(new Error(`EIO: ${path}`), { code: 'EIO', syscall: operation });
  idle = 3;
  expect(() => fs.readFile('/file')).toThrow('EIO: /file');
  expect(idle).toBe(3);
});
