import type { Invariant } from '../support/invariant.js';
import { acknowledgedConfigsAreInForce } from './acknowledged-configs.js';
import { acknowledgedRecordsSurvive } from './acknowledged-records-survive.js';
import { consumersSeeWhatStays } from './consumers-see-what-stays.js';
import { deletedByTheirId } from './deleted-by-id.js';
import { deletedTopicsLeaveNothing } from './deleted-topics.js';
import { epochsNeverFall } from './epochs-never-fall.js';
import { epochsBeginOnce } from './epochs-begin-once.js';
import { everybodyAgrees } from './everybody-agrees.js';
import { followersAgree } from './followers-agree.js';
import { highWatermarkIsCommitted } from './high-watermark.js';
import { idempotence } from './idempotence.js';
import { leaderInIsr } from './leader-in-isr.js';
import { logsHaveNoHoles } from './logs-have-no-holes.js';
import { nobodyForgetsTopics } from './nobody-forgets-topics.js';
import { offsetsInOrder } from './offsets-in-order.js';
import { noMorePartitions } from './no-more-partitions.js';
import { oldControllersWriteNothing } from './old-controllers-write-nothing.js';
import { oneCoordinatorPerGroup } from './one-coordinator.js';
import { oneLeaderPerEpoch } from './one-leader-per-epoch.js';
import { whatRestsIsAtItsEnd } from './what-rests-is-at-its-end.js';

/** All of them, anew for a run. */
export function allInvariants(): Invariant[] {
  return [
    oneLeaderPerEpoch(),
    epochsNeverFall(),
    oldControllersWriteNothing(),
    leaderInIsr(),
    highWatermarkIsCommitted(),
    acknowledgedRecordsSurvive(),
    consumersSeeWhatStays(),
    followersAgree(),
    deletedTopicsLeaveNothing(),
    everybodyAgrees(),
    idempotence(),
    epochsBeginOnce(),
    offsetsInOrder(),
    logsHaveNoHoles(),
    whatRestsIsAtItsEnd(),
    nobodyForgetsTopics(),
    noMorePartitions(),
    oneCoordinatorPerGroup(),
    acknowledgedConfigsAreInForce(),
    deletedByTheirId(),
  ];
}
