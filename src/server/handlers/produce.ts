import { runInSlices, type Steps } from '../../common/index.js';
import { BatchView, CorruptRecordError, wholeBatchSizeAt } from '../../records/index.js';
import { ErrorCode, produceRequest, produceResponse, type InputOf, type ProduceRequest } from '../../protocol/index.js';
import type { AppendEntry, AppendResult } from '../../replication/index.js';
import { handler, LATER, type RequestContext } from '../handler.js';

type Answer = InputOf<typeof produceResponse>;
type PartitionAnswer = NonNullable<NonNullable<Answer['responses']>[number]['partitionResponses']>[number];

const COMPRESSION_MASK = 0x07;
const ZSTD = 4;

/** Appends to the partitions that this broker leads, and answers as `acks` asks. */
export const produce = handler(produceRequest, produceResponse, (body, context) => {
  const { authorize, metadata, replicas, apiVersion } = context;
  let hasTransactionalRecords: boolean;
  try {
    hasTransactionalRecords = isTransactional(body);
  } catch (error) {
    if (!(error instanceof CorruptRecordError)) throw error;
    finish(body, context, wholeRequestError(body, ErrorCode.CORRUPT_MESSAGE, error.message));
    return LATER;
  }
  if (hasTransactionalRecords) {
    const { transactionalId } = body;
    if (transactionalId === null || !authorize('WRITE', { type: 'TRANSACTIONAL_ID', name: transactionalId })) {
      finish(body, context, wholeRequestError(body, ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED, null));
      return LATER;
    }
  }

  const entries: AppendEntry[] = [];
  // In the order of the request; what is appended fills its place when it is done.
  const answers: (PartitionAnswer | null)[] = [];
  for (const { name, partitionData } of body.topicData) {
    const authorized = authorize('WRITE', { type: 'TOPIC', name });
    for (const { index, records } of partitionData) {
      const tp = { topic: name, partition: index };
      let errorCode: number = ErrorCode.NONE;
      if (!authorized) errorCode = ErrorCode.TOPIC_AUTHORIZATION_FAILED;
      else if (!metadata.contains(tp)) errorCode = ErrorCode.UNKNOWN_TOPIC_OR_PARTITION;
      else if (records === null) {
        // Kafka stumbles over them inside the append.
        const logStartOffset = BigInt(replicas.localLog(tp)?.logStartOffset ?? -1);
        answers.push({ index, errorCode: ErrorCode.UNKNOWN_SERVER_ERROR, baseOffset: -1n, logStartOffset });
        continue;
      } else errorCode = batchProblem(records as Buffer, apiVersion);
      if (errorCode === ErrorCode.NONE) {
        entries.push({ tp, records: records as Buffer });
        answers.push(null);
      } else {
        answers.push({ index, errorCode, baseOffset: -1n });
      }
    }
  }

  const onComplete = (results: readonly AppendResult[]): void => {
    let next = 0;
    for (let i = 0; i < answers.length; i++) answers[i] ??= partitionAnswer(results[next++]!);
    finish(body, context, answers as PartitionAnswer[]);
  };
  if (entries.length === 0) {
    onComplete([]);
    return LATER;
  }
  const results: AppendResult[][] = [];
  let missing = 0;
  const appendPart = (part: readonly AppendEntry[], at: number): void =>
    replicas.appendRecords({
      timeoutMs: body.timeoutMs,
      requiredAcks: body.acks,
      internalTopicsAllowed: context.clientId === ADMIN_CLIENT_ID,
      origin: 'client',
      entries: part,
      transactionalId: body.transactionalId,
      onComplete: (completed) => {
        results[at] = completed;
        if (--missing === 0) onComplete(results.flat());
      },
    });
  const onAppended = (): typeof LATER => {
    context.request.letMemoryGo();
    // The records have their place in the log; only replication is waited for. Not so while a transaction is being verified.
    if (body.transactionalId === null) {
      context.request.releaseFrame();
      context.request.allowNext();
    }
    return LATER;
  };
  const appendAll = (wanted: readonly AppendEntry[]): typeof LATER | Promise<typeof LATER> => {
    // A transaction is verified, and appended, as a whole.
    const parts = partsOf(wanted, body.transactionalId === null ? PARTITIONS_A_STEP : wanted.length);
    missing = parts.length;
    if (parts.length > 1) {
      context.request.holdMemory();
      return runInSlices(context.clock, inSteps(parts, appendPart)).then(onAppended);
    }
    appendPart(wanted, 0);
    return onAppended();
  };
  const timeoutMs = Math.max(body.timeoutMs, MIN_READINESS_WAIT_MS);
  const wait = replicas.waitForAppends(entries, { bytes: context.request.frameBytes, timeoutMs });
  if (!wait) return appendAll(entries);
  // Until then the connection's next request waits, and nobody else.
  context.request.holdMemory();
  context.request.onAbandoned = () => wait.giveUp();
  return wait.ended.then((end) => {
    context.request.onAbandoned = null;
    if (end === 'ready') return appendAll(entries);
    if (end === 'givenUp') {
      context.request.releaseFrame();
      context.request.respondNothing();
      return LATER;
    }
    const errorCode = end === 'timedOut' ? ErrorCode.REQUEST_TIMED_OUT : ErrorCode.KAFKA_STORAGE_ERROR;
    const wanted = refuseUnready(entries, answers, errorCode, (tp) => replicas.isReadyForAppends(tp));
    if (wanted.length > 0) return appendAll(wanted);
    onComplete([]);
    return LATER;
  });
});

