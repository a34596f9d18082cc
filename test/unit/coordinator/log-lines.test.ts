/** What clients say, and how many of them do something at one time, does not make a line of the log long. */
import { silentLogger } from '../../../src/common/index.js';
import { Fixture } from './support.js';

const MEMBERS = 30;
/** A member's id has some fifty characters here. */
const LONG_LINE = 1000;

let lines: { message: string; fields: object }[];
beforeEach(() => {
  lines = [];
  jest.spyOn(silentLogger, 'info').mockImplementation((message, fields = {}) => void lines.push({ message, fields }));
});
afterEach(() => jest.restoreAllMocks());

const longest = (): number => Math.max(...lines.map(({ fields }) => JSON.stringify(fields).length));
const lineOf = (message: string): object | undefined => lines.find((line) => line.message === message)?.fields;

test('the reasons of those that join, join again and leave', async () => {
  const fixture = await new Fixture().elected();
  const reason = 'for a long reason '.repeat(1500);
  const { memberId, joined } = await fixture.joinDynamic({ reason });
  await fixture.clock.advance(0);
  await joined;
  void fixture.join({ memberId, reason });
  await fixture.clock.advance(0);
  fixture.leave(memberId, undefined, reason);
  expect(lines.filter(({ fields }) => JSON.stringify(fields).includes('for a long reason'))).toHaveLength(3);
  expect(longest()).toBeLessThan(LONG_LINE);
});

describe('of thirty members', () => {
  const timeouts = { sessionTimeoutMs: 1_000_000, rebalanceTimeoutMs: 6000 };

  async function group(): Promise<{ fixture: Fixture; leader: string }> {
    const fixture = await new Fixture(undefined, { 'group.initial.rebalance.delay.ms': '1000' }).elected();
    const members = [];
    for (let at = 0; at < MEMBERS; at++) members.push(await fixture.joinDynamic(timeouts));
    await fixture.clock.advance(3000);
    const [first] = await Promise.all(members.map(({ joined }) => joined));
    return { fixture, leader: first!.leader };
  }

  test('those that do not sync', async () => {
    const { fixture } = await group();
    await fixture.clock.advance(7000);
    const removed = lines.filter(({ fields }) => JSON.stringify(fields).includes('on pending sync request expiration'));
    expect(removed).toHaveLength(1);
    expect(JSON.stringify(removed[0]!.fields)).toContain(` and ${MEMBERS - 10} others `);
    expect(longest()).toBeLessThan(LONG_LINE);
  });

  test('those that do not join again', async () => {
    const { fixture, leader } = await group();
    await fixture.sync(leader, 1);
    void fixture.join({ ...timeouts, memberId: leader, reason: 'again' });
    await fixture.clock.advance(7000);
    expect(lineOf('Removed dynamic members who have not joined')).toMatchObject({ count: MEMBERS - 1 });
    expect(longest()).toBeLessThan(LONG_LINE);
  });
});
