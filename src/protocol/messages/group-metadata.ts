/** Records of `__consumer_offsets` that hold a group. */
import { array, bytes, int32, int64, message, string, struct, type InputOf, type TypeOf } from '../notation.js';

/** Key of a group. Version 2; the versions below are those of `OffsetCommitKey`. */
export const groupMetadataKey = message(
  { name: 'GroupMetadataKey', kind: 'data', versions: '2', flexible: 'none' },
  {
    group: string('2'),
  },
);
export type GroupMetadataKey = TypeOf<typeof groupMetadataKey>;
export type GroupMetadataKeyInput = InputOf<typeof groupMetadataKey>;

const memberMetadata = struct('MemberMetadata', {
  memberId: string('0+'),
  groupInstanceId: string('3+', { nullable: '3+', default: null, ignorable: true }),
  clientId: string('0+'),
  clientHost: string('0+'),
  rebalanceTimeout: int32('1+', { default: -1, ignorable: true }),
  sessionTimeout: int32('0+'),
  subscription: bytes('0+'),
  assignment: bytes('0+'),
});

/** A group with its members; a null value deletes it. */
export const groupMetadataValue = message(
  { name: 'GroupMetadataValue', kind: 'data', versions: '0-4', flexible: '4+' },
  {
    protocolType: string('0+'),
    generation: int32('0+'),
    protocol: string('0+', { nullable: '0+' }),
    leader: string('0+', { nullable: '0+' }),
    currentStateTimestamp: int64('2+', { default: -1n, ignorable: true }),
    members: array('0+', memberMetadata),
  },
);
export type GroupMetadataValue = TypeOf<typeof groupMetadataValue>;
export type GroupMetadataValueInput = InputOf<typeof groupMetadataValue>;
export type GroupMetadataValueMemberMetadata = GroupMetadataValue['members'][number];
