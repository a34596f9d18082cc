import type { UnifiedLog } from '../unified-log.js';

/** Logs by their partition's key, that can also be asked for by topic. */
export class PartitionLogs extends Map<string, UnifiedLog> {
  /** Made by the first question since a log came or went: changed configurations come in crowds, of thousands of topics at times. */
  private byTopic: Map<string, UnifiedLog[]> | null = null;

  override set(key: string, log: UnifiedLog): this {
    this.byTopic = null;
    return super.set(key, log);
  }

  override delete(key: string): boolean {
    this.byTopic = null;
    return super.delete(key);
  }

  override clear(): void {
    this.byTopic = null;
    super.clear();
  }

  ofTopic(topic: string): readonly UnifiedLog[] {
    this.byTopic ??= groupedByTopic(this.values());
    return this.byTopic.get(topic) ?? [];
  }
}

function groupedByTopic(logs: Iterable<UnifiedLog>): Map<string, UnifiedLog[]> {
  const byTopic = new Map<string, UnifiedLog[]>();
  for (const log of logs) {
    const { topic } = log.topicPartition;
    const others = byTopic.get(topic);
    if (others) others.push(log);
    else byTopic.set(topic, [log]);
  }
  return byTopic;
}
