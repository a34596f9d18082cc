import { forEachInSteps, runAtOnce, runInSlices, startInSlices, type Steps } from '../../common/index.js';
import { AppendAllowance, CorruptRecordError, firstBatch, wholeBatchSizeAt } from '../../records/index.js';
import { ErrorCode, produceRequest, produceResponse, type ProduceRequest } from '../../protocol/index.js';
import type { AppendWait } from '../../replication/index.js';
import { produceErrorResponse } from '../error-responses.js';
import { handler, LATER, type RequestContext } from '../handler.js';
import {
  partitionAnswer,
  ProduceAnswers,
  type Answer,
  type PartitionAnswer,
  type WantedAppend,
} from './produce-answers.js';

const COMPRESSION_MASK = 0x07;
const ZSTD = 4;

/** Appends to the partitions that this broker leads, and answers as `acks` asks. */
export const produce = handler(
  produceRequest,
  produceResponse,
  (body, context) => {
    let partitions = body.topicData.length;
    for (const { partitionData } of body.topicData) partitions += partitionData.length;
    // Few are done within the call, as nearly all are.
    if (partitions <= PARTITIONS_A_STEP) return appendAsked(body, context, runAtOnce(sortOut(body, context)));
    context.request.holdMemory();
    return sortOutAndAppend(body, context);
  },
  { keepsFrame: true },
);

function* sortOutAndAppend(
  body: ProduceRequest,
  context: RequestContext<Answer>,
): Steps<typeof LATER | Promise<typeof LATER>> {
  return appendAsked(body, context, yield* sortOut(body, context));
}

/** A request sorted out: what is to be appended, and what is refused. */
interface Asked {
  /** One for each partition. */
  readonly entries: WantedAppend[];
  readonly answers: ProduceAnswers;
  /** The request is refused as a whole. */
  readonly refusal: { readonly errorCode: number; readonly message: string | null } | null;
}

/** Of the records for a partition that is named again and again the last are appended, and give the answer, as in Kafka. */
function* sortOut(body: ProduceRequest, context: RequestContext<Answer>): Steps<Asked> {
  const { authorize, metadata, replicas, apiVersion } = context;
  const entries: WantedAppend[] = [];
  const answers = new ProduceAnswers();
  try {
    if (yield* isTransactional(body)) {
      const { transactionalId } = body;
      if (transactionalId === null || !authorize('WRITE', { type: 'TRANSACTIONAL_ID', name: transactionalId })) {
        const errorCode = ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED;
        return { entries, answers, refusal: { errorCode, message: null } };
      }
    }
  } catch (error) {
    if (!(error instanceof CorruptRecordError)) throw error;
    const refusal = { errorCode: ErrorCode.CORRUPT_MESSAGE, message: error.message };
    return { entries, answers, refusal };
  }
  let left = PARTITIONS_A_STEP;
  for (const { name, partitionData } of body.topicData) {
    // Topics without partitions count too.
    if (--left < 0) {
      yield;
      left = PARTITIONS_A_STEP;
    }
    const authorized = authorize('WRITE', { type: 'TOPIC', name });
    for (const { index, records } of partitionData) {
      if (--left < 0) {
        yield;
        left = PARTITIONS_A_STEP;
      }
      const tp = { topic: name, partition: index };
      let errorCode: number = ErrorCode.NONE;
      if (!authorized) errorCode = ErrorCode.TOPIC_AUTHORIZATION_FAILED;
      else if (!metadata.contains(tp)) errorCode = ErrorCode.UNKNOWN_TOPIC_OR_PARTITION;
      else if (records === null) {
        // Kafka stumbles over them inside the append.
        const logStartOffset = BigInt(replicas.localLog(tp)?.logStartOffset ?? -1);
        answers.refuse(name, index, {
          index,
          errorCode: ErrorCode.UNKNOWN_SERVER_ERROR,
          baseOffset: -1n,
          logStartOffset,
        });
        continue;
      } else errorCode = batchProblem(records as Buffer, apiVersion);
      if (errorCode === ErrorCode.NONE) {
        const entry = answers.want(tp, records as Buffer);
        if (entry) entries.push(entry);
      } else {
        answers.refuse(name, index, errorCode);
      }
    }
  }
  return { entries, answers: answers.complete(), refusal: null };
}

