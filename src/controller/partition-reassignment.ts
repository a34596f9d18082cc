import { NO_LEADER, partitionKey, type ReplicaAssignment } from '../cluster/index.js';
import type { PartitionEntry, PartitionReplica } from './core/controller-context.js';
import { withNextLeaderEpoch } from './core/election.js';
import {
  completedAssignment,
  isBeingReassigned,
  isReassignmentComplete,
  originReplicas,
  sameAssignment,
  sameIds,
} from './core/reassignment.js';
import { endsTerm, type PartitionUpdate } from './partition-store.js';
import { OFFLINE_ELECTION } from './partition-state-machine.js';
import type { ControllerRuntime } from './runtime.js';
import { StateChangeFailedError } from './state-change-log.js';

/** Where a partition's replicas are to go, or are going. */
export interface Move {
  readonly partition: PartitionEntry;
  readonly reassignment: ReplicaAssignment;
}

/** What kept partitions from going on. It is no other one's trouble. */
type Failures = Map<PartitionEntry, unknown>;

/**
 * Takes reassignments as far as they go now (Kafka's `onPartitionReassignment`; the steps' names are its). While the target replicas are not
 * all in sync: the assignment is stored, everybody concerned is told, the new replicas start (phase A). Once they are: the leader moves if it
 * must, the old replicas leave and are deleted, and the final assignment is stored (phase B). Each step is one for all partitions of a topic,
 * which share a znode. Gives what failed, and why.
 */
export async function takeOnReassignments(
  controller: ControllerRuntime,
  moves: readonly Move[],
): Promise<ReadonlyMap<PartitionEntry, unknown>> {
  const byTopic = new Map<string, Move[]>();
  for (const move of moves) {
    const ofTopic = byTopic.get(move.partition.topic);
    if (ofTopic) ofTopic.push(move);
    else byTopic.set(move.partition.topic, [move]);
  }
  const failed: Failures = new Map();
  for (const [topic, ofTopic] of byTopic) {
    // What is dropped goes at once, so that their states have to be those of now.
    await readAgain(controller, ofTopic.filter(dropsReplicas), failed);
    const wanted = ofTopic.filter((move) => !failed.has(move.partition) && losesNothing(move, failed));
    await attempt(wanted, failed, () => updateCurrentReassignments(controller, topic, wanted));
    const begun = ofTopic.filter(({ partition }) => !failed.has(partition));
    await giveLeaders(controller, begun);
    const complete = await completeOnes(controller, begun, failed);
    const finishing = new Set(complete);
    const waiting = begun.filter((move) => !finishing.has(move) && !failed.has(move.partition));
    await startNewReplicas(controller, waiting, failed);
    await attempt(complete, failed, () => finish(controller, topic, complete));
  }
  return failed;
}

function dropsReplicas({ partition, reassignment }: Move): boolean {
  return partition.assignment.replicas.some((replica) => !reassignment.replicas.includes(replica));
}

/**
 * Reads the states in ZooKeeper: old leaders write there, and are heard of later. A partition without one has never had a leader; of one that cannot
 * be read nothing is known.
 */
async function readAgain(
  { context, partitionStore }: ControllerRuntime,
  moves: readonly Move[],
  failed: Failures,
): Promise<void> {
  const states = await partitionStore.readPartitionStates(moves.map(({ partition }) => partition));
  states.forEach((state, i) => {
    const { partition } = moves[i]!;
    if (state instanceof Error) failed.set(partition, state);
    else if (state !== null) context.putLeadership(partition, state);
  });
}

/** The replicas that only the reassignment before wanted are deleted at once. They may be all that is in sync. (Kafka's controller deletes them.) */
function losesNothing({ partition, reassignment }: Move, failed: Failures): boolean {
  const isr = partition.leadership?.leaderAndIsr.isr ?? [];
  const isKept = (replica: number): boolean =>
    reassignment.replicas.includes(replica) || !partition.assignment.replicas.includes(replica);
  if (isr.length === 0 || isr.some(isKept)) return true;
  failed.set(partition, new StateChangeFailedError(`Only replicas that would be deleted are in sync: ${isr.join()}`));
  return false;
}

async function attempt(moves: readonly Move[], failed: Failures, step: () => Promise<void>): Promise<void> {
  try {
    if (moves.length > 0) await step();
  } catch (error) {
    if (endsTerm(error)) throw error;
    for (const { partition } of moves) failed.set(partition, error);
  }
}

/** Stores what is under way, first in ZooKeeper, and stops replicas that only the reassignments before these wanted. */
async function updateCurrentReassignments(
  controller: ControllerRuntime,
  topic: string,
  moves: readonly Move[],
): Promise<void> {
  const { context } = controller;
  const changed = moves.filter(({ partition, reassignment }) => !sameAssignment(partition.assignment, reassignment));
  await storeAssignments(controller, topic, changed);
  const unneeded: PartitionReplica[] = [];
  for (const { partition, reassignment } of changed) {
    for (const replica of partition.assignment.replicas) {
      if (!reassignment.replicas.includes(replica)) unneeded.push({ partition, replica });
    }
    context.putAssignment(partition, reassignment);
  }
  await stopRemovedReplicas(controller, unneeded);
  for (const { partition } of moves) context.partitionsBeingReassigned.add(partition);
}

