import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { PassThrough } from 'node:stream';
import { SimulatedClock } from '../../../src/testing/index.js';
import { createLogging, readLogLevels } from '../../../src/cli/logging/logging.js';
import { LogFolder } from '../../../src/cli/logging/log-folder.js';
import { formatLogLine } from '../../../src/cli/logging/log-format.js';

const noon = new Date(2024, 0, 2, 3, 4, 5, 67).getTime();

describe('formatLogLine', () => {
  test.each([
    [undefined, '[2024-01-02 03:04:05,067] INFO Elected leader (controller)'],
    [
      { partition: 'orders-3', leader: 2, isr: [2, 3], none: undefined, epoch: 7n, why: 'two words', left: null },
      '[2024-01-02 03:04:05,067] INFO Elected leader partition=orders-3 leader=2 isr=[2,3] epoch=7 why="two words" left=null (controller)',
    ],
    [{ of: new Map([['a', 1n]]) }, '[2024-01-02 03:04:05,067] INFO Elected leader of=[["a","1"]] (controller)'],
  ])('writes the fields %p', (fields, line) => {
    expect(formatLogLine(noon, 'info', 'controller', 'Elected leader', fields, false)).toBe(line);
  });

  test('puts the stack of an error and of its cause below the line', () => {
    const error = new Error('outer', { cause: new Error('inner') });
    const lines = formatLogLine(noon, 'error', 'log', 'Failed', { error }, false).split('\n');
    expect(lines[0]).toBe('[2024-01-02 03:04:05,067] ERROR Failed error=outer (log)');
    expect(lines[1]).toMatch(/^ {4}at /);
    expect(lines).toContain('Caused by: inner');
  });

  test('puts none below that of a dead peer, or of whatever else has a name for what happened', () => {
    class BindError extends Error {
      override readonly name = 'BindError';
    }
    const refused = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED', syscall: 'connect' });
    const error = new BindError('no port', { cause: refused });
    expect(formatLogLine(noon, 'error', 'log', 'Failed', { error }, false).split('\n')).toEqual([
      '[2024-01-02 03:04:05,067] ERROR Failed error="no port" (log)',
      'Caused by: "connect ECONNREFUSED"',
    ]);
  });

  test.each([
    ['a line end', 'a\nb', '"a\\nb"'],
    ['an escape of the terminal', '\x1b[2J', '"\\u001b[2J"'],
    ['a control character of ISO 8859-1', 'a\x9bb', '"a\\u009bb"'],
    ['a line separator', 'a\u2028b', '"a\\u2028b"'],
    ['one within a list', ['a\x7f'], '["a\\u007f"]'],
  ])('%s that a client sent is written as a sign for it', (_, value, written) => {
    const cause = new Error(String(value));
    const error = new Error('e', { cause });
    const line = formatLogLine(noon, 'info', 'network', 'Refused', { value, error }, false);
    expect(line).toContain(` value=${written} `);
    expect(line).not.toMatch(/[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028]|\nb/);
  });

  test('colours only when asked to', () => {
    expect(formatLogLine(noon, 'error', 'log', 'Failed', undefined, true)).toMatch(/^\x1b\[31m.*\x1b\[0m$/);
  });
});

describe('createLogging', () => {
  const open = () => {
    const destination = new PassThrough();
    const logging = createLogging({
      clock: new SimulatedClock(noon),
      level: 'warn',
      levels: new Map([
        ['state.change.logger', 'trace'],
        ['log', 'info'],
      ]),
      console: destination,
      colour: false,
    });
    return { logging, text: () => String(destination.read() ?? '') };
  };

  test('keeps to the level of each logger and of what it lies below', () => {
    const { logging, text } = open();
    logging.factory('controller').info('not written');
    logging.factory('state.change.logger').trace('traced');
    logging.factory('log.cleaner').info('cleaned');
    logging.factory('log.cleaner').debug('not written');
    expect(text()).toBe(
      '[2024-01-02 03:04:05,067] TRACE traced (state.change.logger)\n[2024-01-02 03:04:05,067] INFO cleaned (log.cleaner)\n',
    );
    expect(logging.factory('controller').isEnabled('info')).toBe(false);
    expect(logging.factory('state.change.logger').isEnabled('trace')).toBe(true);
  });

  test('writes the same lines through winston, after those before it', async () => {
    const { logging, text } = open();
    logging.factory('a').error('before');
    await logging.useWinston();
    logging.factory('a').error('after', { n: 1 });
    await logging.close();
    expect(text()).toBe('[2024-01-02 03:04:05,067] ERROR before (a)\n[2024-01-02 03:04:05,067] ERROR after n=1 (a)\n');
  });
});

describe('a log folder', () => {
  let dir: string;
  beforeEach(() => (dir = mkdtempSync(path.join(tmpdir(), 'log-folder-'))));
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  const open = () => {
    const console = new PassThrough();
    const folder = new LogFolder(path.join(dir, 'logs'), { maxBytes: 4096, maxFiles: 2 }, () => 'lost');
    const logging = createLogging({ clock: new SimulatedClock(noon), level: 'info', console, folder, colour: true });
    const textOf = (name: string): string => readFileSync(path.join(dir, 'logs', name), 'utf8');
    return { logging, textOf, console: () => String(console.read() ?? '') };
  };

  test("has Kafka's files, and the console has what is in server.log, before winston is there and after", async () => {
    const { logging, textOf, console } = open();
    const say = (what: string): void => {
      for (const name of ['server', 'controller', 'controller.elections', 'state.change.logger', 'controllers']) {
        logging.factory(name).error(what);
      }
    };
    say('before');
    await logging.useWinston();
    say('after');
    await logging.close();
    const of = (...names: string[]): string =>
      ['before', 'after']
        .flatMap((what) => names.map((name) => `[2024-01-02 03:04:05,067] ERROR ${what} (${name})\n`))
        .join('');
    expect(textOf('server.log')).toBe(of('server', 'controllers'));
    expect(textOf('controller.log')).toBe(of('controller', 'controller.elections'));
    expect(textOf('state-change.log')).toBe(of('state.change.logger'));
    expect(console()).toBe(of('server', 'controllers').replace(/^(.*)$/gm, (line) => line && `\x1b[31m${line}\x1b[0m`));
  });

  test('that cannot be is refused with a sentence', () => {
    writeFileSync(path.join(dir, 'logs'), '');
    expect(open).toThrow(`Cannot write log files to ${dir}/logs, which LOG_DIR names: it exists already`);
  });
});

describe('readLogLevels', () => {
  test('lets the environment win over the properties', () => {
    const properties = new Map([
      ['ottla.log.level', 'WARN'],
      ['ottla.log.level.state.change.logger', 'trace'],
      ['ottla.log.level.log', 'debug'],
      ['log.dirs', '/tmp'],
    ]);
    expect(readLogLevels(properties, 'error,log=info')).toEqual({
      level: 'error',
      levels: new Map([
        ['state.change.logger', 'trace'],
        ['log', 'info'],
      ]),
      warnings: [],
    });
  });

  test('names a level that nobody knows', () => {
    expect(readLogLevels(new Map([['ottla.log.level', 'loud']]), undefined)).toEqual({
      level: 'info',
      levels: new Map(),
      warnings: ["Unknown log level 'loud' in ottla.log.level, it must be one of error, warn, info, debug, trace"],
    });
  });
});
