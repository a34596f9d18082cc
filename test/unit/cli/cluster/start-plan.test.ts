import { brokersOf, membersOf } from '../../../../src/cli/cluster/core/servers.js';
import { planStart } from '../../../../src/cli/cluster/core/start-plan.js';

const members = membersOf('/d', { members: 3, base_port: 2181 });
const brokers = brokersOf('/d', { brokers: 2, zookeepers: 3, base_port: 9092 });
const servers = [...members, ...brokers];
const free = (): null => null;

test('what runs is left alone, and the rest is started', () => {
  const isRunning = ({ id }: { id: number }): boolean => id === 2;
  expect(planStart({ servers, isRunning, occupant: free })).toEqual({
    ok: true,
    value: [members[0], members[2], brokers[0]],
  });
});

test.each([
  [9092, 'port 9092 of broker 1 is taken'],
  [2182, 'port 2182 of member 2 is taken'],
  [2194, 'port 2194 of member 3 is taken'],
  [2202, 'port 2202 of member 1 is taken'],
])('nothing is started when port %d is taken by another', (taken, refusal) => {
  const occupant = (port: number): string | null => (port === taken ? 'is taken' : null);
  expect(planStart({ servers, isRunning: () => false, occupant })).toEqual({ ok: false, refusal });
});

test('a server that runs has its ports by right', () => {
  expect(planStart({ servers, isRunning: () => true, occupant: () => 'is taken' })).toEqual({ ok: true, value: [] });
});
