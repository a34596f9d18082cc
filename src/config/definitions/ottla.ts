import { int, long, string } from '../definition.js';

/** What Ottla adds to Kafka's configurations. Kafka ignores these names with a warning, so a file with them starts both. */
export const OTTLA_CONFIGS = {
  // The level of every logger that has none of its own; `ottla.log.level.NAME` sets the one of logger NAME.
  'ottla.log.level': string('info', 'low', { nonEmpty: true }),
  // Of the files in LOG_DIR: how long one may get before it is put aside, and how many of each there are at most.
  'ottla.log.rotation.bytes': long(10 * 1024 * 1024, 'low', { min: 4096 }),
  'ottla.log.rotation.files': int(5, 'low', { min: 1 }),
  // How much of the ends of logs is kept in memory, over all partitions, so that reads at the tail need no disk.
  'ottla.log.tail.memory.bytes': long(8 * 1024 * 1024, 'low', { min: 0 }),
  // How many files of logs may be open at once.
  'ottla.log.open.files.max': int(1024, 'low', { min: 16 }),
} as const;
