import { lacking } from '../../../../src/cli/cluster/core/known-brokers.js';

const brokers = [9092, 9093].map((port, at) => ({ nodeId: at + 1, port }));

test.each([
  { title: 'all', brokers, controllerId: 2, found: null },
  { title: 'no controller', brokers, controllerId: -1, found: 'controller' },
  { title: 'a controller that has gone', brokers, controllerId: 3, found: 'controller' },
  { title: 'one broker', brokers: brokers.slice(1), controllerId: 2, found: [9092] },
])('a broker that knows of $title lacks $found', ({ brokers: known, controllerId, found }) => {
  expect(lacking({ brokers: known, controllerId }, [9092, 9093], ({ port }, expected) => port === expected)).toEqual(
    found,
  );
});
