export { SimulatedClock, settle } from './simulated-clock.js';
export {
  SimulatedFileSystem,
  type CrashKind,
  type DiskError,
  type DiskPace,
  type FaultInjector,
  type FileOperation,
} from './simulated-file-system.js';
export { SimulatedNetwork, type SimulatedNetworkOptions } from './simulated-transport.js';
