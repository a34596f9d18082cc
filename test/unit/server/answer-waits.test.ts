/** Large answers before they are made: who waits for his turn, and what is counted for him. */
import { SimulatedClock } from '../../../src/common/index.js';
import { ApiKey, ErrorCode } from '../../../src/protocol/index.js';
import { answerTurnsOf } from '../../../src/server/answer-turns.js';
import { call, type RequestCall } from './request-call.js';

const MIB = 1024 * 1024;
const list = <T>(length: number, make: (at: number) => T): T[] => Array.from({ length }, (_, at) => make(at));

/** A cluster in which all is large, or all is small. Counts what answers are begun. */
class Parts {
  begun = 0;

  constructor(size: number) {
    this.groups = {
      numGroups: size,
      numMembers: (): number => Math.ceil(size / 30),
      numOffsets: (): number => size,
      fetchAllOffsets: (): object => this.begin({ errorCode: ErrorCode.NOT_COORDINATOR }),
      describeGroup: (groupId: string): object => this.begin({ errorCode: 0, groupId }),
      listGroups: (): object => this.begin({ errorCode: 0, groups: [] }),
    };
    this.metadata = {
      numPartitionsInCluster: size,
      topicsInCluster: (): string[] => this.begin([]),
      onUpdate: () => () => undefined,
    };
  }

  private begin<T>(result: T): T {
    this.begun++;
    return result;
  }

  readonly groups: object;
  readonly metadata: object;
  readonly controller = { electLeaders: () => Promise.resolve([]) };
}

interface Asked extends Pick<RequestCall, 'apiKey' | 'version' | 'body'> {
  readonly name: string;
  /** How often an answer begins. */
  readonly times?: number;
}

const fewBytes: readonly Asked[] = [
  {
    name: 'OffsetFetch of all offsets in version 7',
    apiKey: ApiKey.OffsetFetch,
    version: 7,
    body: { groupId: 'g', topics: null },
  },
  {
    name: 'OffsetFetch of all offsets of one group',
    apiKey: ApiKey.OffsetFetch,
    version: 8,
    body: { groups: [{ groupId: 'g', topics: null }] },
  },
  {
    name: 'DescribeGroups of three groups',
    apiKey: ApiKey.DescribeGroups,
    version: 4,
    body: { groups: ['a', 'b', 'c'] },
    times: 3,
  },
  { name: 'ListGroups', apiKey: ApiKey.ListGroups, version: 4, body: {} },
  {
    name: 'ElectLeaders of all partitions',
    apiKey: ApiKey.ElectLeaders,
    version: 2,
    body: { electionType: 0, topicPartitions: null, timeoutMs: 1000 },
  },
];

describe.each(fewBytes)('$name', ({ name: _name, times = 1, ...asked }) => {
  test.each([
    ['at once, whoever has his turn, where it is of little', 50],
    ['when its turn has come where it is of much', 1_000_000],
  ])('is begun %s', async (_title, size) => {
    const clock = new SimulatedClock();
    const parts = new Parts(size);
    const turns = answerTurnsOf(clock, asked.apiKey);
    const large = { address: 'other', bytes: 64 * MIB, begin: () => undefined };
    turns.enter(large);
    const outcomes = await Promise.all(list(6, () => call({ ...asked, services: { clock, ...parts } })));
    const areAnswered = (): boolean => outcomes.every(({ answer }) => answer !== null);
    expect([parts.begun, areAnswered()]).toEqual(size === 50 ? [6 * times, true] : [0, false]);
    turns.leave(large);
    for (let turn = 0; turn < 10; turn++) await clock.advance(10);
    expect([parts.begun, areAnswered()]).toEqual([6 * times, true]);
  });
});
