import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { AlterPartitionRequest } from '../../../src/protocol/index.js';
import type { Controller } from '../../../src/controller/index.js';
import { ANY_VERSION, type MultiOp } from '../../../src/zookeeper/index.js';
import type { ControllerLab } from '../../support/controller-lab.js';

const REFERENCE = path.join(__dirname, '..', '..', '.fixtures', 'reference');
const CHROOT = '/kafka';

interface RecordedNode {
  readonly data: string | null;
  readonly ephemeral: boolean;
  readonly version: number;
}
interface RecordedOp {
  readonly op: string;
  readonly path?: string;
  readonly data?: string | null;
  readonly newVersion?: number;
  readonly err?: string;
}
interface RecordedTransaction extends RecordedOp {
  readonly session: string;
  readonly ops?: readonly RecordedOp[];
  readonly ephemeralsDeleted?: readonly string[];
}
export interface ZkStep {
  readonly controller: number;
  readonly aliveBrokers: readonly number[];
  readonly transactions: readonly RecordedTransaction[];
  readonly nodes: Readonly<Record<string, RecordedNode>>;
}
export interface RecordedRequest {
  readonly to: number;
  readonly api: string;
  readonly version: number;
  readonly correlationId: number;
  readonly ms: number;
  // The recordings hold what Kafka printed; which fields there are depends on the API.
  readonly request: Record<string, never> & { topicStates?: RecordedTopic[]; topics?: RecordedTopic[] };
  readonly response: { topics?: RecordedTopic[]; errorCode?: number };
}
interface RecordedTopic {
  readonly topicName?: string;
  readonly topicId?: string;
  readonly partitionStates?: Record<string, unknown>[];
  readonly partitions?: Record<string, unknown>[];
  readonly partitionErrors?: { partitionIndex: number; errorCode: number }[];
}

/** What ZooKeeper held and was asked to write, and what brokers received, in a step of the recorded scenario. */
export function recordedStep(number: number): { zk: ZkStep; requests: RecordedRequest[] } {
  const prefix = String(number).padStart(2, '0') + '-';
  const read = <T>(folder: string, start: string): T | null => {
    const name = readdirSync(path.join(REFERENCE, folder)).find((file) => file.startsWith(start));
    return name ? (JSON.parse(readFileSync(path.join(REFERENCE, folder, name), 'utf8')) as T) : null;
  };
  const wire = read<{ requests: RecordedRequest[] }>('wire', `controller-${prefix}`);
  return { zk: read<ZkStep>('zk', prefix)!, requests: wire?.requests ?? [] };
}

/** The paths that a session watched at a steady state, sorted, without the chroot. */
export function recordedWatches(state: string, session: string): string[] {
  const text = readFileSync(path.join(REFERENCE, 'zk', 'watches.json'), 'utf8');
  const watches = (JSON.parse(text) as Record<string, Record<string, string[]>>)[state]!;
  return Object.entries(watches)
    .filter(([, sessions]) => sessions.includes(session))
    .map(([node]) => bare(node))
    .sort();
}

/** Brings ZooKeeper to what it held at the end of a step, with the registered brokers' sessions but without a controller. */
export async function restore(lab: ControllerLab, { nodes }: ZkStep): Promise<void> {
  const set: Promise<unknown>[] = [];
  for (const [full, { data, ephemeral, version }] of Object.entries(nodes)) {
    const node = bare(full);
    if (node === '' || ephemeral) continue;
    const bytes = data === null ? null : Buffer.from(data);
    if (node === '/controller_epoch') {
      // One lower: the election of our controller raises it to what was recorded.
      const epoch = Number(data) - 1;
      set.push(lab.admin.create(node, Buffer.from(String(epoch))));
      for (let i = 0; i < version - 1; i++) set.push(lab.admin.set(node, Buffer.from(String(epoch)), ANY_VERSION));
      continue;
    }
    set.push(lab.admin.create(node, bytes));
    for (let i = 0; i < version; i++) set.push(lab.admin.set(node, bytes, ANY_VERSION));
  }
  await lab.during(Promise.all(set));
  for (const [full, { data }] of Object.entries(nodes)) {
    const id = /\/brokers\/ids\/(\d+)$/.exec(full)?.[1];
    if (id !== undefined) await lab.register(Number(id), data!);
  }
}

