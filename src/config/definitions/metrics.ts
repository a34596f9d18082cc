import { boolean, int, list, long, string } from '../definition.js';

/** Metrics and the interfaces to Java monitoring. */
export const METRICS_CONFIGS = {
  'auto.include.jmx.reporter': boolean(true, 'low'),
  'kafka.metrics.polling.interval.secs': int(10, 'low', { min: 1 }),
  'kafka.metrics.reporters': list([], 'low'),
  'metric.reporters': list([], 'low', { update: 'cluster-wide' }),
  'metrics.num.samples': int(2, 'low', { min: 1 }),
  'metrics.recording.level': string('INFO', 'low'),
  'metrics.sample.window.ms': long(30_000, 'low', { min: 1 }),
} as const;
