/** The wire protocol: every message with its types and codec, API keys, error codes and frames. */
export * from './messages/all.js';
export { ApiKey } from './api-key.js';
export { APIS, apiOf, type ApiDescription, type ApiName } from './apis.js';
export { ErrorCode, type ErrorName, errorName, errorMessage, errorExceptionName, isRetriable } from './error-code.js';
export {
  decodeRequestHeader,
  encodeRequestFrame,
  encodeRequestFrameInSteps,
  encodeResponseFrame,
  encodeResponseFrameInSteps,
  encodeResponseFrameUpTo,
  decodeResponseFrame,
  type RequestHeaderView,
  setCorrelationId,
} from './frames.js';
export { ProtocolError, type ProtocolErrorKind } from './protocol-error.js';
export type { MessageSize } from './codec/measurer.js';
export type {
  AnyMessage,
  MessageType,
  MessageKind,
  RecordsValue,
  ReadPosition,
  DeepPartial,
  TypeOf,
  InputOf,
} from './notation.js';
export { ListView } from './codec/writer.js';
export { decodeVersioned, encodeVersioned, versionOf } from './versioned.js';
export { MESSAGES } from './message-register.js';
export { toJson, fromJson } from './json.js';
export { parseJson, printJson, type JsonObject, type JsonValue } from './json-text.js';
