import { uuidFromBytes } from '../../src/common/index.js';
import type { Controller } from '../../src/controller/index.js';
import { ErrorCode } from '../../src/protocol/index.js';
import { ANY_VERSION } from '../../src/zookeeper/index.js';
import { ControllerLab } from './controller-lab.js';
import { describeRequests } from './controller-script-requests.js';
import { writeConfig } from './write-config.js';

type Command = (script: ControllerScript, args: readonly string[]) => Promise<string[] | void>;

/** What a script may say; the words after it are its arguments. A partition is `a-0`, replicas are `1,2`. */
const COMMANDS: Readonly<Record<string, Command>> = {
  /** `brokers 1 2 3`: they register, without controllers. */
  async brokers({ lab }, ids) {
    for (const id of ids) await lab.register(Number(id));
  },
  /** `controller 1 [NAME=VALUE ...]`: a registered broker stands for election, with these properties. */
  async controller({ lab }, [id, ...properties]) {
    await lab.startController(
      Number(id),
      Object.fromEntries(properties.map((text) => text.split('=') as [string, string])),
    );
  },
  /** `create a 1,2 2,3`: a topic with these replicas. */
  async create(script, [topic, ...replicas]) {
    const assignment = new Map(replicas.map((text, partition) => [partition, idsOf(text)]));
    await script.lab.during(script.lab.adminStores.topics.createTopic(topic!, script.nextTopicId(), assignment));
  },
  /** `grow a 1,2`: the topic gets one more partition. */
  async grow({ lab }, [topic, replicas]) {
    const path = `/brokers/topics/${topic}`;
    const { data } = await lab.during(lab.admin.get(path));
    const json = JSON.parse(data!.toString()) as { partitions: Record<string, number[]> };
    json.partitions[Object.keys(json.partitions).length] = idsOf(replicas!);
    await lab.during(lab.admin.set(path, Buffer.from(JSON.stringify(json)), ANY_VERSION));
  },
  async delete({ lab }, [topic]) {
    await lab.during(lab.adminStores.deletions.createDeleteTopicPath(topic!));
  },
  /** `reassign a-0=2,3 a-1=1`: asks as `kafka-reassign-partitions` did. */
  async reassign({ lab }, moves) {
    const asked = new Map(moves.map((text) => text.split('=')).map(([key, ids]) => [key!, idsOf(ids!)]));
    await lab.during(lab.adminStores.reassignments.createPartitionReassignment(asked));
  },
  /** `config topics a unclean.leader.election.enable=true`: as it is written, without a notification. */
  async config({ lab }, [type, name, ...entries]) {
    const configs = Object.fromEntries(entries.map((text) => text.split('=') as [string, string]));
    await lab.during(writeConfig(lab.admin, type as 'topics', name!, configs));
  },
  /** `isr a-0 1,2`: the leader asks for it, by the epochs in ZooKeeper. */
  async isr({ lab, active }, [partition, isr]) {
    const tp = partitionOf(partition!);
    const { leaderAndIsr: state } = (await lab.during(lab.adminStores.partitionStates.state(tp)))!;
    const { topicId } = (await lab.during(lab.adminStores.topics.assignment(tp.topic)))!;
    const answer = await lab.during(
      active.alterPartitions(
        {
          brokerId: state.leader,
          brokerEpoch: lab.brokers.get(state.leader)!.epoch,
          topics: [
            {
              topicName: '',
              topicId: topicId!,
              partitions: [
                {
                  partitionIndex: tp.partition,
                  leaderEpoch: state.leaderEpoch,
                  newIsr: [],
                  newIsrWithEpochs: idsOf(isr!).map((id) => ({ brokerId: id, brokerEpoch: -1n })),
                  leaderRecoveryState: 0,
                  partitionEpoch: state.partitionEpoch,
                },
              ],
            },
          ],
        },
        3,
      ),
    );
    const errorCode = answer.errorCode || answer.topics![0]!.partitions![0]!.errorCode;
    return [`answered ${nameOf(errorCode!)}`];
  },
  /** `shutdown 2`: the broker asks to be stopped. */
  async shutdown({ lab, active }, [id]) {
    const brokerEpoch = lab.brokers.get(Number(id))!.epoch;
    const answer = await lab.during(active.controlledShutdown({ brokerId: Number(id), brokerEpoch }));
    const remaining = (answer.remainingPartitions ?? []).map(
      ({ topicName, partitionIndex }) => `${topicName}-${partitionIndex}`,
    );
    return [`answered ${nameOf(answer.errorCode!)}, still leads ${remaining.join(' ') || 'nothing'}`];
  },
  /** `elect preferred a-0` or `elect unclean a-0`. */
  async elect({ lab, active }, [type, ...partitions]) {
    const results = await lab.during(active.electLeaders(partitions.map(partitionOf), type as 'preferred'));
    return results.map(({ topic, partition, errorCode }) => `answered ${nameOf(errorCode)} for ${topic}-${partition}`);
  },
  /** `kill 2`: its process and its session are gone. */
  async kill({ lab }, [id]) {
    await lab.kill(Number(id));
  },
  /** `bounce 2`: its registration is another from one moment to the next. */
  async bounce({ lab }, [id]) {
    const path = `/brokers/ids/${id}`;
    const { data } = await lab.during(lab.admin.get(path));
    await lab.during(
      lab.admin.multi([
        { op: 'delete', path, version: ANY_VERSION },
        { op: 'create', path, data, mode: 'ephemeral' },
      ]),
    );
    lab.brokers.get(Number(id))!.epoch = (await lab.during(lab.admin.get(path))).stat.czxid;
  },
  /** `expire 1`: its session ends, and it goes on. */
  async expire({ lab }, [id]) {
    lab.zooKeeper.expireSession(lab.brokers.get(Number(id))!.client.sessionId);
    await lab.clock.advance(5_000);
  },
  /** `refuse 2 stop a-0`: its answers to StopReplica or, with `roles`, LeaderAndIsr have storage errors; `refuse none` ends it. */
  refuse({ lab }, [id, api, partition]) {
    const refusing = Number(id);
    lab.stopReplicaError = (to) => (api === 'stop' && to === refusing ? ErrorCode.KAFKA_STORAGE_ERROR : 0);
    lab.partitionError = (to, topic, index) =>
      api === 'roles' && to === refusing && partition === `${topic}-${index}` ? ErrorCode.KAFKA_STORAGE_ERROR : 0;
    return Promise.resolve();
  },
  /** `write PATH TEXT`: somebody writes a znode by hand, there or not. */
  async write({ lab }, [path, ...text]) {
    await lab.during(lab.admin.ensurePath(path!));
    await lab.during(lab.admin.set(path!, Buffer.from(text.join(' ')), ANY_VERSION));
  },
  async remove({ lab }, [path]) {
    await lab.during(lab.admin.delete(path!, ANY_VERSION));
  },
  /** `wait 300`: so many seconds pass. */
  async wait({ lab }, [seconds]) {
    await lab.clock.advance(1_000 * Number(seconds));
  },
};

