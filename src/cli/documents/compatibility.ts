import {
  BROKER_CONFIGS,
  BROKER_SYNONYMS,
  OTTLA_CONFIGS,
  reasonOfNoEffect,
  reasonOfNoTopicEffect,
  TOPIC_CONFIGS,
  valueToText,
  type ConfigDefinition,
  type TopicConfigName,
} from '../../config/index.js';
import { APIS } from '../../protocol/index.js';
import { API_HANDLERS, offeredApis } from '../../server/index.js';
import { KAFKA_VERSION } from '../version.js';

const UNLOADED_GROUPS = [
  'A partition of `__consumer_offsets` that its new leader cannot read (its log is moved to another directory meanwhile, the process may open no more ' +
    'files) is read again every second, and its groups are answered COORDINATOR_LOAD_IN_PROGRESS until then. Kafka logs the error and serves the ' +
    'partition as if it were empty: consumers of its groups go on at `auto.offset.reset`.',
  'A record that is not understood, or a batch that does not decompress, is logged and passed over; Kafka then loads no group of the partition.',
  'A broker that loses a partition of `__consumer_offsets`, in whichever way (its directory fails, it is told to stop the replica, or that another ' +
    'leads, also one that is not alive to its knowledge), answers NOT_COORDINATOR for its groups from that step on. One of Kafka goes on beside the ' +
    'next coordinator when a directory has failed, and leads on under its old epoch when it does not know the new leader (with KRaft it steps down).',
  'A commit that is being written, or waits for the end of its transaction, while its group, its offset or its topic is deleted goes with it, and a ' +
    'commit for a topic that is deleted before it is stored is answered UNKNOWN_TOPIC_OR_PARTITION. In Kafka they are back with the next load.',
  'When the topic is deleted and made again its groups have coordinators; brokers of Kafka that had coordinated by the old one answer ' +
    'NOT_COORDINATOR until its leader epochs are above those that they remember, or until they are started again.',
  'A broker that stood still for a time waits as long for members that it would expel, at most as long as they may be silent: what they sent ' +
    'meanwhile has yet to be read.',
  'How many partitions the topic has is read again for each topic that takes the name, and until it can be read; Kafka reads it once, when a broker ' +
    'starts, and counts with `offsets.topic.num.partitions` from then on when the topic is made later or its assignment is no JSON.',
].join('\n\n');

const TWO_ADMINISTRATORS = [
  'The assignment of a topic is written on the version of its znode that was read, and decided again when someone else has written it since: partitions ' +
    'that are added (CreatePartitions, `topics --zookeeper`) and replicas that are moved at the same time do not undo each other. In Kafka the later write wins.',
  'A configuration is changed in the same way, and its notification is written in the same step: of two IncrementalAlterConfigs that two brokers are ' +
    'asked for at once neither is lost (Kafka answers both, and keeps the later). A topic is created with its configuration in one step: of two who ' +
    'create it at once one is refused, and leaves nothing behind (in Kafka the topic of the one may have the configuration of the other). A ' +
    'configuration, or one with the assignment of its new topic, that takes more than a request to ZooKeeper may (1 MiB) is refused with INVALID_CONFIG.',
  "Notifications of changes are removed once they are 15 minutes older than the newest, by ZooKeeper's clock: a broker whose own is wrong removes none that " +
    'others have not read. One that someone makes by hand, with a number that no other will reach, hides no other (in Kafka all until the restart).',
].join('\n\n');

const LOG_FILES = [
  'In the directory that the environment variable LOG_DIR names (with `-daemon`, or else in the first of `log.dirs` that can be written to) a broker writes `server.log`, ' +
    '`controller.log` and `state-change.log`, as Kafka does with its `log4j.properties`, and in the foreground `server.log` to stdout as well. Without ' +
    'LOG_DIR all goes to stdout, but for `state.change.logger`, which is FATAL then unless the level is `debug` or `trace`, or its own is set ' +
    '(`ottla.log.level.state.change.logger=info`, also while the broker runs).',
  'A file is put aside as `server.log.1` before it gets longer than `ottla.log.rotation.bytes`, and `ottla.log.rotation.files` of each are kept. Kafka ' +
    'begins a file every hour and removes none, and what a daemon of it writes to stdout, all of `server.log` again, is never put aside. A full ' +
    'disk costs lines, whose number is written when there is room.',
  'Where something happens to many partitions at once `server.log` and `controller.log` have the first three lines, and one that counts and names ' +
    'the others; the roles that a LeaderAndIsr gave are one line. That partitions have no leader while the only broker that has them in sync is ' +
    'away is a warning with their number (an ERROR for each in Kafka), and a broker that is away is one line without a stack.',
].join('\n\n');

