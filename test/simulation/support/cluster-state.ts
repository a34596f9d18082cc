import type { SimulatedZooKeeper } from './simulated-zookeeper.js';

/** A partition as ZooKeeper has it. */
export interface PartitionState {
  readonly topic: string;
  readonly partition: number;
  readonly replicas: readonly number[];
  readonly leader: number;
  readonly leaderEpoch: number;
  readonly isr: readonly number[];
  readonly controllerEpoch: number;
  readonly zkVersion: number;
}

/** By what ZooKeeper has of a topic: it is asked many times a second. */
const assignments = new WeakMap<TopicJson, Map<number, number[]>>();

interface TopicJson {
  readonly partitions: Readonly<Record<string, number[]>>;
  readonly topic_id?: string;
}

export interface StateJson {
  readonly leader: number;
  readonly leader_epoch: number;
  readonly isr: number[];
  readonly controller_epoch: number;
}

const STATE_PATH = /^\/brokers\/topics\/([^/]+)\/partitions\/(\d+)\/state$/;

/** The partition of a path of states; null for other paths. */
export function partitionOfStatePath(path: string): { topic: string; partition: number } | null {
  const match = STATE_PATH.exec(path);
  return match && { topic: match[1]!, partition: Number(match[2]) };
}

export function assignmentOf(zooKeeper: SimulatedZooKeeper, topic: string): ReadonlyMap<number, number[]> | null {
  const json = zooKeeper.json<TopicJson>(`/brokers/topics/${topic}`);
  if (!json) return null;
  let assignment = assignments.get(json);
  if (!assignment) {
    assignment = new Map(Object.entries(json.partitions).map(([partition, replicas]) => [Number(partition), replicas]));
    assignments.set(json, assignment);
  }
  return assignment;
}

export function topicIdOf(zooKeeper: SimulatedZooKeeper, topic: string): string | null {
  return zooKeeper.json<TopicJson>(`/brokers/topics/${topic}`)?.topic_id ?? null;
}

/** Tells topics apart that have had one name, whether they have ids or not. Null when there is none now. */
export function topicLifeOf(zooKeeper: SimulatedZooKeeper, topic: string): bigint | null {
  return zooKeeper.czxidOf(`/brokers/topics/${topic}`);
}

/** Null for a partition without a state. */
export function leaderOf(zooKeeper: SimulatedZooKeeper, topic: string, partition: number): number | null {
  return zooKeeper.json<StateJson>(`/brokers/topics/${topic}/partitions/${partition}/state`)?.leader ?? null;
}

/** All partitions that have a state. */
export function partitionStates(zooKeeper: SimulatedZooKeeper): PartitionState[] {
  const states: PartitionState[] = [];
  for (const topic of zooKeeper.childrenOf('/brokers/topics').sort()) {
    for (const [partition, replicas] of assignmentOf(zooKeeper, topic) ?? []) {
      const path = `/brokers/topics/${topic}/partitions/${partition}/state`;
      const json = zooKeeper.json<StateJson>(path);
      if (!json) continue;
      states.push({
        topic,
        partition,
        replicas,
        leader: json.leader,
        leaderEpoch: json.leader_epoch,
        isr: json.isr,
        controllerEpoch: json.controller_epoch,
        zkVersion: zooKeeper.versionOf(path),
      });
    }
  }
  return states;
}

export function sameMembers(one: readonly number[], other: readonly number[]): boolean {
  return one.length === other.length && one.every((id) => other.includes(id));
}
