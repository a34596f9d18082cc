import { ProducerStateEntry } from '../../../../src/log/core/producer-state-entry.js';
import { ProducerStateManager } from '../../../../src/log/core/producer-state-manager.js';
import type { AppendOrigin } from '../../../../src/log/index.js';

const CONFIG = { maxTransactionTimeoutMs: 900_000, producerIdExpirationMs: 1000, transactionVerificationEnabled: true };

function newState(): ProducerStateManager {
  return new ProducerStateManager('orders-0', CONFIG);
}

interface Append {
  epoch?: number;
  sequence: number;
  count?: number;
  offset: number;
  transactional?: boolean;
  timestamp?: number;
  origin?: AppendOrigin;
}

function append(state: ProducerStateManager, options: Append, producerId = 1): void {
  const {
    epoch = 0,
    sequence,
    count = 1,
    offset,
    transactional = false,
    timestamp = 5000,
    origin = 'client',
  } = options;
  const info = state.prepareUpdate(producerId, origin);
  info.appendDataBatch(
    {
      producerEpoch: epoch,
      baseSequence: sequence,
      lastSequence: (sequence + count - 1) % 0x80000000,
      maxTimestamp: timestamp,
      baseOffset: offset,
      lastOffset: offset + count - 1,
      isTransactional: transactional,
    },
    null,
  );
  state.update(info);
}

function end(
  state: ProducerStateManager,
  offset: number,
  options: { abort?: boolean; epoch?: number; coordinatorEpoch?: number } = {},
  producerId = 1,
) {
  const { abort = false, epoch = 0, coordinatorEpoch = 0 } = options;
  const info = state.prepareUpdate(producerId, 'coordinator');
  const completed = info.appendEndTxnMarker({ isAbort: abort, coordinatorEpoch }, epoch, offset, 6000);
  state.update(info);
  if (completed) state.completeTxn(completed);
  return completed;
}

describe('sequences of a producer', () => {
  test.each<{ title: string; next: Append; refused: string | null }>([
    { title: 'go on', next: { sequence: 3, offset: 3 }, refused: null },
    { title: 'have no gap', next: { sequence: 5, offset: 3 }, refused: 'OUT_OF_ORDER_SEQUENCE_NUMBER' },
    { title: 'do not go back', next: { sequence: 0, offset: 3 }, refused: 'OUT_OF_ORDER_SEQUENCE_NUMBER' },
    { title: 'begin anew with a new epoch', next: { epoch: 1, sequence: 0, offset: 3 }, refused: null },
    {
      title: 'begin at 0 in a new epoch',
      next: { epoch: 1, sequence: 3, offset: 3 },
      refused: 'OUT_OF_ORDER_SEQUENCE_NUMBER',
    },
    {
      title: 'are the leader’s business when replicated',
      next: { sequence: 9, offset: 3, origin: 'replication' },
      refused: null,
    },
  ])('$title', ({ next, refused }) => {
    const state = newState();
    append(state, { sequence: 0, count: 3, offset: 0 });
    if (refused) expect(() => append(state, next)).toThrow(expect.objectContaining({ kind: refused }));
    else append(state, next);
  });

  test('wrap around', () => {
    const state = newState();
    append(state, { sequence: 0x7ffffffe, count: 2, offset: 0 });
    append(state, { sequence: 0, offset: 2 });
    expect(state.lastEntry(1)!.lastSequence).toBe(0);
  });

  test('of a producer nobody knows may begin anywhere', () => {
    const state = newState();
    append(state, { sequence: 42, offset: 0 });
    expect(state.lastEntry(1)!.firstSequence).toBe(42);
  });

  test('are remembered for five batches', () => {
    const state = newState();
    for (let sequence = 0; sequence < 7; sequence++) append(state, { sequence, offset: sequence });
    const entry = state.lastEntry(1)!;
    expect(entry.batches.map((batch) => batch.lastSequence)).toEqual([2, 3, 4, 5, 6]);
    expect(entry.findDuplicate(0, 2, 2)).toMatchObject({ lastOffset: 2 });
    expect(entry.findDuplicate(0, 1, 1)).toBeUndefined();
    expect(entry.findDuplicate(1, 2, 2)).toBeUndefined();
  });
});

