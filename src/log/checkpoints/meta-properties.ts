/** `meta.properties` of each log directory: which broker of which cluster it belongs to (`BrokerMetadataCheckpoint`, version 0). */
import type { FileSystem, Logger } from '../../common/index.js';
import { readPropertiesFile } from '../../config/index.js';

export const META_PROPERTIES = 'meta.properties';
/** What may be in a directory in which no broker has run: what a file system has of its own, a lock, and the log files of a process. */
const NOT_OURS = /^(lost\+found|\.lock|[\w-]+\.(out|log(\.\d+)?))$/;
const VERSION = '0';
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];

export interface MetaProperties {
  /** Null while the broker has not got its id yet. */
  readonly brokerId: number | null;
  readonly clusterId: string | null;
}

/** The directories say different things, or what no version of Kafka says: nobody can tell whose they are. */
export class InconsistentMetaPropertiesError extends Error {
  override readonly name = 'InconsistentMetaPropertiesError';
}

export interface LoadedMetaProperties {
  /** What all directories that say something agree on; null when none does. */
  readonly properties: MetaProperties | null;
  /** Directories whose file could not be read. */
  readonly offlineDirs: readonly string[];
}

/** Reads the file of every directory. Throws `InconsistentMetaPropertiesError` when they do not agree. */
export function loadMetaProperties(fs: FileSystem, dirs: readonly string[], logger: Logger): LoadedMetaProperties {
  const offlineDirs: string[] = [];
  const found = new Map<string, MetaProperties>();
  for (const dir of dirs) {
    const path = `${dir}/${META_PROPERTIES}`;
    try {
      // Whoever opens the directories says what is wrong with a file in place of one.
      if (!fs.exists(dir) || !fs.stat(dir).isDirectory) continue;
      fs.remove(`${path}.tmp`);
      if (!fs.exists(path)) {
        // There should be one beside anything else that a broker has made.
        if (fs.readDir(dir).some((name) => !NOT_OURS.test(name)))
          logger.warn('No meta.properties file under dir', { path });
        continue;
      }
      const properties = parseMetaProperties(fs.readFile(path).toString('utf8'), path);
      if (properties.brokerId !== null || properties.clusterId !== null) found.set(dir, properties);
      else logger.warn('meta.properties names no broker and no cluster; it will be written again', { path });
    } catch (error) {
      if (error instanceof InconsistentMetaPropertiesError) throw error;
      logger.error('Failed to read meta.properties', { path, error });
      offlineDirs.push(dir);
    }
  }
  const texts = new Set([...found.values()].map((properties) => JSON.stringify(properties)));
  if (texts.size > 1) {
    const each = [...found].map(
      ([dir, { brokerId, clusterId }]) => `- ${dir} -> broker.id=${brokerId}, cluster.id=${clusterId}`,
    );
    throw new InconsistentMetaPropertiesError(
      'BrokerMetadata is not consistent across log.dirs. This could happen if multiple brokers shared a log directory ' +
        `(log.dirs) or partial data was manually copied from another broker. Found:\n${each.join('\n')}`,
    );
  }
  return { properties: found.values().next().value ?? null, offlineDirs };
}

/** Writes the file into every directory where it does not say this already. Gives the directories that could not be written. */
export function writeMetaProperties(
  fs: FileSystem,
  dirs: readonly string[],
  properties: MetaProperties,
  nowMs: number,
  logger: Logger,
): string[] {
  const failed: string[] = [];
  for (const dir of dirs) {
    const path = `${dir}/${META_PROPERTIES}`;
    try {
      if (
        fs.exists(path) &&
        sameProperties(parseMetaProperties(fs.readFile(path).toString('utf8'), path), properties)
      ) {
        continue;
      }
      fs.replaceFile(path, formatMetaProperties(properties, nowMs));
    } catch (error) {
      logger.error('Failed to write meta.properties', { path, error });
      failed.push(dir);
    }
  }
  return failed;
}

function parseMetaProperties(text: string, path: string): MetaProperties {
  const properties = readPropertiesFile(text);
  // Kafka's RawMetaProperties takes a missing version, as in a file that a loss of power left empty, for 0.
  const version = properties.get('version') ?? VERSION;
  if (version !== VERSION) {
    throw new InconsistentMetaPropertiesError(`${path}: version ${version}, need ${VERSION}`);
  }
  const brokerId = properties.get('broker.id');
  if (brokerId !== undefined && !/^-?\d+$/.test(brokerId)) {
    throw new InconsistentMetaPropertiesError(`${path}: broker.id ${brokerId}, need an integer`);
  }
  return {
    brokerId: brokerId === undefined ? null : Number(brokerId),
    clusterId: properties.get('cluster.id') ?? null,
  };
}

/** As `java.util.Properties` stores it: an empty comment, the time, the entries. */
function formatMetaProperties({ brokerId, clusterId }: MetaProperties, nowMs: number): string {
  const lines = ['#', `#${javaDate(nowMs)}`];
  if (clusterId !== null) lines.push(`cluster.id=${clusterId}`);
  if (brokerId !== null) lines.push(`broker.id=${brokerId}`);
  lines.push(`version=${VERSION}`);
  return `${lines.join('\n')}\n`;
}

/** `Sat Nov 21 07:46:31 UTC 2026` */
function javaDate(ms: number): string {
  const date = new Date(ms);
  const [, time] = date.toISOString().split(/[T.]/);
  const day = String(date.getUTCDate()).padStart(2, '0');
  return `${DAYS[date.getUTCDay()]} ${MONTHS[date.getUTCMonth()]} ${day} ${time} UTC ${date.getUTCFullYear()}`;
}

function sameProperties(a: MetaProperties, b: MetaProperties): boolean {
  return a.brokerId === b.brokerId && a.clusterId === b.clusterId;
}