/**
 * Does to our controller what was done to Kafka's in a step: what others than the controller wrote is written, sessions begin and end,
 * and leaders ask for the ISRs they asked for, each when the recording says that it was granted.
 */
export async function replay(lab: ControllerLab, step: number, controllerNow: () => Controller): Promise<void> {
  const { zk, requests } = recordedStep(step);
  // What the former controller refused, or an earlier life of a broker asked, is about others than the controller.
  const asked = requests
    .filter(({ api, to, response }) => api === 'ALTER_PARTITION' && to === zk.controller && response.errorCode === 0)
    .sort((a, b) => a.ms - b.ms);
  const answered: Promise<void>[] = [];
  for (const { request } of requests.filter(({ api }) => api === 'CONTROLLED_SHUTDOWN')) {
    const brokerId = request['brokerId'] as unknown as number;
    await lab.during(controllerNow().controlledShutdown({ brokerId, brokerEpoch: lab.brokers.get(brokerId)!.epoch }));
    await lab.quiesce();
  }
  for (const transaction of zk.transactions) {
    if (isControllerWrite(transaction)) {
      const granted = await grantedBy(lab, transaction, asked);
      if (!granted) continue;
      asked.splice(asked.indexOf(granted), 1);
      answered.push(alterPartition(lab, controllerNow(), granted));
    } else if (!(await applyForeign(lab, transaction))) continue;
    await lab.quiesce();
  }
  for (const request of asked) {
    answered.push(alterPartition(lab, controllerNow(), request));
    await lab.quiesce();
  }
  await Promise.all(answered);
  await lab.quiesce();
}

/** A write that Kafka's controller made as such: conditional on its epoch. */
export function isControllerWrite({ ops }: RecordedTransaction): boolean {
  return ops?.[0]?.op === 'check' && ops[0].path === `${CHROOT}/controller_epoch`;
}

/** The controller's writes in a comparable form, sorted: what it changed to what, and what was refused. */
export function recordedWrites({ transactions }: ZkStep): string[] {
  return transactions
    .filter(isControllerWrite)
    .map(({ ops }) => ops![1]!)
    .map((op) =>
      op.op === 'error' ? `refused: ${op.err}` : describe(op.op, bare(op.path!), op.newVersion, op.data ?? null),
    )
    .sort();
}

/** The same of what our controllers wrote. */
export function ourWrites(lab: ControllerLab, controller: number): string[] {
  return lab.written
    .filter(({ by, ops }) => by === controller && ops[0]!.op === 'check')
    .map(({ ops, results }) => {
      const op = ops[1]!;
      const result = results[1]!;
      if (!result.ok) return `refused: ${result.code}`;
      const version = result.op === 'set' ? result.stat.version : undefined;
      return describe(op.op === 'set' ? 'setData' : op.op, op.path, version, dataOf(op));
    })
    .sort();
}

/**
 * What each broker knows after the requests, by API and partition: the state told last. StopReplica shows every deletion flag in turn.
 * Kafka sends several requests where we send one, so it is this that must agree. Epochs of brokers differ from run to run.
 */
