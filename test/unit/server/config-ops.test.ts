/** Lists of configurations are changed as Kafka changes them, to the comma. */
import { topicDefinitionOf } from '../../../src/config/index.js';
import { applyOps } from '../../../src/server/admin/config-ops.js';

const [APPEND, SUBTRACT] = [2, 3];
const NAME = 'cleanup.policy';

test.each([
  ['compact', APPEND, 'delete,', 'compact,delete'],
  ['compact,', APPEND, 'delete', 'compact,delete'],
  ['compact', APPEND, ',,', 'compact'],
  ['compact', APPEND, '', 'compact,'],
  ['', APPEND, ',delete', ',delete'],
  ['delete', APPEND, 'delete,delete', 'delete'],
  ['compact,delete,compact', SUBTRACT, 'compact', 'delete,compact'],
  ['compact,delete,compact', SUBTRACT, 'compact,compact', 'delete'],
  ['compact,delete', SUBTRACT, 'delete,', 'compact'],
  ['compact', SUBTRACT, 'delete', 'compact'],
  ['compact', SUBTRACT, 'compact', ''],
])('%j, operation %i with %j, becomes %j', (before, configOperation, value, after) => {
  const configs = [{ name: NAME, configOperation, value }];
  expect(applyOps(new Map([[NAME, before]]), configs, topicDefinitionOf).get(NAME)).toBe(after);
});
