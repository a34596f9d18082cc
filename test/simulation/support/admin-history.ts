/** What changed a configuration: a topic in one of its lives, or the defaults of all brokers. */
export type ConfigResource = { readonly topic: string; readonly id: string } | 'brokers';

/** What may stand under one name of a configuration. */
export interface ConfigClaim {
  readonly resource: ConfigResource;
  readonly name: string;
  readonly values: ReadonlySet<string>;
}

/** What brokers answered to administrators, each of which changes names that are its own, one after another. */
export class AdminHistory {
  private readonly claims = new Map<string, { resource: ConfigResource; name: string; last: string | null }>();
  /** Asked for without a clear answer: they may have been written, or be written yet. */
  private readonly uncertain = new Map<string, Set<string>>();
  /** By topic and id: how many partitions CreatePartitions said there are, at least. */
  readonly partitions = new Map<string, number>();
  /** Ids under which topics were asked to be deleted. */
  readonly deletedIds = new Set<string>();

  tried(resource: ConfigResource, name: string, value: string): void {
    const key = keyOf(resource, name);
    const values = this.uncertain.get(key);
    if (values) values.add(value);
    else this.uncertain.set(key, new Set([value]));
  }

  refused(resource: ConfigResource, name: string, value: string): void {
    this.uncertain.get(keyOf(resource, name))?.delete(value);
  }

  acknowledged(resource: ConfigResource, name: string, value: string): void {
    const key = keyOf(resource, name);
    this.uncertain.get(key)?.delete(value);
    this.claims.set(key, { resource, name, last: value });
  }

  /** Of each name for which something was acknowledged: the last of that, or what may have come after it. */
  configClaims(): ConfigClaim[] {
    return [...this.claims].map(([key, { resource, name, last }]) => ({
      resource,
      name,
      values: new Set([last!, ...(this.uncertain.get(key) ?? [])]),
    }));
  }

  grown(topic: string, id: string, partitions: number): void {
    const key = `${topic} ${id}`;
    this.partitions.set(key, Math.max(partitions, this.partitions.get(key) ?? 0));
  }
}

function keyOf(resource: ConfigResource, name: string): string {
  return `${resource === 'brokers' ? resource : `${resource.topic} ${resource.id}`} ${name}`;
}