/**
 * One that no one has led yet, since its replicas were never up, can be led by those it goes to; and one whose leader it was that is no longer
 * wanted, by the others. (Kafka's controller leaves both until a broker comes.)
 */
async function giveLeaders(controller: ControllerRuntime, moves: readonly Move[]): Promise<void> {
  const { partitions } = controller;
  const moving = moves.map(({ partition }) => partition);
  const leaderless = moving.filter(({ leadership }) => leadership?.leaderAndIsr.leader === NO_LEADER);
  const lost = leaderless.filter(({ state }) => state === 'OnlinePartition');
  await partitions.handleStateChanges(lost, 'OfflinePartition');
  const unled = moves.filter(({ partition }) => partition.leadership === undefined);
  await makeNew(controller, unled);
  const toLead = [...unled.map(({ partition }) => partition), ...lost];
  await partitions.handleStateChanges(toLead, 'OnlinePartition', OFFLINE_ELECTION);
}

/** Those that can be finished: that ends with the deletion of replicas, which no version of a znode would stop. */
async function completeOnes(controller: ControllerRuntime, moves: readonly Move[], failed: Failures): Promise<Move[]> {
  const isComplete = ({ partition, reassignment }: Move): boolean =>
    isReassignmentComplete(reassignment, partition.leadership?.leaderAndIsr);
  const candidates = moves.filter((move) => isComplete(move) || move.partition.leadership === undefined);
  await readAgain(
    controller,
    candidates.filter(({ reassignment }) => isBeingReassigned(reassignment)),
    failed,
  );
  return candidates.filter((move) => isComplete(move) && !failed.has(move.partition));
}

/** Phase A. */
async function startNewReplicas(
  controller: ControllerRuntime,
  moves: readonly Move[],
  failed: Failures,
): Promise<void> {
  const { batch } = controller;
  // A1. To every replica, old and new. A replica that is added may go to any log directory, hence new.
  const led = moves.filter(({ partition }) => partition.leadership !== undefined);
  await raiseLeaderEpochs(controller, led, failed);
  const told = moves.filter(({ partition }) => !failed.has(partition));
  for (const { partition, reassignment } of told) {
    // One that no one leads is told to those that come, by whom it will be led.
    if (partition.leadership === undefined) continue;
    batch.addLeaderAndIsr(originReplicas(reassignment), partition, false);
    batch.addLeaderAndIsr(reassignment.adding, partition, true);
  }
  // A2.
  await makeNew(controller, told);
}

async function makeNew({ context, replicas }: ControllerRuntime, moves: readonly Move[]): Promise<void> {
  const untold = added(moves).filter((replica) => context.replicaState(replica) === 'NonExistentReplica');
  await replicas.handleStateChanges(untold, 'NewReplica');
}

/** Phase B. */
async function finish(controller: ControllerRuntime, topic: string, moves: readonly Move[]): Promise<void> {
  const { context, batch, replicas, log } = controller;
  // B1.
  await replicas.handleStateChanges(added(moves), 'OnlineReplica');
  // B2. In memory only: ZooKeeper is the one place that remembers the old replicas until they are gone.
  for (const { partition, reassignment } of moves) context.putAssignment(partition, completedAssignment(reassignment));
  // B3.
  const moved = await moveLeaders(controller, moves);
  const isMoved = new Set(moved);
  for (const move of moves) {
    if (isMoved.has(move)) continue;
    log.warn('The leader of a partition could not be moved: its old replicas stay', {
      partition: partitionKey(move.partition),
    });
    context.putAssignment(move.partition, move.reassignment);
  }
  // B4, B5.
  await stopRemovedReplicas(
    controller,
    moved.flatMap(({ partition, reassignment }) => reassignment.removing.map((replica) => ({ partition, replica }))),
  );
  // B6.
  const done = moved.map(({ partition }) => ({ partition, reassignment: partition.assignment }));
  await storeAssignments(controller, topic, done);
  // B7.
  const targets = new Map(done.map(({ partition, reassignment }) => [partitionKey(partition), reassignment.replicas]));
  await removeAskedFor(controller, targets);
  for (const { partition } of done) context.partitionsBeingReassigned.delete(partition);
  // B8.
  batch.addUpdateMetadata(
    context.liveOrShuttingDownBrokerIds,
    done.map(({ partition }) => partition),
  );
}

/**
 * Lets the target replicas lead. Gives those partitions that one of them leads now, with all of the others in sync, in a state that we have
 * written ourselves: for what is asked next is the deletion of the old replicas, which may be all that has the records. (Kafka's controller
 * goes on when the election fails, and when an old leader has shrunk the ISR since it was read.)
 */
