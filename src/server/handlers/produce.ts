import { runInSlices, type Steps } from '../../common/index.js';
import { BatchView, CorruptRecordError, wholeBatchSizeAt } from '../../records/index.js';
import { ErrorCode, produceRequest, produceResponse, type InputOf, type ProduceRequest } from '../../protocol/index.js';
import type { AppendEntry, AppendResult, AppendWait } from '../../replication/index.js';
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

  const entries: WantedAppend[] = [];
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
        entries.push({ tp, records: records as Buffer, place: answers.length });
        answers.push(null);
      } else {
        answers.push({ index, errorCode, baseOffset: -1n });
      }
    }
  }

  let missing = entries.length;
  const answer = (wanted: readonly WantedAppend[], answerOf: (at: number) => PartitionAnswer): void => {
    wanted.forEach(({ place }, at) => (answers[place] = answerOf(at)));
    missing -= wanted.length;
    if (missing === 0) finish(body, context, answers as PartitionAnswer[]);
  };
  if (entries.length === 0) {
    finish(body, context, answers as PartitionAnswer[]);
    return LATER;
  }
  const appendPart = (part: readonly WantedAppend[]): void =>
    replicas.appendRecords({
      timeoutMs: body.timeoutMs,
      requiredAcks: body.acks,
      internalTopicsAllowed: context.clientId === ADMIN_CLIENT_ID,
      origin: 'client',
      entries: part,
      transactionalId: body.transactionalId,
      onComplete: (results) => answer(part, (at) => partitionAnswer(results[at]!)),
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
  /** Null when it is done at once. */
  const append = (wanted: readonly WantedAppend[]): Promise<void> | null => {
    if (wanted.length === 0) return null;
    // A transaction is verified, and appended, as a whole.
    const parts = partsOf(wanted, body.transactionalId === null ? PARTITIONS_A_STEP : wanted.length);
    if (parts.length === 1) {
      appendPart(wanted);
      return null;
    }
    context.request.holdMemory();
    return runInSlices(context.clock, inSteps(parts, appendPart));
  };
  // Clients count the time from before they sent, and put all partitions of a broker into one request: the answer has to reach them.
  const timeoutMs = Math.max(body.timeoutMs / 2, MIN_READINESS_WAIT_MS);
  const wait = replicas.waitForAppends(entries, { bytes: context.request.frameBytes, timeoutMs });
  if (!wait) return append(entries)?.then(onAppended) ?? onAppended();
  // Until then the connection's next request waits, and nobody else. Whoever asks for no answer may go away before.
  context.request.holdMemory();
  if (body.acks !== 0) context.request.onAbandoned = () => wait.giveUp();
  return appendWhenReady(wait);

  async function appendWhenReady({ ended }: AppendWait): Promise<typeof LATER> {
    let left: readonly WantedAppend[] = entries;
    if (body.transactionalId === null) {
      // What a disk holds up costs the partitions in its directory alone.
      const { ready, unready } = byReadiness(entries);
      left = unready;
      await append(ready);
    }
    const end = await ended;
    context.request.onAbandoned = null;
    if (end === 'givenUp') {
      context.request.releaseFrame();
      context.request.respondNothing();
      return LATER;
    }
    if (end !== 'ready') {
      const errorCode = end === 'timedOut' ? ErrorCode.REQUEST_TIMED_OUT : ErrorCode.KAFKA_STORAGE_ERROR;
      const { ready, unready } = byReadiness(left);
      // They are never appended to: the client tries again.
      answer(unready, (at) => ({ index: unready[at]!.tp.partition, errorCode, baseOffset: -1n }));
      left = ready;
    }
    await append(left);
    return onAppended();
  }

  function byReadiness(wanted: readonly WantedAppend[]): { ready: WantedAppend[]; unready: WantedAppend[] } {
    const [ready, unready]: WantedAppend[][] = [[], []];
    for (const entry of wanted) (replicas.isReadyForAppends(entry.tp) ? ready : unready)!.push(entry);
    return { ready: ready!, unready: unready! };
  }
});

/** A log that was just made needs its disk once: who asks for no replication, and so for no time, waits for that all the same. */
const MIN_READINESS_WAIT_MS = 1000;

/** A partition's records, and the place of its answer. */
interface WantedAppend extends AppendEntry {
  readonly place: number;
}

/** A request may name thousands of partitions: after so many others may run. About 5 ms when their files have to be opened. */
const PARTITIONS_A_STEP = 100;

/** Never a closure: each closure that is a generator function gets a hidden class of its own, which keeps its request for long. */
function* inSteps<T>(parts: readonly T[], step: (part: T) => void): Steps<void> {
  for (const [at, part] of parts.entries()) {
    if (at > 0) yield;
    step(part);
  }
}

function partsOf<T>(entries: readonly T[], size: number): (readonly T[])[] {
  if (entries.length <= size) return [entries];
  const parts: (readonly T[])[] = [];
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
