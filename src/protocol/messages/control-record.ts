/** Keys and values of control records. */
import { array, int16, int32, message, struct, type InputOf, type TypeOf } from '../notation.js';

/** Key of a control record. Type 0 is ABORT, 1 COMMIT, 2 LEADER_CHANGE, 3 SNAPSHOT_HEADER, 4 SNAPSHOT_FOOTER; any other is unknown and skipped. */
export const controlRecordKey = message(
  { name: 'ControlRecordKey', kind: 'data', versions: '0', flexible: 'none' },
  {
    version: int16('0+'),
    type: int16('0+'),
  },
);
export type ControlRecordKey = TypeOf<typeof controlRecordKey>;
export type ControlRecordKeyInput = InputOf<typeof controlRecordKey>;

/** Value of a COMMIT or ABORT record. A reader takes a higher version for version 0. */
export const endTxnMarker = message(
  { name: 'EndTxnMarker', kind: 'data', versions: '0', flexible: 'none' },
  {
    version: int16('0+'),
    coordinatorEpoch: int32('0+'),
  },
);
export type EndTxnMarker = TypeOf<typeof endTxnMarker>;
export type EndTxnMarkerInput = InputOf<typeof endTxnMarker>;

const voter = struct('Voter', {
  voterId: int32('0+'),
});

/** Value of a LEADER_CHANGE record: KRaft only, known to readers of logs. Holds its version itself. */
export const leaderChangeMessage = message(
  { name: 'LeaderChangeMessage', kind: 'data', versions: '0', flexible: '0+' },
  {
    version: int16('0+'),
    leaderId: int32('0+'),
    voters: array('0+', voter),
    grantingVoters: array('0+', voter),
  },
);
export type LeaderChangeMessage = TypeOf<typeof leaderChangeMessage>;
export type LeaderChangeMessageInput = InputOf<typeof leaderChangeMessage>;
export type LeaderChangeMessageVoter = LeaderChangeMessage['voters'][number];
