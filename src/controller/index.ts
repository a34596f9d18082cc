export { Controller } from './controller.js';
export type { ControllerOptions } from './controller-options.js';
export {
  UnsendableRequestError,
  type BrokerChannel,
  type BrokerChannelFactory,
  type ControlResponse,
  type ResponseCallback,
} from './channel-manager.js';
export { type ControlRequest } from './core/request-batch.js';
export { type ElectionType, type ElectLeadersResult } from './events/leader-election.js';
