import { splitAtEachComma, valueToText, type ConfigDefinition } from '../../config/index.js';
import { ErrorCode, type IncrementalAlterConfigsRequest } from '../../protocol/index.js';
import { AdminError } from './admin-error.js';

export type IncrementalResource = IncrementalAlterConfigsRequest['resources'][number];
type IncrementalOp = IncrementalResource['configs'][number];

/** `AlterConfigOp.OpType` */
export const OpType = { SET: 0, DELETE: 1, APPEND: 2, SUBTRACT: 3 } as const;
export const OP_TYPES: ReadonlySet<number> = new Set(Object.values(OpType));

/** Applies operations one after the other (`ConfigAdminManager.prepareIncrementalConfigs`). */
export function applyOps(
  before: ReadonlyMap<string, string>,
  ops: readonly IncrementalOp[],
  definitionFor: (name: string) => ConfigDefinition | undefined,
): Map<string, string> {
  const config = new Map(before);
  for (const { name, configOperation, value } of ops) {
    switch (configOperation) {
      case OpType.SET:
        config.set(name, value!);
        break;
      case OpType.DELETE:
        config.delete(name);
        break;
      case OpType.APPEND: {
        const old = listOf(config, name, 'append', definitionFor);
        const known = new Set(old);
        config.set(name, [...old, ...splitAtEachComma(value!).filter((item) => !known.has(item))].join(','));
        break;
      }
      case OpType.SUBTRACT: {
        const old = listOf(config, name, 'subtract', definitionFor);
        config.set(name, difference(old, splitAtEachComma(value!)).join(','));
        break;
      }
      default:
        // Kafka fails on it with a NullPointerException, and so answers this.
        throw new AdminError(ErrorCode.UNKNOWN_SERVER_ERROR);
    }
  }
  return config;
}

function listOf(
  config: ReadonlyMap<string, string>,
  name: string,
  operation: string,
  definitionFor: (name: string) => ConfigDefinition | undefined,
): string[] {
  const definition = definitionFor(name);
  if (!definition) throw new AdminError(ErrorCode.INVALID_CONFIG, `Unknown config name: ${name}`);
  if (definition.type !== 'list') {
    throw new AdminError(ErrorCode.INVALID_CONFIG, `Config value ${operation} is not allowed for config key: ${name}`);
  }
  const text = config.get(name) ?? valueToText(definition.default, 'list') ?? '';
  return text === '' ? [] : splitAtEachComma(text);
}

/** Of equal items as many go as are named, the first ones (`List.diff`). */
function difference(items: readonly string[], named: readonly string[]): string[] {
  const left = new Map<string, number>();
  for (const item of named) left.set(item, (left.get(item) ?? 0) + 1);
  return items.filter((item) => {
    const count = left.get(item) ?? 0;
    if (count > 0) left.set(item, count - 1);
    return count === 0;
  });
}