function appendAsked(
  body: ProduceRequest,
  context: RequestContext<Answer>,
  { entries, answers, refusal }: Asked,
): typeof LATER | Promise<typeof LATER> {
  const { replicas } = context;
  if (refusal) return refuse(body, context, refusal.errorCode, refusal.message);
  let missing = entries.length;
  const answer = (wanted: readonly WantedAppend[], answerOf: (at: number) => PartitionAnswer): void => {
    wanted.forEach((one, at) => (one.answer = answerOf(at)));
    missing -= wanted.length;
    if (missing === 0) finish(body, context, answers);
  };
  if (entries.length === 0) {
    finish(body, context, answers);
    return LATER;
  }
  const allowance = new AppendAllowance(context.clientAddress);
  const giveUps: (() => void)[] = [];
  /** No one waits for replication any more. */
  const giveUp = (): void => {
    for (const giveUpPart of giveUps) giveUpPart();
    context.quotas.recordAndThrottleMs('produce', context, context.request.frameBytes);
  };
  const appendPart = (part: readonly WantedAppend[]): Promise<void> | null => {
    const appended = replicas.appendRecords({
      timeoutMs: body.timeoutMs,
      requiredAcks: body.acks,
      internalTopicsAllowed: context.clientId === ADMIN_CLIENT_ID,
      origin: 'client',
      entries: part,
      transactionalId: body.transactionalId,
      allowance,
      onWait: (giveUpPart) => giveUps.push(giveUpPart),
      onComplete: (results) => answer(part, (at) => partitionAnswer(results[at]!)),
    });
    if (appended) return appended.then(() => letGo(part));
    letGo(part);
    return null;
  };
  const onAppended = (): typeof LATER => {
    // The records have their place in the log; only replication is waited for.
    body.topicData = [];
    if (missing > 0) {
      if (context.request.isAbandoned) giveUp();
      else context.request.onAbandoned = giveUp;
      context.countWhileWaiting(answers.heapBytes + 2 * (body.transactionalId?.length ?? 0));
    }
    context.request.releaseFrame();
    context.request.letMemoryGo();
    context.request.allowNext();
    return LATER;
  };
  /** Null when it is done at once. */
  const append = (wanted: readonly WantedAppend[]): Promise<void> | null => {
    if (wanted.length === 0) return null;
    // Each is verified by itself with the coordinator of its transaction, if there is one: nearly always there is one part.
    const parts = partsOf(wanted, replicas);
    if (parts.length === 1) {
      const isAppended = appendPart(wanted);
      if (isAppended) context.request.holdMemory();
      return isAppended;
    }
    context.request.holdMemory();
    // Large batches take longer than their step: until all are in their logs, whatever becomes of the others, the connection's next request waits.
    const large: Promise<void>[] = [];
    return runInSlices(context.clock, inSteps(parts, appendPart, large))
      .finally(() => Promise.allSettled(large))
      .then(async () => void (await Promise.all(large)));
  };
  // Clients count the time from before they sent, and put all partitions of a broker into one request: the answer has to reach them.
  const timeoutMs = Math.max(body.timeoutMs / 2, MIN_READINESS_WAIT_MS);
  const wait = replicas.waitForAppends(entries, { bytes: context.request.frameBytes, timeoutMs });
  if (!wait) return append(entries)?.then(onAppended) ?? onAppended();
  // Until then the connection's next request waits, and nobody else. Whoever asks for no answer may go away before.
  context.request.holdMemory();
  if (body.acks !== 0) {
    if (context.request.isAbandoned) wait.giveUp();
    else context.request.onAbandoned = () => wait.giveUp();
  }
  return appendWhenReady(wait);

  async function appendWhenReady({ ended }: AppendWait): Promise<typeof LATER> {
    let left: readonly WantedAppend[] = entries;
    if (body.transactionalId === null) {
      // What a disk holds up costs the partitions in its directory alone.
      const { ready, unready } = await runInSlices(context.clock, byReadiness(entries, replicas));
      left = unready;
      await append(ready);
    }
    const end = await ended;
    context.request.onAbandoned = null;
    if (end === 'givenUp') {
      giveUp();
      context.request.releaseFrame();
      return LATER;
    }
    const { ready, unready } = await runInSlices(context.clock, byReadiness(left, replicas));
    if (unready.length > 0) {
      // After a wait that ended ready as well: they were cut while others were appended to.
      const errorCode = end === 'tooMany' ? ErrorCode.KAFKA_STORAGE_ERROR : ErrorCode.REQUEST_TIMED_OUT;
      // They are never appended to: the client tries again. What it has sent behind them may find the log ready, but comes behind them.
      await runInSlices(
        context.clock,
        forEachInSteps(unready, (entry) => {
          replicas.noteRefused(entry);
          entry.records = NO_RECORDS;
        }),
      );
      answer(unready, (at) => ({ index: unready[at]!.tp.partition, errorCode, baseOffset: -1n }));
    }
    await append(ready);
    return onAppended();
  }
}

function* byReadiness(
  wanted: readonly WantedAppend[],
  replicas: RequestContext['replicas'],
): Steps<{ ready: WantedAppend[]; unready: WantedAppend[] }> {
  const ready: WantedAppend[] = [];
  const unready: WantedAppend[] = [];
  yield* forEachInSteps(wanted, (entry) => void (replicas.isReadyForAppends(entry.tp) ? ready : unready).push(entry));
  return { ready, unready };
}

/** A log that was just made needs its disk once: who asks for no replication, and so for no time, waits for that all the same. */
const MIN_READINESS_WAIT_MS = 1000;