/** Carries out the commands of a script on a cluster of its own, and tells what came of each. */
export class ControllerScript {
  readonly lab = new ControllerLab();
  private topics = 0;
  private znodes = new Map<string, string>();

  async start(): Promise<this> {
    await (await this.lab.start()).createTopLevelPaths();
    this.znodes = this.read();
    return this;
  }

  /** The lines that follow from it: answers, requests that brokers got, znodes that are others. */
  async run(line: string): Promise<string[]> {
    const [name, ...args] = line.split(/\s+/);
    const command = COMMANDS[name!];
    if (!command) throw new Error(`no command ${name}`);
    this.lab.forget();
    const answers = (await command(this, args)) ?? [];
    await this.lab.quiesce();
    const before = this.znodes;
    this.znodes = this.read();
    return [...answers, ...describeRequests(this.lab.received), ...this.changes(before)];
  }

  nextTopicId(): string {
    const id = Buffer.alloc(16);
    // Kafka keeps the first ones for itself.
    id[15] = 16 + this.topics++;
    return uuidFromBytes(id);
  }

  /** The controller whose term it is. */
  get active(): Controller {
    const found = [...this.lab.brokers.values()].find(({ controller }) => controller?.isActive);
    if (!found) throw new Error('there is no controller');
    return found.controller!;
  }

  private read(): Map<string, string> {
    const { tree } = this.lab.zooKeeper.core;
    return new Map(tree.paths().map((path) => [path, textOf(path, tree.get(path)!.data)]));
  }

  private changes(before: ReadonlyMap<string, string>): string[] {
    const lines: string[] = [];
    for (const [path, text] of this.znodes) if (before.get(path) !== text) lines.push(`${path} ${text}`.trimEnd());
    for (const path of before.keys()) if (!this.znodes.has(path)) lines.push(`${path} is gone`);
    return lines;
  }
}

/** Without times, which mean nothing here. Registrations are told by being there. */
function textOf(path: string, data: Buffer | null): string {
  if (path.startsWith('/brokers/ids/')) return '(registered)';
  return (data?.toString() ?? '').replace(/,?"timestamp":"\d+"/, '');
}

function idsOf(text: string): number[] {
  return text.split(',').map(Number);
}

function partitionOf(text: string): { topic: string; partition: number } {
  const dash = text.lastIndexOf('-');
  return { topic: text.slice(0, dash), partition: Number(text.slice(dash + 1)) };
}

function nameOf(errorCode: number): string {
  return Object.entries(ErrorCode).find(([, code]) => code === errorCode)![0];
}
