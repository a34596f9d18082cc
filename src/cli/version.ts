/** Ottla's own version, as in package.json (a test compares them). */
export const OTTLA_VERSION = '0.1.0';
/** The version of Kafka whose behaviour Ottla has; what the tools answer to `--version`, as Kafka's do. */
export const KAFKA_VERSION = '3.6.1';