/** A request may name thousands of partitions: after so many others may run. */
const PARTITIONS_A_STEP = 100;
/** So much takes about as long to be checked and written. */
const BYTES_A_STEP = 4 * 1024 * 1024;
/** An append to a log whose files have to be opened takes a third of a millisecond: as long as that to so many others. */
const APPENDS_FOR_OPENING = 10;
const NO_RECORDS = Buffer.alloc(0);

/** Never a closure: each closure that is a generator function gets a hidden class of its own, which keeps its request for long. */
function* inSteps<T>(
  parts: readonly T[],
  step: (part: T) => Promise<void> | null,
  later: Promise<void>[],
): Steps<void> {
  for (const [at, part] of parts.entries()) {
    if (at > 0) yield;
    const done = step(part);
    if (!done) continue;
    // No one listens before the last step, nor ever if that throws.
    done.catch(() => undefined);
    later.push(done);
  }
}

/** What waits for its answer keeps no records (`ProduceRequest.clearPartitionRecords`). */
function letGo(entries: readonly WantedAppend[]): void {
  for (const entry of entries) entry.records = NO_RECORDS;
}

/** A part ends with the entry that makes it so large. */
function partsOf(entries: readonly WantedAppend[], replicas: RequestContext['replicas']): (readonly WantedAppend[])[] {
  const parts: (readonly WantedAppend[])[] = [];
  let start = 0;
  let appends = 0;
  let bytes = 0;
  for (let at = 0; at < entries.length; at++) {
    const { tp, records } = entries[at]!;
    bytes += records.length;
    appends += entries.length > APPENDS_FOR_OPENING && !replicas.isOpen(tp) ? APPENDS_FOR_OPENING : 1;
    if (appends < PARTITIONS_A_STEP && bytes < BYTES_A_STEP) continue;
    parts.push(entries.slice(start, at + 1));
    start = at + 1;
    appends = 0;
    bytes = 0;
  }
  if (start === 0) return [entries];
  if (start < entries.length) parts.push(entries.slice(start));
  return parts;
}

/** Kafka lets only this client id write to internal topics (`AdminUtils.ADMIN_CLIENT_ID`). */
const ADMIN_CLIENT_ID = '__admin_client';

function finish({ acks }: ProduceRequest, context: RequestContext<Answer>, answers: ProduceAnswers): void {
  const { request, quotas } = context;
  // The log has copied what it keeps; nothing below looks at records.
  request.releaseFrame();
  const throttleTimeMs = quotas.recordAndThrottleMs('produce', context, request.frameBytes);
  if (acks === 0) {
    // No answer is awaited, so an error can be told only by closing the connection: the producer then refreshes its metadata.
    const { errorCode } = answers;
    if (errorCode !== ErrorCode.NONE) {
      request.closeConnection('Closed a connection for an error of a Produce request with acks=0', errorCode);
    } else request.respondNothing();
    return;
  }
  context.respond({ responses: answers.responses, throttleTimeMs });
}

/** The request as a whole is refused, with a code in each partition. */
function refuse(
  body: ProduceRequest,
  context: RequestContext<Answer>,
  errorCode: number,
  message: string | null,
): typeof LATER {
  const { request, clock } = context;
  // Nothing below looks at records.
  request.releaseFrame();
  if (body.acks === 0) {
    request.closeConnection('Closed a connection for an error of a Produce request with acks=0', errorCode);
  } else startInSlices(clock, produceErrorResponse(body, { errorCode, message }), context.respond, context.fail);
  return LATER;
}

/** Whether the first batch of any partition is transactional (`RequestUtils.hasTransactionalRecords`). Throws CorruptRecordError. */
function* isTransactional({ topicData }: ProduceRequest): Steps<boolean> {
  let left = PARTITIONS_A_STEP;
  for (const { partitionData } of topicData) {
    if (--left < 0) {
      yield;
      left = PARTITIONS_A_STEP;
    }
    for (const { records } of partitionData) {
      if (--left < 0) {
        yield;
        left = PARTITIONS_A_STEP;
      }
      if (records !== null && firstBatch(records as Buffer)?.isTransactional === true) return true;
    }
  }
  return false;
}

/**
 * NONE for exactly one batch of the present format, as Produce has asked since version 3 (`ProduceRequest.validateRecords`). Older
 * versions may bring the same; formats of before 0.11 are not served. Bytes where no batch can begin are this partition's trouble alone.
 */
function batchProblem(records: Buffer, version: number): number {
  try {
    const batch = firstBatch(records);
    if (version < 3) return batch?.magic === 2 ? ErrorCode.NONE : ErrorCode.UNSUPPORTED_VERSION;
    if (batch?.magic !== 2) return ErrorCode.INVALID_RECORD;
    if (version < 7 && (batch.attributes & COMPRESSION_MASK) === ZSTD) return ErrorCode.UNSUPPORTED_COMPRESSION_TYPE;
    return wholeBatchSizeAt(records, batch.sizeInBytes) > 0 ? ErrorCode.INVALID_RECORD : ErrorCode.NONE;
  } catch (error) {
    if (!(error instanceof CorruptRecordError)) throw error;
    return ErrorCode.CORRUPT_MESSAGE;
  }
}
