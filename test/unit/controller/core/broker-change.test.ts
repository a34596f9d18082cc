import type { BrokerInfo } from '../../../../src/cluster/index.js';
import { diffBrokers, sameEndPoints } from '../../../../src/controller/core/broker-change.js';

const broker = (id: number, epoch = 1n, port = 9092): BrokerInfo => ({
  id,
  endPoints: [{ host: 'localhost', port, listenerName: 'PLAINTEXT', securityProtocol: 'PLAINTEXT' }],
  rack: null,
  epoch,
});
const knowing = (...brokers: BrokerInfo[]) => new Map(brokers.map((it) => [it.id, it]));
const ids = (brokers: readonly BrokerInfo[]) => brokers.map(({ id }) => id);

test('tells brokers that came, went, and did both, each by ascending id', () => {
  const change = diffBrokers(
    [broker(5), broker(3, 9n), broker(4), broker(1)],
    knowing(broker(7), broker(1), broker(3), broker(2)),
  );
  expect({ ...change, added: ids(change.added), bounced: ids(change.bounced) }).toEqual({
    added: [4, 5],
    bounced: [3],
    dead: [2, 7],
  });
});

test('takes an older epoch than it knows for no change', () => {
  expect(diffBrokers([broker(1, 3n)], knowing(broker(1, 4n)))).toEqual({ added: [], bounced: [], dead: [] });
});

test('notices a changed port but not a changed epoch', () => {
  expect(sameEndPoints(broker(1, 1n), broker(1, 2n))).toBe(true);
  expect(sameEndPoints(broker(1), broker(1, 1n, 9093))).toBe(false);
});