export function toldTo(
  requests: readonly { to: number; api: string; body: unknown }[],
  brokers: readonly number[],
): Record<string, unknown> {
  const told: Record<string, unknown> = {};
  const isNew = new Set<string>();
  for (const { to, api, body } of requests) {
    if (!brokers.includes(to)) continue;
    const { topicStates = [], liveBrokers } = body as {
      topicStates?: RecordedTopic[];
      liveBrokers?: { id: number; v0Host?: string; v0Port?: number }[];
    };
    if (liveBrokers)
      told[`${to} live brokers`] = liveBrokers
        .map(({ id, v0Host: _host, v0Port: _port, ...rest }) => JSON.stringify({ id, ...sorted(rest) }))
        .sort();
    for (const { topicName, topicId, partitionStates = [] } of topicStates) {
      for (const { topicName: _, ...state } of partitionStates) {
        const key = `${to} ${api} ${topicName}-${state['partitionIndex'] as number}`;
        if (api === 'STOP_REPLICA') {
          const sequence = (told[key] ??= []) as unknown[];
          const step = JSON.stringify(sorted(state));
          if (sequence[sequence.length - 1] !== step) sequence.push(step);
          continue;
        }
        if (state['isNew'] === true) isNew.add(key);
        told[key] = sorted({ ...state, topicId, ...('isNew' in state && { isNew: isNew.has(key) }) });
      }
    }
  }
  return told;
}

export function recordedTold(
  requests: readonly RecordedRequest[],
  brokers: readonly number[],
): Record<string, unknown> {
  const inOrder = [...requests].sort((a, b) => a.correlationId - b.correlationId);
  const control = ['LEADER_AND_ISR', 'UPDATE_METADATA', 'STOP_REPLICA'];
  return toldTo(
    inOrder.filter(({ api }) => control.includes(api)).map(({ to, api, request }) => ({ to, api, body: request })),
    brokers,
  );
}

/** Which error the brokers of a step gave for a partition in their answers to LeaderAndIsr. */
export function recordedPartitionErrors(
  requests: readonly RecordedRequest[],
): (broker: number, topic: string, partition: number) => number {
  const errors = new Map<string, number>();
  for (const { to, api, request, response } of requests) {
    if (api !== 'LEADER_AND_ISR') continue;
    for (const { topicId, partitionErrors = [] } of response.topics ?? []) {
      const topic = request.topicStates!.find((it) => it.topicId === topicId)?.topicName;
      for (const { partitionIndex, errorCode } of partitionErrors)
        errors.set(`${to} ${topic}-${partitionIndex}`, errorCode);
    }
  }
  return (broker, topic, partition) => errors.get(`${broker} ${topic}-${partition}`) ?? 0;
}

/** The znodes that the controller is answerable for, with their data and versions. */
export function controllerNodes(nodes: ZkStep['nodes']): Record<string, string> {
  const found: Record<string, string> = {};
  for (const [full, { data, version }] of Object.entries(nodes)) {
    const node = bare(full);
    if (/^\/(brokers\/topics|admin|config\/topics|controller_epoch|isr_change|log_dir_event)/.test(node)) {
      found[node] = `${version} ${data ?? ''}`;
    }
  }
  return found;
}

/** The znodes as they are now, in the form of the recordings. */
export async function nodesNow(lab: ControllerLab): Promise<ZkStep['nodes']> {
  const nodes: Record<string, RecordedNode> = {};
  const walk = async (node: string): Promise<void> => {
    const { data, stat } = await lab.admin.get(node);
    nodes[CHROOT + (node === '/' ? '' : node)] = {
      data: data?.toString() ?? null,
      ephemeral: stat.ephemeralOwner !== 0n,
      version: stat.version,
    };
    const { children } = await lab.admin.children(node);
    await Promise.all(
      children.filter((name) => name !== 'zookeeper').map((name) => walk(`${node === '/' ? '' : node}/${name}`)),
    );
  };
  await lab.during(walk('/'));
  return nodes;
}

