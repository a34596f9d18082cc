/** Logs whose recovery has to split a segment: offsets in it are too far from its first one for the indexes. */
import { fill, type LogRun, type LogScenario } from './log-run.js';

const BASE_OFFSET_BYTES = 8;
/** Of the offset and the length before each batch. */
const LOG_OVERHEAD = 12;
const TOO_FAR = 2 ** 32;

export const SPLIT_SCENARIOS: readonly LogScenario[] = [
  {
    title: 'splits a segment whose end is too far away, and goes on',
    async prepare(run) {
      await fillFlushedAndKilled(run);
      moveOffsets(run, [3]);
    },
    restarts: true,
    async during(run) {
      run.append(14);
      await run.settle();
      await run.flush();
      run.append(2);
    },
  },
  {
    title: 'splits a segment twice',
    async prepare(run) {
      await fillFlushedAndKilled(run);
      moveOffsets(run, [2, 5]);
    },
    restarts: true,
    async during(run) {
      run.append(2);
      await run.settle();
    },
  },
  {
    title: 'splits a segment that was never flushed',
    async prepare(run) {
      await fill(run);
      run.crash('process');
      moveOffsets(run, [4]);
    },
    restarts: true,
    async during(run) {
      run.truncate(run.model.now.end - 1);
      run.epoch = 5;
      run.appendsSequence(31);
      run.append(3);
      await run.settle();
    },
  },
];

async function fillFlushedAndKilled(run: LogRun): Promise<void> {
  await fill(run);
  await run.flush();
  run.crash('process');
}

/**
 * Gives the batches of the last segment, from some of them on, offsets that no index of it can hold, as a compaction of brokers before 1.0
 * could, or bits that flipped where no CRC looks. They are on the disk, and none may be lost any more.
 */
function moveOffsets(run: LogRun, from: readonly number[]): void {
  const { model, world } = run;
  const { path, baseOffset } = lastSegment(run);
  const bytes = world.fs.readFile(path);
  const values = new Map([...model.now.values].filter(([offset]) => offset < baseOffset));
  let offset = baseOffset;
  for (let at = 0, index = 0; at < bytes.length; index++, offset++) {
    const moved = offset + from.filter((first) => index >= first).length * TOO_FAR;
    bytes.writeBigInt64BE(BigInt(moved), at);
    values.set(moved, model.now.values.get(offset)!);
    if (from.includes(index)) model.afterGaps.add(moved);
    at += LOG_OVERHEAD + bytes.readInt32BE(at + BASE_OFFSET_BYTES);
  }
  const file = world.fs.open(path, 'r+');
  file.writeSync([bytes], 0);
  file.syncSync();
  file.close();
  world.fs.syncDir(run.log.dir);
  const end = offset + from.length * TOO_FAR;
  model.begins({ end, values });
  model.isDone();
  model.isFlushed(end);
}

function lastSegment({ log }: LogRun): { path: string; baseOffset: number } {
  const { file, baseOffset } = log.segments.at(-1)!;
  return { path: file.path, baseOffset };
}
