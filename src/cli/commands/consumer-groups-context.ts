import type { ClusterClient } from '../client/cluster-client.js';
import { listGroups } from '../client/group-admin.js';
import type { OptionChecks, ParsedOptions } from '../options.js';
import type { Terminal } from '../terminal.js';

/** What every action on consumer groups works with. */
export interface GroupsContext {
  readonly client: ClusterClient;
  readonly options: ParsedOptions;
  readonly check: OptionChecks;
  readonly terminal: Terminal;
}

/** The groups that were named, or all. */
export async function selectedGroups({ client, options }: GroupsContext): Promise<readonly string[]> {
  if (!options.has('all-groups')) return [...new Set(options.all('group'))];
  return (await listGroups(client)).map(({ group }) => group);
}