describe('transactions', () => {
  test('hold back the first unstable offset until the marker is below the high watermark', () => {
    const state = newState();
    append(state, { sequence: 0, offset: 10, transactional: true });
    append(state, { sequence: 0, offset: 12, transactional: true }, 2);
    expect(state.firstUnstableOffset!.messageOffset).toBe(10);
    expect(end(state, 14, { abort: true })).toEqual({
      producerId: 1,
      firstOffset: 10,
      lastOffset: 14,
      isAborted: true,
    });
    expect(state.firstUnstableOffset!.messageOffset).toBe(10);
    state.onHighWatermarkUpdated(14);
    expect(state.firstUnstableOffset!.messageOffset).toBe(10);
    state.onHighWatermarkUpdated(15);
    expect(state.firstUnstableOffset!.messageOffset).toBe(12);
  });

  test('let consumers read up to the next open one', () => {
    const state = newState();
    append(state, { sequence: 0, offset: 10, transactional: true });
    append(state, { sequence: 0, offset: 12, transactional: true }, 2);
    const completed = { producerId: 1, firstOffset: 10, lastOffset: 14, isAborted: true };
    expect(state.lastStableOffset(completed)).toBe(12);
    end(state, 13, {}, 2);
    expect(state.lastStableOffset(completed)).toBe(15);
  });

  test('take no other records of their producer', () => {
    const state = newState();
    append(state, { sequence: 0, offset: 0, transactional: true });
    expect(() => append(state, { sequence: 1, offset: 1 })).toThrow(
      expect.objectContaining({ kind: 'INVALID_TXN_STATE' }),
    );
  });

  test('are ended by the newest coordinator only', () => {
    const state = newState();
    end(state, 0, { coordinatorEpoch: 5 });
    expect(() => end(state, 1, { coordinatorEpoch: 4 })).toThrow(
      expect.objectContaining({ kind: 'TRANSACTION_COORDINATOR_FENCED' }),
    );
    expect(() => end(state, 1, { coordinatorEpoch: 5, epoch: -1 })).toThrow(
      expect.objectContaining({ kind: 'INVALID_PRODUCER_EPOCH' }),
    );
  });

  test('that hang are late', () => {
    const state = newState();
    append(state, { sequence: 0, offset: 0, transactional: true, timestamp: 1000 });
    const limitMs = 1000 + CONFIG.maxTransactionTimeoutMs + 5 * 60_000;
    expect(state.hasLateTransaction(limitMs)).toBe(false);
    expect(state.hasLateTransaction(limitMs + 1)).toBe(true);
  });
});

test('producers that wrote nothing for long are forgotten, unless a transaction is open', () => {
  const state = newState();
  append(state, { sequence: 0, offset: 0, timestamp: 5000 }, 1);
  append(state, { sequence: 0, offset: 1, timestamp: 5000, transactional: true }, 2);
  state.removeExpired(5999);
  expect([...state.activeProducers.keys()]).toEqual([1, 2]);
  state.removeExpired(6000);
  expect([...state.activeProducers.keys()]).toEqual([2]);
});

test('while a transaction is verified, a sequence after a missing one is refused', () => {
  const state = newState();
  const guard = state.maybeCreateVerificationGuard(1, 4, 0, 0);
  expect(state.maybeCreateVerificationGuard(1, 3, 0, 0)).toBe(guard);
  expect(() => append(state, { sequence: 4, offset: 0, transactional: true })).toThrow(
    expect.objectContaining({ kind: 'OUT_OF_ORDER_SEQUENCE_NUMBER' }),
  );
  append(state, { sequence: 3, offset: 0, transactional: true });
});

test('an entry restored from the log has its batches in order and no more than five', () => {
  const batch = (lastSequence: number) => ({ lastSequence, lastOffset: lastSequence, offsetDelta: 0, timestamp: 0 });
  const entry = new ProducerStateEntry(1, 0, -1, 0, null, batch(9));
  entry.historyIncomplete = true;
  entry.restoreEarlier([3, 4, 5, 6, 7, 8].map(batch));
  expect(entry.batches.map((one) => one.lastSequence)).toEqual([5, 6, 7, 8, 9]);
  expect(entry.historyIncomplete).toBe(false);
});
