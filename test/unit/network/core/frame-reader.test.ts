import { BufferPool } from '../../../../src/common/index.js';
import { FRAME_GRACE_MS, GRANTED_GRACE_MS } from '../../../../src/network/core/frame-deadline.js';
import { FrameReader } from '../../../../src/network/core/frame-reader.js';
import { Frame, FRAME_TRANSITIONS, FrameError, type FrameState } from '../../../../src/network/core/frame.js';
import { RequestMemory, type FrameMemory } from '../../../../src/network/core/request-memory.js';
import type { ListenerAudience, SenderClass } from '../../../../src/network/core/sender-class.js';
import { ApiKey } from '../../../../src/protocol/index.js';
import { fc } from '../../../support/fast-check.js';

const KIB = 1024;
const MIB = 1024 * KIB;
const MAX_FRAME_BYTES = 10 * MIB;
const SCRATCH_BYTES = 64 * KIB;
const SENT_BYTES = 5 * KIB;

function framed(body: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeInt32BE(body.length);
  return Buffer.concat([length, body]);
}

function announced(length: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(length);
  return bytes;
}

/** A reader with everything around it, and bytes brought to it as a socket does. */
class Lab {
  nowMs = 0;
  mayBegin = true;
  mayHandOut = true;
  audience: ListenerAudience = 'clients';
  /** Of each frame that was whole. */
  readonly areOfBrokers: boolean[] = [];
  maxFrameBytes = MAX_FRAME_BYTES;
  /** Bodies of whole frames, in the order they were handed out. */
  readonly received: Buffer[] = [];
  readonly frames: Frame[] = [];
  readonly turns: (() => void)[] = [];
  readonly memory: RequestMemory;
  readonly reader: FrameReader;
  readonly pool = new BufferPool(MIB);
  private readonly scratch = Buffer.alloc(SCRATCH_BYTES);

  constructor(capacityBytes = 64 * MIB, onFrame: (frame: Frame) => void = (frame) => frame.end()) {
    const lab = this;
    this.memory = new RequestMemory(capacityBytes, (step) => this.turns.push(step));
    this.reader = new FrameReader(
      {
        address: 'client',
        get audience() {
          return lab.audience;
        },
        get maxFrameBytes() {
          return lab.maxFrameBytes;
        },
        get mayBeginFrame() {
          return lab.mayBegin;
        },
        mayHandOut: (isOfBroker) => {
          this.areOfBrokers.push(isOfBroker);
          return lab.mayHandOut;
        },
        onFrame: (frame) => {
          this.received.push(frame.takeBytes());
          this.frames.push(frame);
          onFrame(frame);
        },
        onMemoryGranted: () => this.reader.goOn(),
      },
      { memory: this.memory, framePool: this.pool, scratch: this.scratch, nowMs: () => this.nowMs },
    );
  }

  /** Brings what there is in pieces of at most these sizes, as long as the reader wants bytes; gives what it left in the kernel. */
  feed(bytes: Buffer, pieces: readonly number[] = [Infinity]): Buffer {
    let at = 0;
    for (let i = 0; at < bytes.length && this.reader.wantsBytes; i++) {
      const target = this.reader.target();
      const count = Math.min(target.length, bytes.length - at, pieces[i % pieces.length]!);
      bytes.copy(target, 0, at, at + count);
      this.reader.received(target.subarray(0, count));
      at += count;
    }
    return bytes.subarray(at);
  }

  /** Takes all the memory that a class has left, so that whoever asks has to wait; gives what has to be released. */
  fill(senderClass: SenderClass): FrameMemory[] {
    const eighths = { broker: 1, claimedBroker: 1, small: 3, large: 4 }[senderClass];
    const left = Math.floor((this.memory.capacityBytes / 8) * eighths) - this.memory.heldBy(senderClass);
    // The first overdraws, each of the others takes half of what there is.
    const accounts = [this.take(senderClass, this.memory.capacityBytes)];
    for (let rest = left; rest > 1; rest = Math.ceil(rest / 2)) {
      accounts.push(this.take(senderClass, Math.floor(rest / 2), `other ${rest}`));
    }
    for (const { isGranted } of accounts) expect(isGranted).toBe(true);
    return accounts;
  }