const LARGE_BATCHES =
  'A batch may hold 2 GiB uncompressed, all batches of a Produce 8 GiB, and one that has to be built again for its topic 128 MiB, with four bytes more for each record (thirteen where times are not counted from that of the first); beyond, ' +
  'MESSAGE_TOO_LARGE. A batch of `__consumer_offsets` that holds more than 16 MiB is passed over when its groups are loaded. Kafka has no such bounds. ' +
  'A compressed batch whose records ' +
  'state lengths other than theirs, a gzip batch with other bytes behind its end, and a snappy block of more than 32 MiB that repeats what lies ' +
  'more than 16 MiB before (no writer looks back beyond 64 KiB), are refused (Kafka takes them); a record with a time below -1 ' +
  'in a batch that is compressed again is taken (Kafka refuses it). Of the records that are refused in one Produce the first thousand are named, and ' +
  'one of each further batch (Kafka names all).';

const VAST_REQUESTS =
  'A request that names more than there is memory for (its objects may take an eighth of the heap) ' +
  'costs its connection, with a line in the log: Kafka may run out of memory. An error that no handler expected closes the connection ' +
  'also where Kafka would answer it with nothing in it: Metadata of all topics, and ElectLeaders 0 of all partitions. ' +
  'An answer beyond 64 KiB that there is no room for beside those that clients have not read (128 MiB for all, those of one address count twice) costs its connection too; ' +
  'Kafka may run out of memory. A sentence of more than 32,767 bytes is cut; Kafka closes the connection. ' +
  'Without `queued.max.request.bytes` requests that are being read take an eighth of the memory of the machine or the container, at least 64 MiB and at most 1 GiB, where Kafka has no bound; ' +
  'those of one address, which behind a proxy is everyone, take no more than they leave to the others. A line says so when they wait. ' +
  'Of connections that come too fast or are too many 50 wait and the rest are closed, which Kafka leaves to the kernel. ' +
  'A broker that has just started answers clients once the controller has told it of all topics that have had a leader, and closes their connections when none does within ' +
  '10 seconds; Kafka answers from empty metadata meanwhile, so that right after a crash of all brokers there seem to be no topics. ' +
  'A request with a name of more than 300 bytes (no topic has one), and more elements than 128 KiB divided by its length, costs its connection.\n\nOne resource or topic has up to 1,000 configs, ' +
  'one topic 100,000 partitions and a partition 1,000 replicas; beyond, INVALID_REQUEST, INVALID_CONFIG, INVALID_PARTITIONS, INVALID_REPLICA_ASSIGNMENT. ' +
  'An assignment with negative partition ids is INVALID_REPLICA_ASSIGNMENT too (Kafka makes the topic). Of what a client calls itself in ApiVersions 255 characters are kept. ' +
  'An answer to ListOffsets 0 has up to 100,000 offsets of segments. ' +
  'A member of a group offers up to 1,000 protocols (INCONSISTENT_GROUP_PROTOCOL), each with no more than a batch of `__consumer_offsets` has room for unless it is compressed, ' +
  'and members with more than 64 KiB are refused once all have an eighth of the heap (GROUP_MAX_SIZE_REACHED), unless they had as much; all others once all members have three eighths of the heap, or those of one address half of that, and no member is left whose client is gone while its JoinGroup waits; of members that were given an id and have not joined, and of groups that no one has joined or committed to, ' +
  'the oldest are forgotten once either take a 64th of the heap. A member id begins with up to 255 characters of the client id. A group id of more than 16,383 characters is INVALID_GROUP_ID, such an instance id INVALID_REQUEST, such a name or type of a protocol INCONSISTENT_GROUP_PROTOCOL. Of the subscriptions of a group 100,000 ' +
  "names are read; with more, all topics count as subscribed.\n\nA group with many offsets is deleted in steps: if its coordinator dies in the middle, some of them are there again at the next one, and DeleteGroups, which was not answered, has to be asked again; Kafka's tombstones are one batch. " +
  'A commit that is refused for too much metadata leaves nothing behind; in Kafka it counts as under way forever, and its group never ends. ' +
  'OffsetFetch 0 and 1 of a group that is refused has the code in each partition; ' +
  'Kafka 3.6 loses it in version 1 and names no partition, so that a consumer whose coordinator has moved would begin elsewhere.';

