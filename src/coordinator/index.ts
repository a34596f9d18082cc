export { GroupCoordinator, type GroupRequestContext } from './group-coordinator.js';
export { GROUP_METADATA_TOPIC } from './group-store.js';
export { type PartitionWriter } from './ports.js';