  take(senderClass: SenderClass, bytes: number, address = 'other'): FrameMemory {
    return this.memory.take(senderClass, bytes, { address, onMemoryGranted: () => undefined });
  }

  runTurns(): void {
    for (let turn = this.turns.shift(); turn; turn = this.turns.shift()) turn();
  }
}

describe('the frame reader', () => {
  test('finds the same frames however the bytes are cut, with room to read ahead and without', () => {
    const sizes = fc.array(
      fc.oneof(
        fc.integer({ min: 1, max: 70 }),
        fc.integer({ min: 4000, max: 4200 }),
        fc.integer({ min: 1, max: 300_000 }),
      ),
      { minLength: 1, maxLength: 6 },
    );
    const pieces = fc.array(fc.integer({ min: 1, max: 70_000 }), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(sizes, pieces, fc.constantFrom(64 * MIB, 400 * KIB), (frameSizes, cuts, capacityBytes) => {
        const bodies = frameSizes.map((size, i) => Buffer.alloc(size, i + 1));
        const lab = new Lab(capacityBytes);
        // Bytes one at a time would make the property slow on large frames.
        const coarse = frameSizes.some((size) => size > 5000) ? cuts.map((cut) => cut + 500) : cuts;
        expect(lab.feed(Buffer.concat(bodies.map(framed)), coarse)).toHaveLength(0);
        expect(lab.received.map(({ length }) => length)).toEqual(frameSizes);
        expect(Buffer.concat(lab.received).equals(Buffer.concat(bodies))).toBe(true);
        expect(lab.memory.used).toBe(0);
      }),
      { numRuns: 100 },
    );
  });

  test('finds the same frames when each has to wait for its turn, and holds back no more than was read at once', () => {
    const sizes = fc.array(fc.oneof(fc.integer({ min: 1, max: 5000 }), fc.integer({ min: 1, max: 200_000 })), {
      minLength: 1,
      maxLength: 8,
    });
    const pieces = fc.array(fc.integer({ min: 400, max: 70_000 }), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(sizes, pieces, fc.constantFrom(64 * MIB, 400 * KIB), (frameSizes, cuts, capacityBytes) => {
        const bodies = frameSizes.map((size, i) => Buffer.alloc(size, i + 1));
        const lab: Lab = new Lab(capacityBytes, () => (lab.mayBegin = false));
        let left = lab.feed(Buffer.concat(bodies.map(framed)), cuts);
        for (let answered = 0; answered < bodies.length; answered++) {
          expect(lab.received).toHaveLength(answered + 1);
          expect(lab.memory.used).toBeLessThanOrEqual(frameSizes[answered]! + SCRATCH_BYTES);
          lab.frames[answered]!.end();
          lab.mayBegin = true;
          lab.reader.goOn();
          left = lab.feed(left, cuts);
        }
        expect(Buffer.concat(lab.received).equals(Buffer.concat(bodies))).toBe(true);
        expect([left.length, lab.memory.used]).toEqual([0, 0]);
      }),
      { numRuns: 60 },
    );
  });

  test.each([0, -1, -2147483648, 501])('refuses a length of %d, whole or byte by byte', (length) => {
    for (const pieces of [[8], [1]]) {
      const lab = new Lab();
      lab.maxFrameBytes = 500;
      expect(() => lab.feed(Buffer.concat([announced(length), Buffer.alloc(4)]), pieces)).toThrow(FrameError);
    }
  });

  test('takes the bound of a frame as it is when its length comes', () => {
    const lab = new Lab();
    lab.feed(framed(Buffer.alloc(600)));
    lab.maxFrameBytes = 500;
    expect(() => lab.feed(announced(600))).toThrow('a frame of 600 bytes, allowed are 1 to 500');
  });

  test('takes nothing for a frame of up to 4 KiB, though no memory is left', () => {
    const lab = new Lab(MIB);
    for (const senderClass of ['broker', 'small', 'large'] as const) lab.fill(senderClass);
    const before = lab.memory.used;
    lab.feed(framed(Buffer.alloc(4 * KIB)), [100]);
    expect(lab.received).toHaveLength(1);
    expect(lab.memory.used).toBe(before);
  });

  test('takes nothing for what is announced until 4 KiB of it have come, and then the whole, once', () => {
    const lab = new Lab();
    lab.feed(Buffer.concat([announced(MAX_FRAME_BYTES), Buffer.alloc(4 * KIB - 1)]), [1000]);
    expect(lab.memory.used).toBe(0);
    lab.feed(Buffer.alloc(1));
    expect([lab.memory.heldBy('large'), lab.memory.used]).toEqual([MAX_FRAME_BYTES, MAX_FRAME_BYTES]);
    lab.feed(Buffer.alloc(100_000));
    expect(lab.memory.used).toBe(MAX_FRAME_BYTES);
    lab.reader.close();
    expect(lab.memory.used).toBe(0);
  });

  test('waits for memory without a byte more than it asked for, and goes on in a turn of its own', () => {
    const lab = new Lab(MIB);
    const accounts = lab.fill('small');
    const body = Buffer.from(Array.from({ length: 60_000 }, (_, i) => i));
    const held = lab.memory.used;
    const left = lab.feed(framed(body), [20_000]);
    expect([lab.reader.isWaiting, lab.reader.wantsBytes, lab.memory.waiters]).toEqual([true, false, 1]);
    // What was read already is counted.
    expect(lab.memory.used - held).toBe(20_000 - 4);
    for (const account of accounts) account.release();
    expect(lab.reader.isWaiting).toBe(true);
    lab.runTurns();
    expect([lab.reader.isWaiting, lab.reader.wantsBytes]).toEqual([false, true]);
    lab.feed(left);
    expect(lab.received[0]!.equals(body)).toBe(true);
    expect(lab.memory.used).toBe(0);
  });

  test('reads no more than 4 KiB at once while there is no room to read ahead, and the rest stays in the kernel', () => {
    const lab: Lab = new Lab(64 * KIB, () => (lab.mayBegin = false));
    const frames = Buffer.concat(Array.from({ length: 20 }, (_, i) => framed(Buffer.alloc(500, i))));
    let left = lab.feed(frames);
    expect(lab.received).toHaveLength(1);
    expect(frames.length - left.length).toBe(4 * KIB + 4);
    expect([lab.reader.wantsBytes, lab.reader.hasBacklog, lab.memory.used]).toEqual([
      false,
      true,
      4 * KIB + 4 - 504 - 4,
    ]);
    for (let answered = 0; answered < 20; answered++) {
      lab.frames[answered]!.end();
      lab.mayBegin = true;
      lab.reader.goOn();
      left = lab.feed(left);
    }
    expect(lab.received.map((body) => body[0])).toEqual(Array.from({ length: 20 }, (_, i) => i));
    expect(lab.memory.used).toBe(0);
  });

  test('reads no more than that either behind the length of the next frame, where there was room before', () => {
    const lab: Lab = new Lab(64 * KIB, () => (lab.mayBegin = false));
    lab.feed(framed(Buffer.alloc(500)));
    lab.memory.countReadAhead(64 * KIB);
    lab.reader.received(announced(500));
    expect(lab.reader.target().length).toBe(4 * KIB + 4);
  });

  test('makes room for a large frame as it comes, not as it is announced', () => {
    const lab = new Lab(64 * MIB);
    const taken = jest.spyOn(lab.pool, 'take');
    const body = Buffer.alloc(MAX_FRAME_BYTES, 5);
    const sent = framed(body);
    lab.feed(sent.subarray(0, 6 * KIB));
    expect(taken.mock.calls).toEqual([[64 * KIB]]);
    lab.feed(sent.subarray(6 * KIB, 300 * KIB));
    expect(taken.mock.calls.slice(1)).toEqual([[256 * KIB], [MIB]]);
    lab.feed(sent.subarray(300 * KIB), [70_000]);
    expect(lab.received[0]!.equals(body)).toBe(true);
    expect(taken.mock.calls.slice(3)).toEqual([[4 * MIB], [MAX_FRAME_BYTES]]);
    expect(lab.memory.used).toBe(0);
  });

  test('makes no buffer for a frame that waits, nor for one that may go on, until its bytes come', () => {
    const lab = new Lab(MIB);
    const accounts = lab.fill('small');
    const taken = jest.spyOn(lab.pool, 'take');
    lab.feed(Buffer.concat([announced(60_000), Buffer.alloc(4 * KIB)]), [1000]);
    for (const account of accounts) account.release();
    lab.runTurns();
    expect(taken.mock.calls).toEqual([[4 * KIB]]);
    lab.feed(Buffer.alloc(1));
    expect(taken.mock.calls).toEqual([[4 * KIB], [60_000]]);
  });

  test('keeps what arrives although it wants nothing more', () => {
    const lab: Lab = new Lab(64 * MIB, () => (lab.mayBegin = false));
    const frames = Buffer.concat([1, 2, 3].map((i) => framed(Buffer.alloc(500, i))));
    lab.feed(frames.subarray(0, 600));
    for (const at of [600, 900]) {
      const target = lab.reader.target();
      const count = frames.copy(target, 0, at, Math.min(at + 300, frames.length));
      lab.reader.received(target.subarray(0, count));
    }
    for (const frame of [0, 1]) {
      lab.frames[frame]!.end();
      lab.mayBegin = true;
      lab.reader.goOn();
    }
    expect(lab.received.map((body) => body[0])).toEqual([1, 2]);
    lab.feed(frames.subarray(1200));
    lab.frames[2]!.end();
    expect(Buffer.concat(lab.received.map(framed)).equals(frames)).toBe(true);
    expect(lab.memory.used).toBe(0);
  });

  test.each([
    { title: 'in the middle of a frame', bytes: Buffer.concat([announced(100_000), Buffer.alloc(50_000)]) },
    { title: 'behind one that is handled', bytes: Buffer.concat([1, 2, 3].map(() => framed(Buffer.alloc(100)))) },
    { title: 'in the middle of a length', bytes: Buffer.from([0, 0]) },
  ])('gives back all it holds when the connection is closed $title, once', ({ bytes }) => {
    const lab: Lab = new Lab(64 * MIB, () => (lab.mayBegin = false));
    lab.feed(bytes);
    lab.reader.close();
    for (const frame of lab.frames) frame.end();
    lab.reader.close();
    expect(lab.memory.used).toBe(0);
  });

  test('is let go of while it waits, and is not let go on afterwards', () => {
    const lab = new Lab(MIB);
    const accounts = lab.fill('small');
    lab.feed(framed(Buffer.alloc(60_000)));
    expect(lab.memory.waiters).toBe(1);
    lab.reader.close();
    for (const account of accounts) account.release();
    lab.runTurns();
    expect([lab.memory.waiters, lab.memory.used, lab.received.length]).toEqual([0, 0, 0]);
  });

  test('stops in the middle of what was read when its connection is closed by a handler', () => {
    const lab: Lab = new Lab(64 * MIB, (frame) => {
      frame.end();
      lab.reader.close();
    });
    lab.feed(Buffer.concat([1, 2, 3].map((i) => framed(Buffer.alloc(500, i)))));
    expect([lab.received.length, lab.memory.used]).toEqual([1, 0]);
  });
});

