import { FrameAssembler } from '../../../../src/zookeeper/wire/frame-assembler.js';
import { fc } from '../../../support/fast-check.js';

const framed = (frames: readonly Uint8Array[]): Buffer =>
  Buffer.concat(
    frames.flatMap((frame) => {
      const length = Buffer.alloc(4);
      length.writeInt32BE(frame.length);
      return [length, Buffer.from(frame)];
    }),
  );

test('gives the frames that were sent, however the stream is chopped', () => {
  fc.assert(
    fc.property(
      fc.array(fc.uint8Array({ maxLength: 40 })),
      fc.infiniteStream(fc.integer({ min: 1, max: 30 })),
      (frames, sizes) => {
        const assembler = new FrameAssembler();
        const stream = framed(frames);
        const received: Buffer[] = [];
        for (let offset = 0; offset < stream.length;) {
          const size = sizes.next().value;
          received.push(...assembler.push(stream.subarray(offset, offset + size)));
          offset += size;
        }
        expect(received.map((frame) => frame.toString('hex'))).toEqual(
          frames.map((frame) => Buffer.from(frame).toString('hex')),
        );
      },
    ),
  );
});

test('copies the bytes of a large frame once', () => {
  const assembler = new FrameAssembler();
  const stream = framed([Buffer.alloc(1 << 20, 7)]);
  const concat = jest.spyOn(Buffer, 'concat');
  let frames: Buffer[] = [];
  for (let offset = 0; offset < stream.length; offset += 1024) {
    frames = assembler.push(stream.subarray(offset, offset + 1024));
  }
  expect(frames[0]?.length).toBe(1 << 20);
  // Once to have the whole length, once for the frame.
  expect(concat.mock.calls.length).toBeLessThanOrEqual(2);
  concat.mockRestore();
});

test.each([-1, 2_000])('refuses a length of %d', (length) => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(length);
  expect(() => new FrameAssembler(1_000).push(bytes)).toThrow(RangeError);
});
