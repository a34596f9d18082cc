import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { nodeFileSystem } from '../../../src/common/index.js';

let dir: string;
beforeEach(() => {
  dir = fs.mkdtempSync(`${tmpdir()}/node-file-system-`);
});
afterEach(() => fs.rmSync(dir, { recursive: true, force: true }));

const codeOf = (run: () => void): string | undefined => {
  try {
    run();
  } catch (error) {
    return (error as NodeJS.ErrnoException).code;
  }
  return undefined;
};

describe('making a directory', () => {
  test('makes all that lead there, and is content with one that is there', () => {
    for (let times = 0; times < 2; times++) nodeFileSystem.makeDir(`${dir}/a/b/c/`);
    expect(fs.statSync(`${dir}/a/b/c`).isDirectory()).toBe(true);
  });

  test.each([
    { title: 'a file is in the way', path: 'file', code: 'EEXIST' },
    { title: 'a file is on the way', path: 'file/a/b', code: 'ENOTDIR' },
    { title: 'a link on the way leads nowhere', path: 'link/a', code: 'ENOENT' },
  ])('fails when $title', ({ path, code }) => {
    fs.writeFileSync(`${dir}/file`, '');
    fs.symlinkSync(`${dir}/nowhere`, `${dir}/link`);
    expect(codeOf(() => nodeFileSystem.makeDir(`${dir}/${path}`))).toBe(code);
  });

  const linuxTest = fs.existsSync('/proc/self') ? test : test.skip;
  linuxTest('ends where the file system has no directories of others', () => {
    expect(codeOf(() => nodeFileSystem.makeDir('/proc/nope'))).toBe('ENOENT');
  });
});
