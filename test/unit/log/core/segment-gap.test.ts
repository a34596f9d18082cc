import { isLogBroken } from '../../../../src/log/core/segment-gap.js';

const border = { baseOffset: 100, endOffset: 120, nextBaseOffset: 120, hasGapsWithin: false, cleanedUpTo: 0 };

test.each([
  { title: 'goes on where a segment ends', ...border, broken: false },
  { title: 'has lost the end of a segment', ...border, nextBaseOffset: 121, broken: true },
  { title: 'has a segment back that was cut', ...border, nextBaseOffset: 119, broken: true },
  { title: 'was cleaned beyond the gap', ...border, nextBaseOffset: 130, cleanedUpTo: 130, broken: false },
  { title: 'was cleaned up to before the gap', ...border, nextBaseOffset: 130, cleanedUpTo: 129, broken: true },
  { title: 'has gaps of the cleaner elsewhere', ...border, nextBaseOffset: 130, hasGapsWithin: true, broken: false },
  { title: 'overlaps, gaps or not', ...border, nextBaseOffset: 110, hasGapsWithin: true, broken: true },
  { title: 'was split at an offset too far away', ...border, nextBaseOffset: 100 + 2 ** 32, broken: false },
  { title: 'lost all that one segment can hold', ...border, nextBaseOffset: 100 + 2 ** 31, broken: true },
])('a log that $title is broken: $broken', ({ broken, ...given }) => {
  expect(isLogBroken(given)).toBe(broken);
});
