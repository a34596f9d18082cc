import type { TopicConfig } from '../config/index.js';

/** What a log needs of its topic's effective configuration. Times in milliseconds, sizes in bytes, -1 for no limit. */
export type LogConfig = Pick<
  TopicConfig,
  | 'segmentBytes'
  | 'segmentMs'
  | 'maxSegmentMs'
  | 'segmentJitterMs'
  | 'segmentIndexBytes'
  | 'indexIntervalBytes'
  | 'retentionMs'
  | 'retentionBytes'
  | 'fileDeleteDelayMs'
  | 'flushMessages'
  | 'flushMs'
  | 'maxMessageBytes'
  | 'cleanupPolicy'
  | 'compressionType'
  | 'messageTimestampType'
  | 'messageTimestampBeforeMaxMs'
  | 'messageTimestampAfterMaxMs'
  | 'isIncomplete'
>;
