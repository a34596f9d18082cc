import { FrameAssembler, FrameError, type Frame } from '../../../../src/network/core/frame-assembler.js';
import { RequestMemory } from '../../../../src/network/core/request-memory.js';
import { fc } from '../../../support/fast-check.js';

function framed(body: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeInt32BE(body.length);
  return Buffer.concat([length, body]);
}

/** Brings bytes as a socket does: into the target when there is one, else into a scratch buffer that is used again. */
function feed(assembler: FrameAssembler, bytes: Buffer, pieces: readonly number[]): void {
  const scratch = Buffer.alloc(1000);
  let at = 0;
  for (let i = 0; at < bytes.length; i++) {
    const target = assembler.target() ?? scratch;
    const count = Math.min(target.length, bytes.length - at, pieces[i % pieces.length]!);
    bytes.copy(target, 0, at, at + count);
    const read = target.subarray(0, count);
    if (assembler.isInPlace(read)) assembler.filledInPlace(count);
    else assembler.append(read);
    at += count;
  }
}

describe('the frame assembler', () => {
  test('finds the same frames however the bytes are cut', () => {
    const sizes = fc.array(fc.oneof(fc.integer({ min: 1, max: 50 }), fc.integer({ min: 1, max: 300_000 })), {
      minLength: 1,
      maxLength: 6,
    });
    const pieces = fc.array(fc.integer({ min: 1, max: 70_000 }), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(sizes, pieces, (frameSizes, cuts) => {
        const bodies = frameSizes.map((size, i) => Buffer.alloc(size, i + 1));
        const received: Buffer[] = [];
        const assembler = new FrameAssembler(({ bytes }) => received.push(bytes), 1_000_000);
        // Bytes one at a time would make the property slow on large frames.
        const coarse = frameSizes.some((size) => size > 5000) ? cuts.map((cut) => cut + 500) : cuts;
        feed(assembler, Buffer.concat(bodies.map(framed)), coarse);
        expect(received.map((frame) => frame.length)).toEqual(frameSizes);
        expect(Buffer.concat(received).equals(Buffer.concat(bodies))).toBe(true);
        expect(assembler.target()).toBeNull();
      }),
      { numRuns: 60 },
    );
  });

  test.each([0, -1, -2147483648, 501])('refuses a length of %d', (length) => {
    const assembler = new FrameAssembler(() => undefined, 500);
    const bytes = Buffer.alloc(8);
    bytes.writeInt32BE(length);
    expect(() => assembler.append(bytes)).toThrow(FrameError);
  });

  test('takes memory with what arrives, not with what is announced', () => {
    const memory = new RequestMemory(1_000_000);
    const assembler = new FrameAssembler(() => undefined, 100_000_000, memory);
    const announced = Buffer.alloc(4);
    announced.writeInt32BE(100_000_000);
    assembler.append(announced);
    expect(memory.used).toBe(0);
    assembler.append(Buffer.alloc(1));
    expect(memory.used).toBeLessThanOrEqual(16 * 1024);
    assembler.close();
    expect(memory.used).toBe(0);
  });

  test('holds back what arrives while it waits for memory, and loses nothing of it', () => {
    const memory = new RequestMemory(100_000);
    const hog = memory.account(10_000_000, () => undefined);
    expect(hog.take(200_000)).toBe(true);
    const frames: Frame[] = [];
    const body = Buffer.from(Array.from({ length: 2_000_000 }, (_, i) => i));
    const granted: Buffer[] = [];
    const assembler = new FrameAssembler(
      (frame) => frames.push(frame),
      10_000_000,
      memory,
      (heldBack) => {
        granted.push(heldBack);
        assembler.append(heldBack);
      },
    );
    const bytes = framed(body);
    assembler.append(bytes.subarray(0, 60_000));
    expect(assembler.isWaiting).toBe(true);
    assembler.append(bytes.subarray(60_000, 61_000));
    hog.release();
    expect(assembler.isWaiting).toBe(false);
    assembler.append(bytes.subarray(61_000));
    expect(granted).toHaveLength(1);
    expect(frames[0]!.bytes.equals(body)).toBe(true);
    frames[0]!.memory!.release();
    expect(memory.used).toBe(0);
  });
});
