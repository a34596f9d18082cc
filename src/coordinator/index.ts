export { GroupCoordinator, type GroupRequestContext } from './group-coordinator.js';
export { type AllOffsets } from './group-offset-requests.js';
export { type PartitionWriter } from './ports.js';