describe('the least rate of a frame', () => {
  /** A frame of which 5 KiB came, while another one waits for memory. */
  function begun(frameBytes: number): Lab {
    const lab = new Lab(64 * MIB);
    const senderClass = frameBytes <= 64 * KIB ? 'small' : 'large';
    lab.feed(Buffer.concat([announced(frameBytes), Buffer.alloc(Math.min(frameBytes - 1, SENT_BYTES))]));
    lab.fill(senderClass);
    expect(lab.take(senderClass, 1).isGranted).toBe(false);
    return lab;
  }

  test.each([
    { title: 'a frame that stands still', frameBytes: 60_000, everyMs: 1000, bytes: 0, isLate: true },
    { title: 'a byte now and then', frameBytes: 60_000, everyMs: 1000, bytes: 1, isLate: true },
    { title: 'a slow modem', frameBytes: 60_000, everyMs: 1000, bytes: 17_000, isLate: false },
    { title: 'the same rate for 10 MB', frameBytes: 10_000_000, everyMs: 1000, bytes: 17_000, isLate: true },
    { title: '10 MB in half a minute', frameBytes: 10_000_000, everyMs: 1000, bytes: 334_000, isLate: false },
    { title: 'a pause of less than two seconds', frameBytes: 10_000_000, everyMs: 1900, bytes: 640_000, isLate: false },
  ])('$title: late is $isLate', ({ frameBytes, everyMs, bytes, isLate }) => {
    const lab = begun(frameBytes);
    let wasLate = false;
    for (let sent = SENT_BYTES, round = 0; sent < frameBytes && round < 25; round++) {
      lab.nowMs += everyMs;
      wasLate ||= lab.reader.isLate(lab.nowMs);
      const count = Math.min(bytes, frameBytes - sent);
      lab.feed(Buffer.alloc(count));
      sent += count;
    }
    expect(wasLate).toBe(isLate);
  });

  test('a frame that came quickly at first may not stand still for it', () => {
    const lab = begun(MAX_FRAME_BYTES);
    lab.feed(Buffer.alloc(9 * MIB));
    lab.nowMs += FRAME_GRACE_MS;
    expect(lab.reader.isLate(lab.nowMs)).toBe(false);
    lab.nowMs += 1;
    expect(lab.reader.isLate(lab.nowMs)).toBe(true);
  });

  test('a frame that takes nothing of the memory, or of a class for which no one waits, has all the time it likes', () => {
    const tiny = begun(4 * KIB);
    const small = new Lab();
    small.feed(Buffer.concat([announced(60_000), Buffer.alloc(SENT_BYTES)]));
    small.fill('large');
    expect(small.take('large', 1).isGranted).toBe(false);
    for (const lab of [tiny, small]) {
      lab.nowMs += 3_600_000;
      expect(lab.reader.isLate(lab.nowMs)).toBe(false);
    }
  });

  test.each([
    { title: 'what its sender could send meanwhile has two seconds', arrives: 40_000, graceMs: FRAME_GRACE_MS },
    { title: 'nothing has half a second', arrives: 0, graceMs: GRANTED_GRACE_MS },
  ])('a frame that waited for memory and then brings $title from then on', ({ arrives, graceMs }) => {
    const lab = new Lab(MIB);
    const accounts = lab.fill('small');
    lab.feed(Buffer.concat([announced(60_000), Buffer.alloc(SENT_BYTES)]));
    lab.nowMs += 60_000;
    expect([lab.reader.isWaiting, lab.reader.isLate(lab.nowMs)]).toEqual([true, false]);
    for (const account of accounts) account.release();
    lab.runTurns();
    lab.fill('small');
    expect(lab.take('small', 1).isGranted).toBe(false);
    lab.feed(Buffer.alloc(arrives));
    lab.nowMs += graceMs;
    expect(lab.reader.isLate(lab.nowMs)).toBe(false);
    lab.nowMs += 1;
    expect(lab.reader.isLate(lab.nowMs)).toBe(true);
  });
});

