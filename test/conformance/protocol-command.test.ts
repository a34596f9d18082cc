import * as fs from 'node:fs';
import * as path from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { protocolCommand } from '../../src/cli/protocol-command.js';
import { parseJson, printJson, type JsonObject, type JsonValue } from '../../src/protocol/index.js';

const fixtures = path.join(__dirname, '..', '.fixtures', 'protocol');
const linesOf = (file: string): string[] => fs.readFileSync(path.join(fixtures, file), 'utf8').trim().split('\n');

async function answers(subcommand: string, lines: readonly string[]): Promise<JsonObject[]> {
  const stdout = new PassThrough();
  const parts: Buffer[] = [];
  stdout.on('data', (part: Buffer) => parts.push(part));
  const stdin = Readable.from([`${lines.join('\n')}\n`]);
  expect(await protocolCommand([subcommand], { stdin, stdout, stderr: new PassThrough() })).toBe(0);
  const output = Buffer.concat(parts).toString().split('\n').slice(0, -1);
  expect(output).toHaveLength(lines.length);
  return output.map((line) => parseJson(line) as JsonObject);
}

const vectors = fs.readdirSync(path.join(fixtures, 'vectors')).flatMap((file) =>
  linesOf(`vectors/${file}`).map((line) => ({
    message: file.replace('.jsonl', ''),
    ...(parseJson(line) as { version: number; kind: string; json: JsonObject; hex: string }),
  })),
);

test('ottla protocol decode and encode answer every golden body', async () => {
  const decoded = await answers(
    'decode',
    vectors.map(({ message, version, hex }) => printJson({ message, version, hex })),
  );
  expect(decoded.map(({ json }) => printJson(json!))).toEqual(vectors.map(({ json }) => printJson(json)));
  const known = vectors.filter(({ kind }) => kind !== 'unknown-tags');
  const encoded = await answers(
    'encode',
    known.map(({ message, version, json }) => printJson({ message, version, json })),
  );
  expect(encoded).toEqual(known.map(({ hex }) => ({ hex })));
  process.stdout.write(`ottla protocol: ${decoded.length} lines decoded, ${encoded.length} encoded\n`);
});

interface RecordsLine {
  readonly case: string;
  readonly hex: string;
  readonly batches?: readonly JsonObject[];
  readonly outcome?: { batchIteration: string; batches: { ensureValid: string; iteration: string }[] };
}

test('ottla protocol records describes every batch, and refuses what Kafka refuses', async () => {
  const lines = linesOf('records.jsonl').map((line) => parseJson(line) as unknown as RecordsLine);
  const answered = await answers(
    'records',
    lines.map(({ hex }) => printJson({ hex })),
  );
  let refused = 0;
  for (const [index, { batches, outcome }] of lines.entries()) {
    const answer = answered[index]!;
    if (batches) {
      // Whether a batch can be written again from its description is a remark of the recording.
      const described = batches.map(({ reencodes: _remark, ...batch }) => batch);
      expect(printJson(answer)).toBe(printJson({ batches: described as readonly JsonValue[] }));
    } else {
      const isSound =
        outcome!.batchIteration === 'ok' &&
        outcome!.batches.every(({ ensureValid, iteration }) => ensureValid === 'ok' && iteration === 'ok');
      expect(Object.keys(answer)).toEqual([isSound ? 'batches' : 'error']);
      if (!isSound) refused++;
    }
  }
  process.stdout.write(`ottla protocol: ${lines.length - refused} lines of records described, ${refused} refused\n`);
});
