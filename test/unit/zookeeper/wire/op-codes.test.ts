import { ZK_ERROR_CODES } from '../../../../src/zookeeper/core/errors.js';
import { OpCode, Xid } from '../../../../src/zookeeper/core/op-codes.js';

// Another client's tables, written from the same protocol.
const jute = require('node-zookeeper-client/lib/jute') as {
  OP_CODES: Record<string, number>;
  XID_NOTIFICATION: number;
  XID_PING: number;
  XID_AUTHENTICATION: number;
};
const exception = require('node-zookeeper-client/lib/Exception') as Record<string, unknown>;

test('operation codes are those of node-zookeeper-client', () => {
  const ours = Object.entries(OpCode).map(([name, code]): [string, number] => [
    name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase(),
    code,
  ]);
  // It does not know create2.
  expect(Object.fromEntries(ours.filter(([name]) => name !== 'CREATE2'))).toEqual(
    Object.fromEntries(ours.map(([name]) => [name, jute.OP_CODES[name]]).filter(([, code]) => code !== undefined)),
  );
  expect(Xid).toMatchObject({
    notification: jute.XID_NOTIFICATION,
    ping: jute.XID_PING,
    auth: jute.XID_AUTHENTICATION,
  });
});

test('error codes are those of node-zookeeper-client', () => {
  const named = Object.entries(exception).flatMap(([name, code]): [string, number][] =>
    typeof code === 'number' && name !== 'OK' ? [[name.replace(/_/g, ''), code]] : [],
  );
  const ours = new Map(Object.entries(ZK_ERROR_CODES).map(([name, code]) => [name.toUpperCase(), code]));
  expect(named.length).toBeGreaterThan(15);
  for (const [name, code] of named) expect([name, ours.get(name)]).toEqual([name, code]);
});