test('a producer on a satellite link that had to wait is not cut off: a window of 64 KiB each 600 ms', () => {
  const lab = new Lab();
  const accounts = lab.fill('large');
  lab.feed(Buffer.concat([announced(1_000_000), Buffer.alloc(SENT_BYTES)]));
  lab.nowMs += 23_000;
  for (const account of accounts) account.release();
  lab.runTurns();
  lab.fill('large');
  expect(lab.take('large', 1).isGranted).toBe(false);
  // One window is in the kernel; the next one begins its way when that is read.
  for (let left = 1_000_000 - SENT_BYTES; left > 0; left -= 64 * KIB) {
    expect(lab.reader.isLate(lab.nowMs)).toBe(false);
    lab.feed(Buffer.alloc(Math.min(64 * KIB, left)));
    lab.nowMs += 600;
  }
  expect(lab.received).toHaveLength(1);
});

describe('a whole frame whose turn has not come', () => {
  const small = framed(Buffer.from('one'));
  const large = framed(Buffer.alloc(100 * KIB, 7));

  test.each([
    ['a small one', small],
    ['a large one', large],
  ])('%s is kept, and nothing behind it is read, until its connection is called', (_case, bytes) => {
    const lab = new Lab();
    lab.mayHandOut = false;
    const rest = lab.feed(Buffer.concat([bytes, small]));
    expect([lab.received.length, lab.reader.wantsBytes, lab.reader.hasBacklog]).toEqual([0, false, true]);
    lab.reader.goOn();
    expect(lab.received).toHaveLength(0);

    lab.mayHandOut = true;
    lab.reader.goOn();
    lab.feed(rest);
    expect(lab.received.map((frame) => framed(frame))).toEqual([bytes, small]);
    expect([lab.reader.wantsBytes, lab.memory.used]).toEqual([true, 0]);
  });

  test('waits as a broker’s or as a client’s, each by its own header', () => {
    const of = (apiKey: number): Buffer => {
      const frame = Buffer.alloc(20);
      frame.writeInt16BE(apiKey);
      return framed(frame);
    };
    const lab = new Lab();
    lab.audience = 'brokersAndClients';
    lab.feed(Buffer.concat([of(ApiKey.LeaderAndIsr), of(ApiKey.Metadata), of(ApiKey.UpdateMetadata)]));
    lab.audience = 'brokers';
    lab.feed(of(ApiKey.Metadata));
    expect(lab.areOfBrokers).toEqual([true, false, true, true]);
  });

  test('is not late, however long the others take, and what is read all the same is not lost', () => {
    const lab = new Lab();
    lab.mayHandOut = false;
    lab.feed(large);
    lab.reader.received(small);
    lab.reader.received(small);
    lab.fill('large');
    expect(lab.take('large', 1).isGranted).toBe(false);
    lab.nowMs += 10 * FRAME_GRACE_MS;
    expect(lab.reader.isLate(lab.nowMs)).toBe(false);
    lab.mayHandOut = true;
    lab.reader.goOn();
    expect(lab.received.map((frame) => framed(frame))).toEqual([large, small, small]);
  });

  test('gives its memory back when the connection closes', () => {
    const lab = new Lab();
    lab.mayHandOut = false;
    lab.feed(large);
    expect(lab.memory.used).toBe(100 * KIB);
    lab.reader.close();
    expect(lab.memory.used).toBe(0);
    lab.mayHandOut = true;
    lab.reader.goOn();
    expect(lab.received).toHaveLength(0);
  });
});

