import { seededRandom, type Random } from '../../../src/common/index.js';
import type { Controller } from '../../../src/controller/index.js';
import { ANY_VERSION, isZkError } from '../../../src/zookeeper/index.js';
import { ControllerLab } from '../../support/controller-lab.js';

const BROKERS = [1, 2, 3, 4];
const SEEDS = 40;
const STEPS = 30;
const TOPICS = ['a', 'b', 'c'];

interface State {
  leader: number;
  leaderEpoch: number;
  isr: number[];
  partitionEpoch: number;
}

/** A cluster of four controllers to which random things happen, sometimes several before the last has been dealt with. */
class Turmoil {
  private readonly random: Random;
  private readonly lastEpoch = new Map<string, number>();
  private topicIds = 0;

  constructor(
    private readonly lab: ControllerLab,
    seed: number,
  ) {
    this.random = seededRandom(seed);
  }

  async begin(): Promise<void> {
    for (const id of BROKERS) await this.bringUp(id);
  }

  async step(): Promise<void> {
    const { lab } = this;
    const up = [...lab.brokers.keys()];
    const down = BROKERS.filter((id) => !lab.brokers.has(id));
    const topic = this.pick(TOPICS);
    switch (this.random.nextInt(11)) {
      case 0:
        if (up.length > 1) await lab.kill(this.pick(up));
        break;
      case 1:
      case 2:
        if (down.length > 0) await this.bringUp(this.pick(down));
        break;
      case 3:
      case 4:
        await this.tolerating('NodeExists', () =>
          lab.adminStores.topics.createTopic(topic, this.newTopicId(), this.assignment(0, 1 + this.random.nextInt(4))),
        );
        break;
      case 5:
        await this.tolerating('NodeExists', () => lab.adminStores.deletions.createDeleteTopicPath(topic));
        break;
      case 6:
        await this.expand(topic);
        break;
      case 7:
      case 8:
        await this.alterSomeIsr(topic);
        break;
      case 9:
        await this.shutDown(this.pick(up));
        break;
      case 10:
        if (this.random.nextInt(2) === 0) lab.zooKeeper.expireSession(lab.brokers.get(this.pick(up))!.client.sessionId);
        else await this.tolerating('NoNode', () => lab.admin.delete('/controller', ANY_VERSION));
        break;
    }
    if (this.random.nextInt(3) > 0) {
      await lab.quiesce();
      this.checkStates(await this.states());
    }
  }

  /** Everybody comes back and nothing more happens: what must be true then. */
  async endInPeace(): Promise<void> {
    const { lab } = this;
    for (let round = 0; round < 3; round++) {
      for (const id of BROKERS) if (!lab.brokers.has(id)) await this.bringUp(id);
      await lab.clock.advance(10_000);
      await lab.quiesce();
    }
    const active = [...lab.brokers.values()].filter(({ controller }) => controller!.isActive);
    expect(active).toHaveLength(1);
    expect(await lab.during(lab.adminStores.deletions.topicDeletions())).toEqual([]);
    const states = await this.states();
    this.checkStates(states);
    for (const state of states.values()) expect(state.leader).not.toBe(-1);
    const known = Object.fromEntries([...states].map(([key, state]) => [key, JSON.stringify(state)]));
    for (const id of BROKERS) expect({ id, ...this.viewOf(id) }).toEqual({ id, ...known });
    await this.checkLeaders(states);
  }

  /** Leader ∈ ISR ⊆ replicas, and leader epochs never fall while a topic lives. */
  private checkStates(states: Map<string, State>): void {
    for (const [key, { leader, isr, leaderEpoch }] of states) {
      expect(isr.length).toBeGreaterThan(0);
      if (leader !== -1) expect(isr).toContain(leader);
      expect(new Set(isr).size).toBe(isr.length);
      expect(leaderEpoch).toBeGreaterThanOrEqual(this.lastEpoch.get(key) ?? 0);
      this.lastEpoch.set(key, leaderEpoch);
    }
  }

  /** The state of every partition that has one, by the topic's id, so that a topic made again is another. */
  private async states(): Promise<Map<string, State>> {
    const { lab } = this;
    const topics = await lab.during(lab.adminStores.topics.topics());
    const { found: assignments } = await lab.during(lab.adminStores.topics.assignments(topics));
    const states = new Map<string, State>();
    for (const [topic, { topicId, partitions }] of assignments) {
      for (const [partition, { replicas }] of partitions) {
        const state = await lab.during(lab.adminStores.partitionStates.state({ topic, partition }));
        if (!state) continue;
        const { leader, leaderEpoch, isr, partitionEpoch } = state.leaderAndIsr;
        expect(isr.every((id) => replicas.includes(id))).toBe(true);
        states.set(`${topicId} ${partition}`, { leader, leaderEpoch, isr: [...isr], partitionEpoch });
      }
    }
    return states;
  }

  /** What a broker's metadata cache holds by the requests of its present life. */
  private viewOf(id: number): Record<string, string> {
    const { lab } = this;
    const epoch = lab.brokers.get(id)!.controller!.brokerEpoch;
    const view: Record<string, string> = {};
    let controllerEpoch = 0;
    for (const { to, api, body } of lab.received) {
      if (to !== id || api !== 'UPDATE_METADATA' || body.brokerEpoch !== epoch) continue;
      if (body.controllerEpoch < controllerEpoch) continue;
      controllerEpoch = body.controllerEpoch;
      for (const { topicId, partitionStates } of body.topicStates) {
        for (const { partitionIndex, leader, leaderEpoch, isr, zkVersion } of partitionStates) {
          const key = `${topicId} ${partitionIndex}`;
          if (leader === -2) delete view[key];
          else view[key] = JSON.stringify({ leader, leaderEpoch, isr, partitionEpoch: zkVersion });
        }
      }
    }
    return view;
  }

