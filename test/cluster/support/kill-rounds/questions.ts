import fs from 'node:fs';
import type { ToolResult } from '../../../support/processes.js';
import { possibleEnds, type Interval } from './truth.js';

/** What people ask of a cluster while it starts, and how to tell an answer that is not so. */
export interface Question {
  readonly name: string;
  readonly args: readonly string[];
  /** What is not so in the answer; empty when there is nothing. */
  readonly faults: (answer: ToolResult, interval: Interval) => string[] | Promise<string[]>;
}

type Judge = (answer: ToolResult, interval: Interval) => string[];

/** What no command may say of what is there. */
const DENIALS = /does not exist|could not match|no such|unknown topic|not found|has no\b/i;
const STACK = /^\s+at /m;

/** Of the tools, each at all brokers: `topic` is described, and its partitions are those that the group reads. */
export function questionsAt(bootstrap: string, topic: string, group: string): Question[] {
  const at = ['--bootstrap-server', bootstrap];
  return [
    { name: 'topics --list', args: ['topics', ...at, '--list'], faults: honest(faultsOfList) },
    {
      name: 'topics --describe',
      args: ['topics', ...at, '--describe', '--topic', topic],
      faults: honest((answer, { before }) =>
        faultsOfDescription(
          answer,
          before.find((each) => each.topic === topic)!,
        ),
      ),
    },
    {
      name: 'get-offsets',
      args: ['get-offsets', ...at, '--exclude-internal-topics'],
      faults: honest(faultsOfOffsets),
    },
    {
      name: 'consumer-groups --describe',
      args: ['consumer-groups', ...at, '--describe', '--group', group],
      faults: honest((answer, interval) => faultsOfGroup(answer, interval, topic)),
    },
  ];
}

/** The same, asked by whom gives up soon: more of them come right when there is somebody who answers. */
export function impatient(questions: readonly Question[], propertiesFile: string): Question[] {
  fs.writeFileSync(propertiesFile, 'request.timeout.ms=1000\ndefault.api.timeout.ms=2000\n');
  return questions.map(({ name, args, faults }) => ({
    name: `${name}, for 2 s`,
    args: [...args, '--command-config', propertiesFile],
    faults,
  }));
}

/** Of the cluster's processes. What is up has to know of everything: `unknownAt` asks the brokers at these ports. */
export function questionOfStatus(
  dir: string,
  unknownAt: (ports: number[], upheavals: number) => Promise<string[]>,
): Question {
  return {
    name: 'cluster status',
    args: ['cluster', 'status', '--dir', dir],
    faults: async (answer, interval) => {
      const up = [...answer.stdout.matchAll(/^broker \d+: 127\.0\.0\.1:(\d+), pid \d+$/gm)].map(([, port]) =>
        Number(port),
      );
      return [...honest(() => [])(answer, interval), ...(await unknownAt(up, interval.upheavals))];
    },
  };
}

/** A command may fail while nobody serves, as long as it says that it fails, and denies nothing. */
function honest(faults: Judge): Judge {
  return (answer, interval) => {
    const { exitCode, stdout, stderr } = answer;
    const said = stdout + stderr;
    const found = [];
    // Our group has no active members now and then, and that is so.
    const denial = DENIALS.exec(said.replace(/^Consumer group '.*' has no active members\.$/m, ''))?.[0];
    if (denial !== undefined) found.push(`it says '${denial}'`);
    if (STACK.test(said)) found.push('it prints a stack');
    if (exitCode === null) found.push('it does not end');
    if (exitCode === 0) found.push(...faults(answer, interval));
    else if (said.trim() === '') found.push(`it ends with ${exitCode} and says nothing`);
    return found;
  };
}

function faultsOfList({ stdout }: ToolResult, { before }: Interval): string[] {
  const listed = stdout.split('\n');
  return before.filter(({ topic }) => !listed.includes(topic)).map(({ topic }) => `${topic} is not listed`);
}

function faultsOfDescription(
  { stdout }: ToolResult,
  { topic, partitions, replicationFactor }: Interval['before'][number],
): string[] {
  const [head = '', ...lines] = stdout.trimEnd().split('\n');
  const sizes = `PartitionCount: ${partitions.length}\tReplicationFactor: ${replicationFactor}\t`;
  if (!head.startsWith(`Topic: ${topic}\t`) || !head.includes(sizes)) return [`it begins with '${head}'`];
  return partitions.flatMap((_, partition) => {
    const line = lines.find((each) => each.includes(`\tPartition: ${partition}\t`));
    if (line === undefined) return [`partition ${partition} is left out`];
    const replicas = /\tReplicas: ([\d,]+)\t/.exec(line)?.[1]?.split(',') ?? [];
    return replicas.length === replicationFactor ? [] : [`partition ${partition} has the replicas ${replicas.join()}`];
  });
}

function faultsOfOffsets({ stdout, stderr }: ToolResult, interval: Interval): string[] {
  const found = new Map(stdout.split('\n').map((line) => splitLast(line, ':')));
  return interval.before.flatMap(({ topic, partitions }) =>
    partitions.flatMap((_, partition) => {
      const name = `${topic}:${partition}`;
      const end = found.get(name);
      if (end === undefined) return stderr.includes(`topic-partition ${name} due`) ? [] : [`${name} is left out`];
      return faultsOfEnd(name, Number(end), possibleEnds(interval, topic, partition));
    }),
  );
}

/** Lines of group, topic, partition, offset, end, lag and more. The group is not described at all when the command says that it failed. */
function faultsOfGroup({ stdout }: ToolResult, interval: Interval, topic: string): string[] {
  if (/^Error: Executing consumer group command failed due to \S/m.test(stdout)) return [];
  const rows = stdout.split('\n').map((line) => line.trim().split(/\s+/));
  return interval.before
    .find((each) => each.topic === topic)!
    .partitions.flatMap(({ committed }, partition) => {
      if (committed === null) return [];
      const row = rows.find(([, name, id]) => name === topic && id === String(partition));
      if (!row) return [`${topic}:${partition} is left out, where ${committed} is committed`];
      const [, , , current, end] = row;
      const rewound = Number(current) >= committed ? [] : [`${topic}:${partition} is at ${current} after ${committed}`];
      return [
        ...rewound,
        ...faultsOfEnd(`${topic}:${partition}`, Number(end), possibleEnds(interval, topic, partition)),
      ];
    });
}

function faultsOfEnd(name: string, end: number, [least, most]: [number, number]): string[] {
  return end >= least && end <= most ? [] : [`${name} ends at ${end}, where ${least} to ${most} may be`];
}

function splitLast(line: string, separator: string): [string, string] {
  const at = line.lastIndexOf(separator);
  return [line.slice(0, at), line.slice(at + 1)];
}
