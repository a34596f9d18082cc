import { divergenceOf } from '../../../../src/replication/core/log-divergence.js';

const log = (logStartOffset: number, logEndOffset: number, ...epochs: [epoch: number, startOffset: number][]) => ({
  logStartOffset,
  logEndOffset,
  epochEntries: epochs.map(([epoch, startOffset]) => ({ epoch, startOffset })),
});

test.each([
  { title: 'nowhere before the smaller end', one: log(0, 9, [0, 0], [1, 5]), other: log(0, 7, [0, 0], [1, 5]), at: 7 },
  { title: 'where one went on in a later epoch', one: log(0, 9, [0, 0]), other: log(0, 9, [0, 0], [2, 4]), at: 4 },
  {
    title: 'where each went on in its own epoch',
    one: log(0, 9, [0, 0], [1, 3]),
    other: log(0, 9, [0, 0], [2, 3]),
    at: 3,
  },
  {
    title: 'at the first of several differences',
    one: log(0, 9, [0, 0], [1, 3], [3, 6]),
    other: log(0, 9, [0, 0], [2, 5], [3, 6]),
    at: 3,
  },
  { title: 'not by an epoch that begins at the end', one: log(0, 5, [0, 0], [3, 5]), other: log(0, 5, [0, 0]), at: 5 },
  { title: 'not before both begin', one: log(4, 9, [2, 4]), other: log(0, 9, [0, 0], [2, 3]), at: 9 },
  { title: 'at the start where an epoch is not known', one: log(0, 5), other: log(0, 5, [0, 0]), at: 0 },
  { title: 'at ends that meet', one: log(5, 9, [1, 5]), other: log(0, 5, [0, 0]), at: 5 },
  {
    title: 'everywhere when they have no offset in common',
    one: log(6, 9, [1, 6]),
    other: log(0, 5, [0, 0]),
    at: null,
  },
])('two logs part $title', ({ one, other, at }) => {
  expect(divergenceOf(one, other)).toBe(at);
  expect(divergenceOf(other, one)).toBe(at);
});
