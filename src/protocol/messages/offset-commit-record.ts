/** Records of `__consumer_offsets` that hold a committed offset. */
import { int32, int64, message, string, type InputOf, type TypeOf } from '../notation.js';

/** Key of a committed offset. */
export const offsetCommitKey = message(
  { name: 'OffsetCommitKey', kind: 'data', versions: '0-1', flexible: 'none' },
  {
    group: string('0-1'),
    topic: string('0-1'),
    partition: int32('0-1'),
  },
);
export type OffsetCommitKey = TypeOf<typeof offsetCommitKey>;
export type OffsetCommitKeyInput = InputOf<typeof offsetCommitKey>;

/** A committed offset; a null value deletes it. */
export const offsetCommitValue = message(
  { name: 'OffsetCommitValue', kind: 'data', versions: '0-4', flexible: '4+' },
  {
    offset: int64('0+'),
    leaderEpoch: int32('3+', { default: -1, ignorable: true }),
    metadata: string('0+'),
    commitTimestamp: int64('0+'),
    expireTimestamp: int64('1', { default: -1n, ignorable: true }),
  },
);
export type OffsetCommitValue = TypeOf<typeof offsetCommitValue>;
export type OffsetCommitValueInput = InputOf<typeof offsetCommitValue>;