async function moveLeaders(controller: ControllerRuntime, moves: readonly Move[]): Promise<Move[]> {
  const { context, batch, partitions } = controller;
  const led = moves.filter(({ partition }) => partition.leadership !== undefined);
  const stays = ({ partition }: Move): boolean => {
    const { leader } = partition.leadership!.leaderAndIsr;
    return partition.assignment.replicas.includes(leader) && context.isReplicaOnline(leader, partition);
  };
  const staying = led.filter(stays);
  const going = led.filter((move) => !stays(move)).map(({ partition }) => partition);
  const failed: Failures = new Map();
  await raiseLeaderEpochs(controller, staying, failed);
  for (const { partition } of staying) {
    if (!failed.has(partition)) batch.addLeaderAndIsr(partition.assignment.replicas, partition, false);
  }
  const elected = await partitions.handleStateChanges(going, 'OnlinePartition', { kind: 'reassign' });
  for (const partition of going)
    if (elected.get(partition) instanceof Error) failed.set(partition, elected.get(partition));
  return moves.filter((move) => {
    const { partition, reassignment } = move;
    // No replica of it goes, so it may wait for a leader as any other does.
    if (!isBeingReassigned(reassignment)) return true;
    return (
      !failed.has(partition) && stays(move) && isReassignmentComplete(reassignment, partition.leadership?.leaderAndIsr)
    );
  });
}

async function stopRemovedReplicas(controller: ControllerRuntime, gone: readonly PartitionReplica[]): Promise<void> {
  if (gone.length === 0) return;
  const { replicas } = controller;
  await replicas.handleStateChanges(gone, 'OfflineReplica');
  await controller.flush();
  await replicas.handleStateChanges(gone, 'ReplicaDeletionStarted');
  // Nobody waits for the answer: a broker that is away drops what is left on it when it is back.
  await replicas.handleStateChanges(gone, 'ReplicaDeletionSuccessful');
  await replicas.handleStateChanges(gone, 'NonExistentReplica');
}

/** Writes assignments into their topic's node, all at once; its other partitions, among them new ones, stay as they are there. */
async function storeAssignments(
  { context, stores, log }: ControllerRuntime,
  topic: string,
  moves: readonly Move[],
): Promise<void> {
  if (moves.length === 0) return;
  const topicId = context.topicId(topic) ?? null;
  const assignments = moves.map(({ partition, reassignment }) => [partition.partition, reassignment] as const);
  const stored = await stores.topics.changeAssignment(
    topic,
    (current) => {
      if (current.topicId !== topicId) return null;
      return { ...current, partitions: new Map([...current.partitions, ...assignments]) };
    },
    context.epochZkVersion,
  );
  if (stored?.topicId !== topicId) throw new Error(`Topic ${topic} with id ${topicId} is not there any more`);
  log.info('Successfully updated assignments', { topic, partitions: assignments.map(([partition]) => partition) });
}

/** Raises leader epochs in ZooKeeper and in memory, so that brokers take the changed assignments. */
async function raiseLeaderEpochs(
  { context, partitionStore, stateChanges }: ControllerRuntime,
  moves: readonly Move[],
  failed: Failures,
): Promise<void> {
  let updates: PartitionUpdate[] = moves.map(({ partition }) => {
    return { partition, next: withNextLeaderEpoch(partition.leadership!.leaderAndIsr) };
  });
  while (updates.length > 0) {
    const written = await partitionStore.writePartitionStates(updates);
    const stale: PartitionEntry[] = [];
    written.forEach((result, i) => {
      const { partition } = updates[i]!;
      if (result.kind === 'failed') failed.set(partition, result.error);
      else if (result.kind === 'badVersion') stale.push(partition);
      else {
        context.putLeadership(partition, { leaderAndIsr: result.state, controllerEpoch: context.epoch });
        stateChanges.leaderEpochRaised(partition, result.state);
      }
    });
    updates = [];
    const states = await partitionStore.readPartitionStates(stale);
    states.forEach((state, i) => {
      const partition = stale[i]!;
      if (state instanceof Error) failed.set(partition, state);
      else if (state !== null) updates.push({ partition, next: withNextLeaderEpoch(state.leaderAndIsr) });
      else failed.set(partition, new StateChangeFailedError(`The state of ${partitionKey(partition)} is gone`));
    });
  }
}

/** Takes what was asked for out of the node of before KIP-455, if it is there, unless another target was asked for since. */
export function removeAskedFor(
  controller: ControllerRuntime,
  targets: ReadonlyMap<string, readonly number[]>,
): Promise<void> {
  const isDone = (key: string, target: readonly number[]): boolean => {
    const ids = targets.get(key);
    return ids !== undefined && sameIds(ids, target);
  };
  return removeFromZk(controller, isDone);
}

/** Takes the entries that are chosen out of that node. */
export async function removeFromZk(
  { context, stores, watches }: ControllerRuntime,
  remove: (key: string, target: readonly number[]) => boolean,
): Promise<void> {
  const isAnother = await stores.reassignments.removePartitionReassignments(remove, context.epochZkVersion);
  // What is asked for between the deletion and the next watch is not seen otherwise.
  if (isAnother) watches.lookForPartitionReassignment();
}

function added(moves: readonly Move[]): PartitionReplica[] {
  return moves.flatMap(({ partition, reassignment }) => reassignment.adding.map((replica) => ({ partition, replica })));
}