const MOVES_AND_DELETIONS =
  'The deletion of a topic ends its reassignments, and takes what was asked for it out of `/admin/reassign_partitions`, which blocks every further ' +
  'one while it is there. A new controller goes on with a deletion at once, on the brokers that are up; Kafka waits for all that have a replica. ' +
  'That the state of a partition is gone, or no one can read it, does not keep its topic; a topic whose own node no one can read is deleted when it ' +
  'is mended, with its replicas.\n\nOld replicas of a partition are deleted once a new one leads and all of the new ones are in sync, as ZooKeeper ' +
  'says then; Kafka goes on when that election fails, or when an old leader has shrunk the ISR since. Another target is refused while only replicas ' +
  'that it would delete are in sync. A partition that no one has led yet is led by those that it is moved to, and a broker is named once in a target. ' +
  'A request that was removed by hand is not the last that is heard of. `/admin/reassign_partitions` that no one can read, or that names a partition ' +
  'below 0, stays, and is taken up when it is written anew, as are entries that are written into it later; one without entries is removed. Kafka looks ' +
  'at it when it is created. Nothing is taken out of it that was asked for after it was read, though the connection to ZooKeeper is lost. A controller whose epoch someone has written by hand, or deleted, begins a new term; ' +
  "Kafka's stays, and can write nothing. The number is above every one that the brokers and the partitions' states know, whatever stands in " +
  '`/controller_epoch`; Kafka begins with 1 where it is missing, which brokers refuse that know a higher one. What an ACL refuses is told with the ' +
  'permission that is missing, and tried again after longer and longer whiles, of a minute at most; a topic whose znode may not be read costs no other ' +
  "one its leader. Kafka's broker says NoAuth once, and has to be started again; one such topic ends the terms of all controllers. Whether a replica " +
  'that is not in sync may lead is asked of ZooKeeper as of then; Kafka may go by a configuration that has been changed.' +
  '\n\nA broker that was away, or cut off, while its replicas were moved to others or their topic was deleted sets them aside when it is back: ' +
  'after the first UpdateMetadata of each registration and each controller it asks ZooKeeper, until that answers, which of its logs are of a topic with the same id and assigned to it; the others ' +
  'are stopped, with a line for all (and one for each at debug in `state-change`), and their folders renamed to `TOPIC-PARTITION.UNIQUE-stray`, which no broker reads and anyone may remove. A log that has no id, or whose topic has none, stays as long as there is a topic of that name; all stay when ' +
  '`meta.properties` did not name the cluster at the start, or ZooKeeper has not its id. A topic made again under the name does not wait for that. In Kafka they stay for good, and the broker answers ' +
  'INCONSISTENT_TOPIC_ID when it is to lead or follow a topic made again.';

const INT64_FIELDS = table(
  ['int64', 'within 2^53', 'beyond'],
  [
    ['times of records and batches, limits of them, times of searches', 'exact', 'exact'],
    ['times of the time index and of producer snapshots; commit and expiry times of offsets', 'exact', 'exact'],
    ['producer ids', 'exact', 'exact; a block of ids from the controller is refused'],
    ['committed offsets', 'exact', 'exact'],
    ['offsets of records from a producer', 'must be 0', 'must be 0'],
    ['offsets of records from a leader', 'exact', 'the follower gives the partition up'],
    ['offsets asked for (Fetch, DeleteRecords, epochs)', 'exact', 'beyond the end of every log'],
    ['offsets in names of segments', 'exact', 'directory offline'],
  ],
);

const FOREIGN_THINGS = table(
  ['In the log directory', 'Kafka', 'Ottla'],
  [
    ['it is a file itself', 'directory offline', 'directory offline'],
    ['a file, or a dangling link, named as a log (`x-0`)', 'ignored', 'ignored, with a warning'],
    ['a folder of another name (`abc`, `.hidden`, `a-b-c`, `abc-delete`)', 'does not start', 'ignored, with a warning'],
    ['a folder `t-00` beside `t-0`', 'does not start', 'ignored, with a warning'],
    ['`meta.properties` malformed or empty in one directory', 'does not start', 'starts'],
    ['`meta.properties` is a folder', 'directory offline', 'directory offline'],
    ['`partition.metadata` or a checkpoint ends its lines with CRLF', 'read', 'read'],
    [
      '`partition.metadata` is empty, as a loss of power leaves it',
      'does not start',
      'the controller names the topic id again',
    ],
    ['`partition.metadata` is malformed', 'directory offline', 'directory offline'],
    ['`replication-offset-checkpoint` is malformed', 'directory offline', 'directory offline'],
    ['`leader-epoch-checkpoint` is malformed', 'directory offline', 'the log is recovered'],
    ['a file `7.log` in a partition', 'taken for the segment of offset 7: records behind it are hidden', 'ignored'],
    ['a file `abc.log` in a partition', 'does not start', 'ignored'],
    ['a segment of an offset beyond 2^53', 'served', 'directory offline'],
    ['a folder named as a segment', 'ignored', 'directory offline'],
  ],
);