describe('the states of a frame', () => {
  test('only the steps of the table may be taken', () => {
    /** A frame that went there by the shortest way. */
    const ways: Readonly<Record<FrameState, readonly FrameState[]>> = {
      length: [],
      filling: ['filling'],
      waiting: ['waiting'],
      whole: ['filling', 'whole'],
      handedOut: ['filling', 'whole', 'handedOut'],
      answered: ['answered'],
    };
    const states = Object.keys(FRAME_TRANSITIONS) as FrameState[];
    for (const from of states) {
      for (const to of states) {
        const frame = new Frame();
        for (const step of ways[from]) frame.become(step);
        const isAllowed = (FRAME_TRANSITIONS[from] as readonly FrameState[]).includes(to);
        if (isAllowed) frame.become(to);
        else expect(() => frame.become(to)).toThrow(`a frame does not go from ${from} to ${to}`);
        expect(frame.state).toBe(isAllowed ? to : from);
      }
    }
  });

  test('its bytes are given out when it is whole, and once', () => {
    const lab = new Lab(64 * MIB, () => undefined);
    lab.feed(framed(Buffer.alloc(5000)));
    const [frame] = lab.frames;
    expect(() => frame!.takeBytes()).toThrow('a frame is handed out whole');
    expect(lab.memory.used).toBe(5000);
    frame!.releaseMemory();
    expect(lab.memory.used).toBe(0);
    frame!.end();
    expect(() => frame!.end()).toThrow('a frame does not go from answered to answered');
  });
});