/** The AlterPartition that a write of a state answered: one that leaves the leader epoch as it is and changes the ISR. */
async function grantedBy(
  lab: ControllerLab,
  { ops }: RecordedTransaction,
  asked: readonly RecordedRequest[],
): Promise<RecordedRequest | null> {
  const { op, path: full = '', data } = ops![1]!;
  const match = /\/brokers\/topics\/([^/]+)\/partitions\/(\d+)\/state$/.exec(full);
  if (op !== 'setData' || !match) return null;
  if ((await lab.during(lab.admin.exists(bare(full)))) === null) return null;
  const { data: current } = await lab.during(lab.admin.get(bare(full)));
  const [before, after] = [JSON.parse(current!.toString()), JSON.parse(data!)] as {
    leader_epoch: number;
    isr: number[];
  }[];
  if (before!.leader_epoch !== after!.leader_epoch || before!.isr.join() === after!.isr.join()) return null;
  const [, topic, partition] = match;
  const { data: topicData } = await lab.during(lab.admin.get(`/brokers/topics/${topic}`));
  const { topic_id: topicId } = JSON.parse(topicData!.toString()) as { topic_id: string };
  return (
    asked.find(({ request }) =>
      request.topics!.some(
        (it) => it.topicId === topicId && it.partitions!.some((p) => p['partitionIndex'] === Number(partition)),
      ),
    ) ?? null
  );
}

async function alterPartition(lab: ControllerLab, controller: Controller, recorded: RecordedRequest): Promise<void> {
  const brokerId = recorded.request['brokerId'] as unknown as number;
  const request = { ...recorded.request, brokerId, brokerEpoch: lab.brokers.get(brokerId)!.epoch };
  const response = await lab.during(
    controller.alterPartitions(request as unknown as AlterPartitionRequest, recorded.version),
  );
  const byPartition = (topics: readonly RecordedTopic[]): string[] =>
    topics
      .flatMap(({ topicId, partitions }) => partitions!.map((it) => JSON.stringify({ topicId, ...sorted(it) })))
      .sort();
  expect(byPartition(response.topics as RecordedTopic[])).toEqual(byPartition(recorded.response.topics!));
}

/** Does what another than the controller did. False when that was nothing of interest. */
async function applyForeign(lab: ControllerLab, transaction: RecordedTransaction): Promise<boolean> {
  const { op, ops, path: full, data = null, ephemeralsDeleted } = transaction;
  if (op === 'closeSession') {
    let killed = false;
    for (const ephemeral of ephemeralsDeleted ?? []) {
      const id = /\/brokers\/ids\/(\d+)$/.exec(ephemeral)?.[1];
      if (id !== undefined && lab.brokers.has(Number(id))) {
        await lab.kill(Number(id));
        killed = true;
      }
    }
    return killed;
  }
  if (op === 'multi') {
    const id = /\/brokers\/ids\/(\d+)$/.exec(ops![0]!.path ?? '')?.[1];
    if (id === undefined) return false;
    await lab.register(Number(id), ops!.find((it) => it.op === 'setData')!.data!);
    return true;
  }
  if (op !== 'create' && op !== 'setData' && op !== 'delete') return false;
  const node = bare(full!);
  if (/^\/(config\/changes|latest_producer)/.test(node)) return false;
  const bytes = data === null ? null : Buffer.from(data);
  if (op === 'delete') await lab.during(lab.admin.delete(node, ANY_VERSION));
  else if (op === 'setData') await lab.during(lab.admin.set(node, bytes, ANY_VERSION));
  else if (node.startsWith('/log_dir_event_notification/')) {
    await lab.during(
      lab.admin.create('/log_dir_event_notification/log_dir_event_', bytes, { mode: 'persistent_sequential' }),
    );
  } else await lab.during(lab.admin.create(node, bytes));
  return true;
}

function describe(op: string, node: string, version: number | undefined, data: string | null): string {
  return [op, node, ...(version === undefined ? [] : [`version ${version}`]), ...(data === null ? [] : [data])].join(
    ' ',
  );
}

function dataOf(op: MultiOp): string | null {
  return op.op === 'create' || op.op === 'set' ? (op.data?.toString() ?? null) : null;
}

function bare(full: string): string {
  return full === '/' ? '' : full.slice(CHROOT.length);
}

function sorted<T extends object>(value: T): T {
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))) as T;
}