const BAD_ZNODES = table(
  ['Znode', 'What someone wrote', 'Kafka', 'Ottla'],
  [
    ['`/brokers/topics/T`, of a new topic', 'no JSON', 'yes, yes, yes; not named', 'yes, yes, yes; named'],
    [
      '',
      'nothing; partitions that are no object; a partition that is no number',
      'yes, no, no; not named',
      'yes, yes, yes; named',
    ],
    ['', 'a broker that is not there', 'yes, yes, yes; named', 'yes, yes, yes; named'],
    ['', 'the node of another topic', 'yes, no, no; named', 'yes, yes, yes; named'],
    ['', 'a name that no topic may have (`a b`)', 'yes, yes, yes; not named', 'yes, yes, yes; named'],
    ['`/brokers/topics/T`, of a topic that was there', 'no JSON', 'yes, yes, yes; not named', 'yes, yes, yes; named'],
    ['`…/partitions/0/state`', 'no JSON', 'yes, yes, yes; named', 'yes, yes, yes; named'],
    ['', 'a number that is none of 32 bits', 'yes, no, no; not named', 'yes, yes, yes; named'],
    ['', 'deleted', 'yes, yes, yes; not named', 'yes, yes, yes; named'],
    ['`/config/topics/T`, `/config/brokers/B`', 'no JSON', 'yes, yes, yes; not named', 'yes, yes, yes; named'],
    [
      'a notification of a config, of an ISR, of a log directory',
      'no JSON, and a name of his own',
      'yes, yes, yes; not named',
      'yes, yes, yes; named',
    ],
    [
      '`/admin/reassign_partitions`, `…/preferred_replica_election`',
      'no JSON',
      'yes, yes, yes; not named',
      'yes, yes, yes; named',
    ],
    ['`/admin/delete_topics/T`, of no topic', 'nothing', 'yes, yes, yes; named', 'yes, yes, yes; named'],
    ['`/brokers/ids/77`, `/brokers/ids/abc`', 'no JSON', 'yes, no, no; named', 'yes, yes, yes; named'],
    ['`/feature`', 'no JSON', 'yes, no, no; named', 'yes, yes, yes; named'],
    ['`/controller`', 'no JSON', 'no, yes, yes; not named', 'yes, yes, yes; named'],
  ],
);

