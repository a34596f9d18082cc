import type { BrokerConfig, BrokerConfigName } from './broker-config.js';

/**
 * Configurations that are read and checked but change nothing yet, with the reason. One that is set is named once in the log at the
 * start; docs/compatibility.md is made from this table, and a test looks that no other configuration goes unread.
 */
const REASONS: readonly (readonly [reason: string, names: readonly BrokerConfigName[]])[] = [
  [
    'one thread does the work of all of them',
    [
      'num.network.threads',
      'num.io.threads',
      'background.threads',
      'num.recovery.threads.per.data.dir',
      'num.replica.alter.log.dirs.threads',
      'group.coordinator.threads',
    ],
  ],
];

const REASON_BY_NAME: ReadonlyMap<string, string> = new Map(
  REASONS.flatMap(([reason, names]) => names.map((name) => [name, reason] as const)),
);

/** Why a configuration has no effect; null when it has one. */
export function reasonOfNoEffect(name: string): string | null {
  return REASON_BY_NAME.get(name) ?? null;
}

export interface NoEffectNote {
  readonly name: string;
  readonly sentence: string;
}

/** One note for each configuration that is set and has no effect, in the order of the names. */
export function noEffectNotes(config: BrokerConfig): NoEffectNote[] {
  return [...REASON_BY_NAME.keys()]
    .filter((name) => config.staticTexts.has(name))
    .sort()
    .map((name) => ({ name, sentence: `This configuration has no effect: ${REASON_BY_NAME.get(name)!}` }));
}
