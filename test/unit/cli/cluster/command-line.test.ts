import { numbered, parseCommandLine, type Verb } from '../../../../src/cli/cluster/core/command-line.js';

const VERBS: Readonly<Record<string, Verb>> = {
  start: { options: ['--brokers'], flags: ['--fast'] },
  stop: {},
  kill: { words: 'number' },
  shell: { words: 'any' },
};

function parse(...args: string[]): unknown {
  const parsed = parseCommandLine(VERBS, args);
  if (!parsed.ok) return parsed.refusal;
  return { options: Object.fromEntries(parsed.value.options), words: parsed.value.words };
}

test('options come in any order, with their value behind a space or an equals sign', () => {
  expect(parse('start', '--brokers', '2', '--dir=/a b', '--fast')).toEqual({
    options: { '--brokers': '2', '--dir': '/a b', '--fast': '1' },
    words: [],
  });
  expect(parse('kill', '--dir', '/d', '2')).toEqual({ options: { '--dir': '/d' }, words: ['2'] });
});

test('what follows the options of shell belongs to the shell', () => {
  expect(parse('shell', '--dir', '/d', 'ls', '-R', '/', '--dir')).toEqual({
    options: { '--dir': '/d' },
    words: ['ls', '-R', '/', '--dir'],
  });
  expect(parse('shell', '--', '--help')).toEqual({ options: {}, words: ['--help'] });
});

test.each([
  [['begin'], "there is no command 'begin'"],
  [[], "there is no command ''"],
  [['toString'], "there is no command 'toString'"],
  [['start', 'extra'], 'start takes no extra'],
  [['stop', '--brokers', '2'], 'stop takes no --brokers'],
  [['start', '--fast=no'], 'start takes no --fast=no'],
  [['start', '-x'], 'start takes no -x'],
  [['kill', '1', '2'], 'kill takes no 2'],
  [['start', '--brokers'], '--brokers needs a value'],
  [['start', '--dir='], '--dir needs a value'],
])('%j is refused', (args, refusal) => {
  expect(parse(...args)).toBe(refusal);
});

test('a verb takes the number of a server that there is', () => {
  const servers = [{ id: 1 }, { id: 2 }];
  const of = (...words: string[]): unknown => numbered(servers, { verb: 'kill', options: new Map(), words }, 'broker');
  expect(of('2')).toEqual({ ok: true, value: servers[1] });
  expect(of('3')).toEqual({ ok: false, refusal: 'kill needs the number of a broker, 1 to 2, not 3' });
  expect(of('02')).toEqual({ ok: false, refusal: 'kill needs the number of a broker, 1 to 2, not 02' });
  expect(of()).toEqual({ ok: false, refusal: 'kill needs the number of a broker, 1 to 2' });
});