/** docs/compatibility.md, made from the tables that the broker itself runs by (scripts/documents.mjs writes it). */
export function compatibilityDocument(): string {
  return (
    [
      '# Compatibility',
      `What Ottla has of Apache Kafka ${KAFKA_VERSION} in ZooKeeper mode. This file is made from the code's own tables by ` +
        '`node scripts/documents.mjs`; a test checks that it is current.',
      '## APIs',
      apiSummary(),
      apiTable(),
      '## Configurations of a broker',
      'All of them are read and checked as Kafka does. Those without a remark have the effect they have in Kafka.',
      configTable(BROKER_CONFIGS, reasonOfNoEffect),
      '## Configurations of a topic',
      'The default is what a broker gives that says nothing else.',
      configTable(TOPIC_CONFIGS, (name) => reasonOfNoTopicEffect(name as TopicConfigName), true),
      '## Large batches',
      LARGE_BATCHES,
      '## Vast requests, and unexpected errors',
      VAST_REQUESTS,
      '## Numbers beyond 2^53',
      INT64_FIELDS,
      '## Consumer groups that cannot be loaded',
      UNLOADED_GROUPS,
      '## What else lies in a log directory',
      `As Kafka ${KAFKA_VERSION} and Ottla start on it: each was run with one partition in the directory and another elsewhere.`,
      FOREIGN_THINGS,
      'A start for which the process may not open enough files (`EMFILE`, `ENFILE`) fails, and says so; Kafka takes the directory that it was ' +
        'loading offline, with all replicas in it, though nothing is wrong with its disk.',
      'StopReplica is answered though a disk hangs, once a sync of the directory has taken 25 s, with KAFKA_STORAGE_ERROR for deletions that are not ' +
        'durable, and a controller of Ottla asks for those again after a minute (one of Kafka, when a broker starts); a Produce to a directory that ' +
        'hangs is answered after half of its timeout, and its other partitions are appended to at once; what an idempotent producer has sent behind a ' +
        'batch that was refused so is OUT_OF_ORDER_SEQUENCE_NUMBER until that one has come again. Kafka waits.',
      '## Two administrators at once',
      TWO_ADMINISTRATORS,
      '## Znodes that no one can read',
      'Written by hand, and wrongly: each costs what it is about, a line of the log names it, and it is taken up when it is mended. Everything else ' +
        'goes on, with this controller and with the next. A topic is not taken up; one that was is led as before, but not by a new controller. A ' +
        'partition state is as if no leader had been elected, and is never written over. A live broker is as it was; a new one is none. Features are ' +
        'left alone; notifications are removed. A topic with the id of an older one is passed over. Kafka reads what is no JSON as empty, and does ' +
        'not keep a controller where a topic without data, with members of other types, or a broker is to be read.',
      `With each of these, on a real ZooKeeper (\`node scripts/bad-znodes.mjs --peer\`): can a topic be created; does a new controller stay when ` +
        `\`/controller\` is deleted; can a topic be created then; does the log name the znode.`,
      BAD_ZNODES,
      '## Topics that are deleted, and partitions that are moved',
      MOVES_AND_DELETIONS,
      "## Ottla's own configurations of a broker",
      'Kafka ignores them with a warning, so one file starts both.',
      configTable(OTTLA_CONFIGS, () => null),
      'The level of one logger is set by `ottla.log.level.LOGGER`. The environment variable `OTTLA_LOG_LEVEL` wins over the file: a level, ' +
        'or `LOGGER=LEVEL` pairs, by commas.',
      '## Log files',
      LOG_FILES,
    ].join('\n\n') + '\n'
  );
}

function served(): Map<number, { minVersion: number; maxVersion: number }> {
  return new Map(offeredApis(API_HANDLERS).map((api) => [api.apiKey, api]));
}

function apiSummary(): string {
  const ours = served();
  const kafkas = APIS.filter(({ advertised }) => advertised !== null);
  return `Ottla serves ${ours.size} of the ${kafkas.length} APIs that Kafka offers. An API that it does not serve is not advertised.`;
}

function apiTable(): string {
  const ours = served();
  const range = (min: number, max: number) => (min === max ? String(min) : `${min}–${max}`);
  const rows = APIS.flatMap(({ key, name, advertised }) => {
    if (advertised === null) return [];
    const own = ours.get(key);
    return [
      [String(key), name, range(advertised.min, advertised.max), own ? range(own.minVersion, own.maxVersion) : '–'],
    ];
  });
  return table(['Key', 'API', 'Versions in Kafka', 'Versions in Ottla'], rows);
}

function configTable(
  definitions: Readonly<Record<string, ConfigDefinition>>,
  reasonOf: (name: string) => string | null,
  ofTopics = false,
): string {
  const rows = Object.keys(definitions)
    .sort()
    .map((name) => {
      const definition = definitions[name]!;
      const synonyms = ofTopics ? (BROKER_SYNONYMS[name as TopicConfigName] ?? []) : [];
      const reason = reasonOf(name);
      return [
        `\`${name}\``,
        definition.type,
        defaultText(definition),
        ofTopics ? synonyms.map((synonym) => `\`${synonym.name}\``).join(', ') : definition.updateMode,
        reason === null ? '' : `no effect: ${reason}`,
      ];
    });
  const fourth = ofTopics ? 'Default from the broker' : 'Change';
  return table(['Configuration', 'Type', 'Default', fourth, 'Remark'], rows);
}

function defaultText(definition: ConfigDefinition): string {
  const text = valueToText(definition.default, definition.type);
  return text === null ? 'null' : text === '' ? '' : `\`${text}\``;
}

/** A Markdown table as Prettier lays it out: every column as wide as its widest cell. */
function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = header.map((title, i) => Math.max(3, title.length, ...rows.map((row) => row[i]!.length)));
  const line = (cells: readonly string[]) => `| ${cells.map((cell, i) => cell.padEnd(widths[i]!)).join(' | ')} |`;
  return [line(header), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n');
}
