export { assert, AssertionError, unreachable } from './assert.js';
export { systemClock, nextTurn, sleep, setPeriodicTimer, withinTime, type Clock, type Timer } from './clock.js';
export { BROKER_SLICES, runAtOnce, runInSlices, startInSlices, type SliceLimits, type Steps } from './slices.js';
export { setPatientTimer } from './patient-timer.js';
export { systemRandom, seededRandom, shuffled, type Random } from './random.js';
export {
  silentLogger,
  STATE_CHANGE_LOGGER,
  type Logger,
  type LoggerFactory,
  type LoggerLevel,
  type LoggerLevels,
  type LogFields,
  type LogLevel,
} from './logger.js';
export { rateLimited, summedUp } from './rate-limited-logger.js';
export { EventQueue } from './event-queue.js';
export { immutableMapOrder, javaStringHashCode, mutableMapOrder, propertiesOrder } from './hash-order.js';
export { MetricsRegistry, Counter } from './metrics.js';
export { ZERO_UUID, METADATA_TOPIC_UUID, uuidFromBytes, isUuid, randomUuid, type Uuid } from './uuid.js';
export { type FileSystem, type FileHandle, type FileLock, type FileStat } from './file-system.js';
export { nodeFileSystem } from './node-file-system.js';
export {
  type Transport,
  type Endpoint,
  type ConnectOptions,
  type Listener,
  type Connection,
  type ConnectionHandlers,
} from './transport.js';
export { isSystemError, reasonOfRefusal } from './system-error.js';
export { nodeTransport } from './node-transport.js';
export { clampToSafeNumber, toSafeNumber } from './safe-number.js';
export { BufferPool } from './buffer-pool.js';
export { AddressShares } from './address-shares.js';
export { FairRoom, type Tenant } from './fair-room.js';
export { GrantingRoom } from './granting-room.js';
export { forEachInSteps, mapInSteps, mapNestedInSteps } from './in-steps.js';
export { WaitingLine, type Waiting } from './waiting-line.js';
