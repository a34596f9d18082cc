import { deletableSegments } from '../../../../src/log/core/retention.js';
import { shouldRoll } from '../../../../src/log/core/roll.js';

/** Four segments of 100 bytes and ten offsets, the last active; their newest records are 40, 30, 20 and 10 ms old. */
const base = {
  segments: [0, 10, 20, 30].map((baseOffset, at) => ({
    baseOffset,
    sizeInBytes: 100,
    largestTimestamp: () => 960 + at * 10,
  })),
  logStartOffset: 0,
  logEndOffset: 40,
  highWatermark: 40,
  deletes: true,
  retentionMs: -1,
  retentionBytes: -1,
  nowMs: 1000,
};

test.each([
  { title: 'nothing without limits', change: {}, count: 0 },
  { title: 'older than retention.ms', change: { retentionMs: 25 }, count: 2, reason: 'retention time breach' },
  {
    title: 'all of them by time, the active one too',
    change: { retentionMs: 5 },
    count: 4,
    reason: 'retention time breach',
  },
  {
    title: 'beyond retention.bytes, whole segments only',
    change: { retentionBytes: 250 },
    count: 1,
    reason: 'retention size breach',
  },
  { title: 'none when the rest would be too small', change: { retentionBytes: 301 }, count: 0 },
  { title: 'all but what the high watermark has not passed', change: { retentionMs: 5, highWatermark: 20 }, count: 2 },
  {
    title: 'below the log start offset, though nothing else limits',
    change: { logStartOffset: 25, deletes: false },
    count: 2,
    reason: 'log start offset breach',
  },
  {
    title: 'not by time or size when the log is only compacted',
    change: { retentionMs: 5, retentionBytes: 0, deletes: false },
    count: 0,
  },
])('deletes $title', ({ change, count, reason }) => {
  const result = deletableSegments({ ...base, ...change });
  expect(result.count).toBe(count);
  if (reason) expect(result.reason).toBe(reason);
});

test('never deletes an empty active segment', () => {
  const segments = [{ baseOffset: 40, sizeInBytes: 0, largestTimestamp: () => 0 }];
  expect(deletableSegments({ ...base, segments, retentionMs: 1 }).count).toBe(0);
});

const fits = {
  segmentSizeInBytes: 500,
  appendSizeInBytes: 100,
  maxSegmentBytes: 1000,
  timeWaitedMs: 10,
  maxSegmentMs: 100,
  isIndexFull: false,
  fitsRelativeOffset: true,
};

test.each([
  { title: 'stays while there is room', change: {}, rolls: false },
  { title: 'fills a segment to the last byte', change: { appendSizeInBytes: 500 }, rolls: false },
  { title: 'rolls by size', change: { appendSizeInBytes: 501 }, rolls: true },
  { title: 'rolls by time', change: { timeWaitedMs: 101 }, rolls: true },
  { title: 'never rolls an empty segment by time', change: { timeWaitedMs: 101, segmentSizeInBytes: 0 }, rolls: false },
  { title: 'rolls when an index is full', change: { isIndexFull: true }, rolls: true },
  { title: 'rolls when the offset is too far', change: { fitsRelativeOffset: false }, rolls: true },
])('an append $title', ({ change, rolls }) => {
  expect(shouldRoll({ ...fits, ...change })).toBe(rolls);
});
