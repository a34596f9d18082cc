import { shellBlocks } from '../../support/documentation.js';

const MARKDOWN = `# Title

\`\`\`
one
two \\
  three
\`\`\`

\`\`\`properties
broker.id=1
\`\`\`

<!-- docs: until "ready" -->

\`\`\`sh
serve
\`\`\`

\`\`\`sh
use
\`\`\`

<!-- docs: long -->

\`\`\`
measure
\`\`\`

<!-- docs: never, it ends the machine -->

\`\`\`
halt
\`\`\`
`;

test('the blocks of a shell are read with their places, and a mark is of the next block alone', () => {
  expect(shellBlocks('a.md', MARKDOWN)).toEqual([
    { file: 'a.md', line: 4, commands: 'one\ntwo \\\n  three\n', mark: { kind: 'run' } },
    { file: 'a.md', line: 16, commands: 'serve\n', mark: { kind: 'until', text: 'ready' } },
    { file: 'a.md', line: 20, commands: 'use\n', mark: { kind: 'run' } },
    { file: 'a.md', line: 26, commands: 'measure\n', mark: { kind: 'long' } },
    { file: 'a.md', line: 32, commands: 'halt\n', mark: { kind: 'never' } },
  ]);
});

test.each([
  ['<!-- docs: lengthy -->\n', 'a.md:1: \'lengthy\' is no mark; there are long, never with a reason, and until "TEXT"'],
  ['<!-- docs: never -->\n', 'a.md:1: \'never\' is no mark; there are long, never with a reason, and until "TEXT"'],
  ['text\n```\nopen\n', 'a.md:2: the block has no end'],
])('a mistake in a document is no block that is left out: %j', (markdown, message) => {
  expect(() => shellBlocks('a.md', markdown)).toThrow(message);
});
