const { TestEnvironment } = require('jest-environment-node');

/** What a closing socket or an ending process may take on a busy machine. */
const PATIENCE_MS = 20_000;

/**
 * Fails a file of tests that leaves something behind which keeps the process alive (a server, a socket, a timer, a child): jest would wait
 * for it for good, or end it and say nothing.
 */
module.exports = class ClosingEnvironment extends TestEnvironment {
  constructor(config, context) {
    super(config, context);
    this.testPath = context.testPath;
  }

  async setup() {
    await super.setup();
    // Made when they are first used: what a test prints would count as left open.
    this.outputs = [process.stdout, process.stderr];
    this.before = count(process.getActiveResourcesInfo());
  }

  async teardown() {
    const deadline = Date.now() + PATIENCE_MS;
    let left = this.leftOpen();
    while (left !== '' && Date.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, 20));
      left = this.leftOpen();
    }
    await super.teardown();
    if (left !== '') throw new Error(`${this.testPath} leaves open: ${left}`);
  }

  leftOpen() {
    return [...count(process.getActiveResourcesInfo())]
      .filter(([kind, number]) => number > (this.before.get(kind) ?? 0))
      .map(([kind, number]) => `${number - (this.before.get(kind) ?? 0)} ${kind}`)
      .join(', ');
  }
};

function count(kinds) {
  const numbers = new Map();
  for (const kind of kinds) numbers.set(kind, (numbers.get(kind) ?? 0) + 1);
  return numbers;
}
