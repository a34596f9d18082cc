/**
 * What a controller does in whole stories: commands, and below each what came of it: answers, requests that brokers got, znodes that are others
 * than before. The output is not written by hand but read: `OTTLA_REWRITE=1 npx jest test/unit/controller/scripts` writes it anew, and the
 * difference is what to review. (etcd tests its raft so.) The commands are those of `test/support/controller-script.ts`.
 */
import fs from 'node:fs';
import path from 'node:path';
import { ControllerScript } from '../../support/controller-script.js';

const FOLDER = path.join(__dirname, 'testdata');
const RULE = '----';

/** The script with the output that it has now, all else as it is. */
async function outputOf(text: string): Promise<string> {
  const script = await new ControllerScript().start();
  try {
    const blocks: string[] = [];
    for (const block of text.trimEnd().split(/\n\n+/)) {
      const lines = block.split('\n');
      const comments = lines.filter((line) => line.startsWith('#'));
      const [command] = lines.filter((line) => !line.startsWith('#'));
      if (command === undefined) blocks.push(block);
      else blocks.push([...comments, command, RULE, ...(await script.run(command))].join('\n'));
    }
    return `${blocks.join('\n\n')}\n`;
  } finally {
    await script.lab.stop();
  }
}

test.each(fs.readdirSync(FOLDER))('%s', async (name) => {
  const file = path.join(FOLDER, name);
  const expected = fs.readFileSync(file, 'utf8');
  const output = await outputOf(expected);
  if (process.env.OTTLA_REWRITE === '1') fs.writeFileSync(file, output);
  else expect(output).toBe(expected); // If it is to be so: OTTLA_REWRITE=1, and review the difference.
});
