import { PassThrough, Readable, Writable } from 'node:stream';
import { protocolCommand } from '../../../src/cli/protocol-command.js';

async function run(
  args: string[],
  input: (string | Buffer)[],
): Promise<{ code: number; lines: string[]; stderr: string }> {
  const stdout = new PassThrough();
  const stderr = new PassThrough();
  const output = text(stdout);
  const errors = text(stderr);
  const code = await protocolCommand(args, { stdin: Readable.from(input, { objectMode: false }), stdout, stderr });
  stdout.end();
  stderr.end();
  return { code, lines: (await output).split('\n').slice(0, -1), stderr: await errors };
}

async function text(stream: Readable): Promise<string> {
  let all = '';
  for await (const chunk of stream) all += String(chunk);
  return all;
}

const shutdown = '{"message":"ControlledShutdownRequest","version":2,';

test('decodes and encodes a line at a time', async () => {
  const decoded = await run(['decode'], [`${shutdown}"hex":"000000037fffffffffffffff"}\n`]);
  expect(decoded).toEqual({
    code: 0,
    lines: ['{"json":{"brokerId":3,"brokerEpoch":9223372036854775807}}'],
    stderr: '',
  });
  const encoded = await run(['encode'], [`${shutdown}"json":{"brokerId":3,"brokerEpoch":9223372036854775807}}\n`]);
  expect(encoded.lines).toEqual(['{"hex":"000000037fffffffffffffff"}']);
});

test('a bad line is answered in its place and ends nothing', async () => {
  const bad = [
    'x',
    '',
    '[]',
    '{"message":"NoSuch","version":0,"hex":""}',
    '{"message":"constructor","version":0,"hex":""}',
    '{"version":0,"hex":""}',
    `${shutdown.replace('2', '9')}"hex":""}`,
    `${shutdown.replace('2', '"2"')}"hex":""}`,
    `${shutdown}"hex":"0"}`,
    `${shutdown}"hex":"zz"}`,
    `${shutdown}"hex":"00"}`,
    `${shutdown}"json":{}}`,
  ];
  const good = `${shutdown}"hex":"00000003ffffffffffffffff"}`;
  const { code, lines } = await run(['decode'], [`${[...bad, good].join('\n')}\n`]);
  expect(code).toBe(0);
  expect(lines).toHaveLength(bad.length + 1);
  for (const line of lines.slice(0, -1)) expect(JSON.parse(line)).toEqual({ error: expect.stringMatching(/./) });
  expect(lines.at(-1)).toBe('{"json":{"brokerId":3,"brokerEpoch":-1}}');
});

test('lines may be cut anywhere on their way in, also inside a character; the last needs no end', async () => {
  const line = Buffer.from('{"message":"SaslHandshakeRequest","version":0,"json":{"mechanism":"né😀"}}');
  const input = Buffer.concat([line, Buffer.from('\n'), line]);
  const { lines } = await run(
    ['encode'],
    Array.from(input, (byte) => Buffer.from([byte])),
  );
  expect(lines).toEqual(Array(2).fill('{"hex":"00076ec3a9f09f9880"}'));
});

test('the answer to a line is there before more input comes', async () => {
  const stdin = new PassThrough();
  const stdout = new PassThrough();
  const done = protocolCommand(['decode'], { stdin, stdout, stderr: new PassThrough() });
  for (const brokerId of ['01', '02']) {
    stdin.write(`${shutdown}"hex":"000000${brokerId}ffffffffffffffff"}\n`);
    const [answer] = (await new Promise<Buffer>((resolve) => stdout.once('data', resolve))).toString().split('\n');
    expect(JSON.parse(answer!)).toMatchObject({ json: { brokerId: Number(brokerId) } });
  }
  stdin.end();
  expect(await done).toBe(0);
});

test('waits for a slow reader, and loses nothing', async () => {
  const count = 20_000;
  let waiting = 0;
  let mostWaiting = 0;
  let received = 0;
  const slow = new Writable({
    highWaterMark: 1000,
    write(chunk: Buffer, _encoding, callback) {
      mostWaiting = Math.max(mostWaiting, ++waiting);
      received += chunk.toString().split('\n').length - 1;
      setImmediate(() => {
        waiting--;
        callback();
      });
    },
  });
  const line = `${shutdown}"hex":"00000003ffffffffffffffff"}\n`;
  const stdin = Readable.from(Array<string>(count).fill(line));
  expect(await protocolCommand(['decode'], { stdin, stdout: slow, stderr: new PassThrough() })).toBe(0);
  await new Promise<void>((resolve) => slow.end(resolve));
  expect(received).toBe(count);
  expect(mostWaiting).toBe(1);
});

test('ends quietly when nobody reads any more', async () => {
  const closed = new Writable({ write: (_chunk, _encoding, callback) => callback(new Error('EPIPE')) });
  const stdin = Readable.from(Array<string>(1000).fill('{}\n'));
  expect(await protocolCommand(['decode'], { stdin, stdout: closed, stderr: new PassThrough() })).toBe(0);
});

test.each([[['transmogrify']], [[]], [['decode', 'file']], [['toString']]])(
  '%j is answered with a sentence',
  async (args) => {
    const { code, lines, stderr } = await run(args, []);
    expect(code).toBe(1);
    expect(lines).toEqual([]);
    expect(stderr).toContain('USAGE: ottla protocol decode|encode|records');
  },
);
