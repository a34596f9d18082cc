export {
  SocketServer,
  type ServerListener,
  type SocketServerLimits,
  type SocketServerOptions,
} from './server/socket-server.js';
export { AddressOverrides } from './server/address-overrides.js';
export type { ConnectionRateLimits } from './core/connection-pace.js';
export { MAX_ANSWER_BYTES, UnreadAnswers } from './core/unread-answers.js';
export { isOfFetcher } from './core/sender-class.js';
export { Request, type ConnectionInfo } from './request.js';
export { NetworkClient, NetworkError, type NetworkClientOptions, type NetworkErrorKind } from './network-client.js';
