import { forEachBatch, type BatchView } from '../../../src/records/index.js';
import type { UnifiedLog } from '../../../src/log/index.js';
import { batch, bytesOf, readAll, recordsOf, type ReadRecord } from '../../unit/log/log-fixture.js';
import type { LogModel, LogState } from './log-model.js';

/** The producer of all records of the scenarios; its sequences are the offsets unless a log began again. */
export const PRODUCER_ID = 7;

/** What is wrong with a log after a crash; null when it is in one of the states that the model allows. */
export async function findFault(log: UnifiedLog, model: LogModel, isPowerLost: boolean): Promise<string | null> {
  const records = await readAll(log);
  for (const [index, { offset }] of records.entries()) {
    if (index > 0 && offset !== records[index - 1]!.offset + 1 && !model.afterGaps.has(offset))
      return `a hole or an overlap before ${offset}`;
  }
  const last = records.at(-1);
  if (last && last.offset + 1 !== log.logEndOffset)
    return `the records end at ${last.offset}, the log at ${log.logEndOffset}`;
  const fitting = model.possible(isPowerLost).filter((state) => isBeginningOf(records, state));
  if (fitting.length === 0) return `the log is in no state that it was told to be in: ${describe(records)}`;
  const least = model.leastEnd(isPowerLost);
  if (log.logEndOffset < least) {
    return `${isPowerLost ? 'flushed' : 'appended'} records are lost: ends at ${log.logEndOffset}, not ${least}`;
  }
  const latestStart = Math.max(...model.possible(isPowerLost).map(({ start }) => start));
  if (log.logStartOffset > latestStart && records.length > 0)
    return `begins at ${log.logStartOffset}, not ${latestStart}`;
  const fault = await findFaultInBatches(log, latestStart);
  if (fault !== null) return fault;
  const isRightTopic = records.length === 0 || fitting.some(({ topicId }) => topicId === log.topicId);
  return isRightTopic ? null : `has topic id ${log.topicId}`;
}

function isBeginningOf(records: readonly ReadRecord[], state: LogState): boolean {
  return records.every(({ offset, value }) => offset < state.start || state.values.get(offset) === value);
}

/** The leader epochs and the producer's state are those of the batches; what was to be deleted needs no epoch. */
async function findFaultInBatches(log: UnifiedLog, latestStart: number): Promise<string | null> {
  let fault: string | null = null;
  let latestEpoch = -1;
  let lastSequence = -1;
  let lastValues: ReadRecord[] = [];
  for (let offset = log.logStartOffset; offset < log.logEndOffset;) {
    const bytes = bytesOf(await log.read(offset, 1, 'LOG_END', true));
    if (bytes.length === 0) return `a read at ${offset} gives nothing`;
    forEachBatch(bytes, (view) => {
      const first = Math.max(view.baseOffset, log.logStartOffset);
      const entry = log.epochEntries.findLast(({ startOffset }) => startOffset <= first);
      const isToGo = entry === undefined && view.nextOffset <= latestStart;
      if (entry?.epoch !== view.partitionLeaderEpoch && !isToGo) {
        fault ??= `the batch at ${first} has epoch ${view.partitionLeaderEpoch}, the epochs say ${entry?.epoch}`;
      }
      if (view.partitionLeaderEpoch < latestEpoch) fault ??= `epochs fall at ${first}`;
      latestEpoch = view.partitionLeaderEpoch;
      if (view.hasProducerId) lastSequence = view.lastSequence;
      lastValues = recordsOf(view.bytes);
      offset = view.nextOffset;
    });
  }
  if (fault !== null) return fault;
  const producer = log.activeProducers().find(({ producerId }) => producerId === PRODUCER_ID);
  if (lastSequence < 0) return null;
  if (producer?.lastSequence !== lastSequence) {
    return `the producer's last sequence is ${producer?.lastSequence}, that of the log ${lastSequence}`;
  }
  const end = log.logEndOffset;
  const again = log.appendAsLeader(
    batch({
      values: lastValues.map(({ value }) => value),
      producerId: PRODUCER_ID,
      producerEpoch: 0,
      baseSequence: lastSequence - lastValues.length + 1,
    }),
    { leaderEpoch: latestEpoch },
  );
  if (log.logEndOffset !== end || again.lastOffset !== lastValues.at(-1)!.offset)
    return 'a repeated batch is appended again';
  return null;
}

/** All batches from an offset on. */
export async function batchesFrom(log: UnifiedLog, start: number): Promise<BatchView[]> {
  const batches: BatchView[] = [];
  for (let offset = start; offset < log.logEndOffset;) {
    const bytes = Buffer.from(bytesOf(await log.read(offset, 1 << 20, 'LOG_END', true)));
    if (bytes.length === 0) break;
    forEachBatch(bytes, (view) => {
      batches.push(view);
      offset = view.nextOffset;
    });
  }
  return batches;
}

export function describe(records: readonly ReadRecord[]): string {
  return records.map(({ offset, value }) => `${offset}=${value}`).join(' ');
}
