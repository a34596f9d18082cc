import { settle } from '../../../src/common/index.js';
import { ErrorCode, ApiKey, decodeRequestHeader, encodeRequestFrame } from '../../../src/protocol/index.js';
import { Request } from '../../../src/network/index.js';
import type { AppendCall, AppendResult } from '../../../src/replication/index.js';
import { produce } from '../../../src/server/handlers/produce.js';
import type { BrokerServices } from '../../../src/server/services.js';
import { batchOf } from '../replication/replica-cluster.js';

const TP = { topic: 'orders', partition: 0 };

/** A Produce request and what becomes of it, in order; the append is completed by the test. */
function handle(over: { acks?: number; transactionalId?: string } = {}, ready: Promise<void> | null = null) {
  const body = {
    acks: -1,
    timeoutMs: 1000,
    topicData: [{ name: TP.topic, partitionData: [{ index: 0, records: batchOf(['a']) }] }],
    ...over,
  };
  const frame = Buffer.concat(encodeRequestFrame(ApiKey.Produce, 9, 1, 'c', body)).subarray(4);
  const events: string[] = [];
  const connection = {
    id: '1',
    listenerName: 'PLAINTEXT',
    clientAddress: '127.0.0.1',
    principal: { type: 'User', name: 'ANONYMOUS' },
    clientSoftwareName: 'unknown',
    clientSoftwareVersion: 'unknown',
  };
  const request = new Request(decodeRequestHeader(frame), frame, connection, 0, {
    answered: () => void events.push('answered'),
    refused: (reason) => void events.push(reason),
    allowNext: () => void events.push('next allowed'),
    frameReleased: () => void events.push('frame released'),
    availableAnswerBytes: 1,
  });
  let complete: AppendCall['onComplete'] = () => undefined;
  const services = {
    authorizer: { authorize: () => true },
    metadata: { contains: () => true },
    quotas: { recordAndThrottleMs: () => 0 },
    clock: { monotonicMs: () => 0 },
    replicas: {
      whenReadyForAppends: () => ready,
      appendRecords: (call: AppendCall) => {
        events.push('appended');
        complete = call.onComplete;
      },
    },
  };
  produce.handle(request, services as unknown as BrokerServices);
  const result: AppendResult = {
    tp: TP,
    errorCode: ErrorCode.NONE,
    errorMessage: null,
    baseOffset: 0,
    lastOffset: 0,
    logAppendTimeMs: -1,
    logStartOffset: 0,
    recordErrors: [],
  };
  return { events, complete: () => complete([result]) };
}

test('a Produce that waits for replication keeps nothing of its frame', () => {
  const { events, complete } = handle();
  expect(events).toEqual(['appended', 'frame released', 'next allowed']);
  complete();
  expect(events).toEqual(['appended', 'frame released', 'next allowed', 'answered']);
});

test('a Produce within a transaction keeps its frame until it is answered, for its append may wait for the coordinator', () => {
  const { events, complete } = handle({ transactionalId: 't' });
  expect(events).toEqual(['appended']);
  complete();
  expect(events).toEqual(['appended', 'frame released', 'answered']);
});

test('a Produce to a log that is not ready holds up its own connection alone, and is appended when the log is', async () => {
  let makeReady: () => void = () => undefined;
  const ready = new Promise<void>((resolve) => (makeReady = resolve));
  const { events, complete } = handle({}, ready);
  await settle();
  expect(events).toEqual([]);
  makeReady();
  await settle();
  expect(events).toEqual(['appended', 'frame released', 'next allowed']);
  complete();
  expect(events).toEqual(['appended', 'frame released', 'next allowed', 'answered']);
});
