/** Logs beside files that their broker has not made, or that a broker before it has left half done. */
import { iterateBatches } from '../../../src/records/index.js';
import { AFTER_DELETIONS_MS, fill, type LogRun, type LogScenario } from './log-run.js';

const LOG_DIR = '/data';
const FOLDER = `${LOG_DIR}/orders-0`;
const UNIQUE = '0123456789abcdef0123456789abcdef';
const DELETED_FOLDER = `${LOG_DIR}/orders-0.${UNIQUE}-delete`;
const SUFFIXES = ['log', 'index', 'timeindex'];
/** No broker has any business with these. */
const OF_OTHERS: readonly string[] = [
  `${LOG_DIR}/notes.txt`,
  `${LOG_DIR}/lost+found/#12`,
  `${LOG_DIR}/no log/00000000000000000000.log`,
  `${LOG_DIR}/orders-1.${UNIQUE}-stray/00000000000000000000.log`,
  `${LOG_DIR}/7.log`,
  `${FOLDER}/README`,
  `${FOLDER}/00000000000000000007.bak`,
  `${FOLDER}/7.log`,
  `${FOLDER}/kept/00000000000000000000.log`,
];

export const FOREIGN_FILE_SCENARIOS: readonly LogScenario[] = [
  {
    title: 'starts beside files and folders of others',
    async prepare(run) {
      await fill(run);
      run.crash('process');
      for (const path of OF_OTHERS) put(run, path, `of others: ${path}`);
      for (const suffix of SUFFIXES) {
        put(run, `${DELETED_FOLDER}/${nameOf(0)}.${suffix}`, 'deleted');
        put(run, `${FOLDER}/${nameOf(5)}.${suffix}.deleted`, 'deleted');
      }
    },
    restarts: true,
    async during(run) {
      run.append(3);
      await run.flush();
      await run.settle(AFTER_DELETIONS_MS);
      run.append(2);
    },
    async check(run) {
      const { fs } = run.world;
      for (const path of OF_OTHERS) {
        if (!fs.exists(path) || fs.readFile(path).toString() !== `of others: ${path}`) return `${path} was touched`;
      }
      await run.settle(AFTER_DELETIONS_MS);
      if (fs.exists(DELETED_FOLDER)) return `${DELETED_FOLDER} is still there`;
      return findLeftOver(run, /\.deleted$/);
    },
  },
  {
    title: 'starts beside what a cleaner has left that was killed while it wrote',
    async prepare(run) {
      await fill(run);
      await run.flush();
      run.crash('process');
      const [first, second] = run.log.segments;
      // Half of what it would have kept of the first; a segment behind that one was complete already.
      const half = run.world.fs.readFile(first!.file.path).subarray(0, 300);
      putSegment(run, 0, '.cleaned', half);
      const others = batchesOf(run, second!.file.path).slice(2);
      putSegment(run, second!.baseOffset, '.swap', Buffer.concat(others.map(({ bytes }) => bytes)));
    },
    restarts: true,
    async during(run) {
      run.append(2);
      await run.settle();
    },
    check: (run) => Promise.resolve(findLeftOver(run, /\.(cleaned|swap)$/)),
  },
  {
    title: 'takes what a cleaner had complete when it was killed',
    prepare: (run) => cleanedTwoSegments(run, () => undefined),
    restarts: true,
    async during(run) {
      run.append(2);
      await run.settle();
    },
    check: (run) => Promise.resolve(findLeftOver(run, /\.(cleaned|swap)$/)),
  },
  {
    title: 'takes what a cleaner had complete when it was killed while it removed the old segments',
    prepare: (run) =>
      cleanedTwoSegments(run, () => {
        // It names them first, from the first on, and takes them away later.
        for (const suffix of SUFFIXES) {
          const path = `${FOLDER}/${nameOf(0)}.${suffix}`;
          run.world.fs.rename(path, `${path}.deleted`);
        }
        run.world.fs.rename(`${FOLDER}/${nameOf(0)}.index.swap`, `${FOLDER}/${nameOf(0)}.index`);
        run.world.fs.syncDir(FOLDER);
      }),
    restarts: true,
    async during(run) {
      run.append(2);
      await run.settle();
    },
    check: (run) => Promise.resolve(findLeftOver(run, /\.(cleaned|swap|deleted)$/)),
  },
];

/** The first two segments have become one, in which some records are missing; its files are complete, and durable. */
async function cleanedTwoSegments(run: LogRun, more: () => void): Promise<void> {
  await fill(run);
  await run.flush();
  run.crash('process');
  const { model, log } = run;
  const old = log.segments.slice(0, 2).flatMap(({ file }) => batchesOf(run, file.path));
  const last = old.at(-1)!.baseOffset;
  const kept = old.filter(({ baseOffset }) => baseOffset % 4 !== 3 || baseOffset === last);
  putSegment(run, 0, '.swap', Buffer.concat(kept.map(({ bytes }) => bytes)));
  more();
  const offsets = new Set(kept.map(({ baseOffset }) => baseOffset));
  const values = new Map([...model.now.values].filter(([offset]) => offset > last || offsets.has(offset)));
  for (const offset of offsets) if (offset > 0 && !offsets.has(offset - 1)) model.afterGaps.add(offset);
  model.begins({ values });
  model.isDone();
  model.isFlushed(model.now.end);
}

function batchesOf(run: LogRun, path: string): { baseOffset: number; bytes: Buffer }[] {
  const bytes = run.world.fs.readFile(path);
  return [...iterateBatches(bytes)].map((view) => ({ baseOffset: view.baseOffset, bytes: view.bytes }));
}

/** A segment whose indexes have no entry yet. */
function putSegment(run: LogRun, baseOffset: number, end: string, bytes: Buffer): void {
  for (const suffix of SUFFIXES) {
    put(run, `${FOLDER}/${nameOf(baseOffset)}.${suffix}${end}`, suffix === 'log' ? bytes : Buffer.alloc(0));
  }
}

/** A file that is on the disk, with its folders. */
function put({ world: { fs } }: LogRun, path: string, content: Buffer | string): void {
  const folder = path.slice(0, path.lastIndexOf('/'));
  fs.makeDir(folder);
  const file = fs.open(path, 'w+');
  file.writeSync([Buffer.from(content)], 0);
  file.syncSync();
  file.close();
  fs.syncDir(folder);
  fs.syncDir(LOG_DIR);
}

function findLeftOver({ world: { fs } }: LogRun, pattern: RegExp): string | null {
  const left = fs.readDir(FOLDER).filter((name) => pattern.test(name));
  return left.length === 0 ? null : `${left.join(' ')} is still there`;
}

function nameOf(offset: number): string {
  return String(offset).padStart(20, '0');
}
