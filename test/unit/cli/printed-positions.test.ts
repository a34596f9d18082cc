/** A member of a group that joins again goes on behind what it has printed. */
import { PrintedPositions } from '../../../src/cli/commands/printed-positions.js';

const place = (highWatermark = '100', partition = 0) => ({ topic: 't', partition, highWatermark });
/** A batch comes: what is printed of it. */
const printedOf = (positions: PrintedPositions, from: number, to: number, at = place()): number[] => {
  const resumeAt = positions.resumeAtOf(at);
  const printed = Array.from({ length: to - from }, (_, n) => from + n).filter((offset) => BigInt(offset) >= resumeAt);
  if (printed.length > 0) positions.onPrinted(at, BigInt(printed.at(-1)! + 1));
  return printed;
};

let positions: PrintedPositions;
beforeEach(() => {
  positions = new PrintedPositions();
  positions.assigned({ t: [0, 1] });
  expect(printedOf(positions, 0, 10)).toHaveLength(10);
});

test('what was not committed comes again, and is not printed again', () => {
  positions.assigned({ t: [0, 1] });
  expect(printedOf(positions, 4, 13)).toEqual([10, 11, 12]);
  expect(printedOf(positions, 0, 3, place('100', 1))).toEqual([0, 1, 2]);
});

test('also when it joins twice before any record comes', () => {
  positions.assigned({ t: [0] });
  positions.assigned({ t: [0] });
  expect(printedOf(positions, 4, 13)).toEqual([10, 11, 12]);
});

test('what another had meanwhile is read from where that left it', () => {
  positions.assigned({ t: [1] });
  positions.assigned({ t: [0, 1] });
  expect(printedOf(positions, 4, 8)).toEqual([4, 5, 6, 7]);
});

test('going back without joining again, as after offsets were reset, is going back', () => {
  expect(printedOf(positions, 2, 4)).toEqual([2, 3]);
});

test('a topic that was made anew is printed from its beginning', () => {
  positions.assigned({ t: [0] });
  expect(printedOf(positions, 0, 3, place('3'))).toEqual([0, 1, 2]);
});
