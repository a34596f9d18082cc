import { illegalArgument } from '../client/client-error.js';
import type { ParsedOptions } from '../options.js';
import type { DescribeFilter } from './topic-description.js';

/** The reports that `--describe` was asked for. */
export function describeFilter(options: ParsedOptions): DescribeFilter {
  return {
    underReplicated: options.has('under-replicated-partitions'),
    unavailable: options.has('unavailable-partitions'),
    underMinIsr: options.has('under-min-isr-partitions'),
    atMinIsr: options.has('at-min-isr-partitions'),
    overrides: options.has('topics-with-overrides'),
  };
}

/** A topic that was named must be there, unless `--if-exists` says otherwise. */
export function ensureTopicExists(found: readonly string[], options: ParsedOptions): void {
  const topic = options.value('topic');
  if (topic !== null && found.length === 0 && !options.has('if-exists')) {
    throw illegalArgument(`Topic '${topic}' does not exist as expected`);
  }
}