/** A log that was just made needs its disk once: who asks for no replication, and so for no time, waits for that all the same. */
const MIN_READINESS_WAIT_MS = 1000;

/** Answers for the partitions whose log is not ready, which are never appended to; gives the others. */
function refuseUnready(
  entries: readonly AppendEntry[],
  answers: (PartitionAnswer | null)[],
  errorCode: number,
  isReady: (tp: AppendEntry['tp']) => boolean,
): AppendEntry[] {
  const wanted: AppendEntry[] = [];
  let next = 0;
  for (let i = 0; i < answers.length; i++) {
    if (answers[i]) continue;
    const entry = entries[next++]!;
    if (isReady(entry.tp)) wanted.push(entry);
    else answers[i] = { index: entry.tp.partition, errorCode, baseOffset: -1n };
  }
  return wanted;
}

/** A request may name thousands of partitions: after so many others may run. About 5 ms when their files have to be opened. */
const PARTITIONS_A_STEP = 100;

/** Never a closure: each closure that is a generator function gets a hidden class of its own, which keeps its request for long. */
function* inSteps<T>(parts: readonly T[], step: (part: T, at: number) => void): Steps<void> {
  for (const [at, part] of parts.entries()) {
    if (at > 0) yield;
    step(part, at);
  }
}

function partsOf(entries: readonly AppendEntry[], size: number): (readonly AppendEntry[])[] {
  if (entries.length <= size) return [entries];
  const parts: (readonly AppendEntry[])[] = [];
  for (let at = 0; at < entries.length; at += size) parts.push(entries.slice(at, at + size));
  return parts;
}

/** Kafka lets only this client id write to internal topics (`AdminUtils.ADMIN_CLIENT_ID`). */
const ADMIN_CLIENT_ID = '__admin_client';

function finish(body: ProduceRequest, context: RequestContext<Answer>, answers: readonly PartitionAnswer[]): void {
  const { request, quotas } = context;
  // The log has copied what it keeps; nothing below looks at records.
  request.releaseFrame();
  const throttleTimeMs = quotas.recordAndThrottleMs('produce', context, request.frameBytes);
  if (body.acks === 0) {
    // No answer is awaited, so an error can be told only by closing the connection: the producer then refreshes its metadata.
    const failed = answers.find(({ errorCode }) => errorCode !== ErrorCode.NONE);
    if (failed)
      request.closeConnection('Closed a connection for an error of a Produce request with acks=0', failed.errorCode);
    else request.respondNothing();
    return;
  }
  let at = 0;
  const responses = body.topicData.map(({ name, partitionData }) => ({
    name,
    partitionResponses: answers.slice(at, (at += partitionData.length)),
  }));
  context.respond({ responses, throttleTimeMs });
}

function partitionAnswer(result: AppendResult): PartitionAnswer {
  return {
    index: result.tp.partition,
    errorCode: result.errorCode,
    baseOffset: BigInt(result.baseOffset),
    logAppendTimeMs: BigInt(result.logAppendTimeMs),
    logStartOffset: BigInt(result.logStartOffset),
    recordErrors:
      result.recordErrors.length === 0
        ? []
        : result.recordErrors.map(({ batchIndex, message }) => ({ batchIndex, batchIndexErrorMessage: message })),
    errorMessage: result.errorMessage,
  };
}

function wholeRequestError(body: ProduceRequest, errorCode: number, errorMessage: string | null): PartitionAnswer[] {
  return body.topicData.flatMap(({ partitionData }) =>
    partitionData.map(({ index }) => ({ index, errorCode, errorMessage, baseOffset: -1n })),
  );
}

/** Whether the first batch of any partition is transactional (`RequestUtils.hasTransactionalRecords`). Throws CorruptRecordError. */
function isTransactional({ topicData }: ProduceRequest): boolean {
  for (const { partitionData } of topicData) {
    for (const { records } of partitionData) {
      if (records === null) continue;
      const bytes = records as Buffer;
      if (wholeBatchSizeAt(bytes, 0) > 0 && new BatchView(bytes).isTransactional) return true;
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
    const first = wholeBatchSizeAt(records, 0);
    const batch = first > 0 ? new BatchView(records) : null;
    if (version < 3) return batch?.magic === 2 ? ErrorCode.NONE : ErrorCode.UNSUPPORTED_VERSION;
    if (batch?.magic !== 2) return ErrorCode.INVALID_RECORD;
    if (version < 7 && (batch.attributes & COMPRESSION_MASK) === ZSTD) return ErrorCode.UNSUPPORTED_COMPRESSION_TYPE;
    return wholeBatchSizeAt(records, first) > 0 ? ErrorCode.INVALID_RECORD : ErrorCode.NONE;
  } catch (error) {
    if (!(error instanceof CorruptRecordError)) throw error;
    return ErrorCode.CORRUPT_MESSAGE;
  }
}