  /** Each leader has been told to lead, under the leader epoch that ZooKeeper has. */
  private async checkLeaders(states: Map<string, State>): Promise<void> {
    for (const [key, { leader, leaderEpoch }] of states) {
      const [topicId, partition] = key.split(' ');
      const epoch = this.lab.brokers.get(leader)!.controller!.brokerEpoch;
      const told = this.lab.received.flatMap(({ to, api, body }) =>
        to === leader && api === 'LEADER_AND_ISR' && body.brokerEpoch === epoch
          ? body.topicStates
              .filter((it) => it.topicId === topicId)
              .flatMap((it) => it.partitionStates.filter(({ partitionIndex }) => partitionIndex === Number(partition)))
          : [],
      );
      expect({ key, told: told.some((it) => it.leader === leader && it.leaderEpoch === leaderEpoch) }).toEqual({
        key,
        told: true,
      });
    }
    await Promise.resolve();
  }

  private async bringUp(id: number): Promise<void> {
    await this.lab.register(id);
    await this.lab.startController(id);
  }

  private async expand(topic: string): Promise<void> {
    await this.lab.during(
      this.lab.adminStores.topics.changeAssignment(topic, (current) => {
        if (current.partitions.size > 6) return null;
        const more = this.assignment(Math.max(-1, ...current.partitions.keys()) + 1, 1);
        const added = [...more].map(
          ([partition, replicas]) => [partition, { replicas, adding: [], removing: [] }] as const,
        );
        return { ...current, partitions: new Map([...current.partitions, ...added]) };
      }),
    );
  }

  /** A leader asks for an ISR of live replicas with itself in it, as its replication would. */
  private async alterSomeIsr(topic: string): Promise<void> {
    const { lab } = this;
    const controller = this.activeController();
    const assignment = await lab.during(lab.adminStores.topics.assignment(topic));
    if (!controller || !assignment?.topicId) return;
    const partition = this.random.nextInt(Math.max(1, assignment.partitions.size));
    const state = await lab.during(lab.adminStores.partitionStates.state({ topic, partition }));
    const leader = state && lab.brokers.get(state.leaderAndIsr.leader);
    if (!leader) return;
    const { leader: brokerId, leaderEpoch, partitionEpoch } = state.leaderAndIsr;
    const isr = assignment.partitions
      .get(partition)!
      .replicas.filter((id) => id === brokerId || (lab.brokers.has(id) && this.random.nextInt(2) === 0));
    const answer = controller.alterPartitions(
      {
        brokerId,
        brokerEpoch: leader.controller!.brokerEpoch,
        topics: [
          {
            topicName: '',
            topicId: assignment.topicId,
            partitions: [
              {
                partitionIndex: partition,
                leaderEpoch,
                newIsr: [],
                newIsrWithEpochs: isr.map((id) => ({ brokerId: id, brokerEpoch: -1n })),
                leaderRecoveryState: 0,
                partitionEpoch,
              },
            ],
          },
        ],
      },
      3,
    );
    expect(await lab.during(answer)).toHaveProperty('errorCode');
  }

  private async shutDown(id: number): Promise<void> {
    const { lab } = this;
    const controller = this.activeController();
    if (!controller || lab.brokers.size === 1) return;
    const { brokerEpoch } = lab.brokers.get(id)!.controller!;
    await lab.during(controller.controlledShutdown({ brokerId: id, brokerEpoch }));
    if (lab.brokers.has(id)) await lab.kill(id);
  }

  private activeController(): Controller | undefined {
    return [...this.lab.brokers.values()].find(({ controller }) => controller?.isActive)?.controller;
  }

  private assignment(from: number, count: number): Map<number, number[]> {
    const entries = Array.from({ length: count }, (_, i): [number, number[]] => {
      const shift = this.random.nextInt(4);
      const replicas = BROKERS.map((_id, j) => BROKERS[(j + shift) % 4]!).slice(0, 1 + this.random.nextInt(3));
      return [from + i, replicas];
    });
    return new Map(entries);
  }

  private newTopicId(): string {
    const bytes = Buffer.alloc(16);
    bytes.writeUInt32BE(++this.topicIds, 12);
    return bytes.toString('base64url');
  }

  private async tolerating(code: 'NodeExists' | 'NoNode', act: () => Promise<unknown>): Promise<void> {
    try {
      await this.lab.during(act());
    } catch (error) {
      if (!isZkError(error, code)) throw error;
    }
  }

  private pick<T>(from: readonly T[]): T {
    return from[this.random.nextInt(from.length)]!;
  }
}

test.each(Array.from({ length: SEEDS }, (_, seed) => seed))(
  'whatever happens (seed %i), in the end every partition is led and every broker knows by whom',
  async (seed) => {
    const lab = await (await new ControllerLab().start()).createTopLevelPaths();
    try {
      const turmoil = new Turmoil(lab, seed);
      await turmoil.begin();
      for (let step = 0; step < STEPS; step++) await turmoil.step();
      await turmoil.endInPeace();
    } finally {
      await lab.stop();
    }
  },
);
