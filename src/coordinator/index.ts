export { GroupCoordinator, type GroupRequestContext } from './group-coordinator.js';
export { type PartitionWriter } from './ports.js';
