/**
 * Whole frames: an int32 size, a header and a body. The size counts what follows it. Bodies are kept in pieces, so that record
 * batches go from the log to the socket without a copy.
 */
import type { Steps } from '../common/index.js';
import { FrameWriter, writer } from './codec/writer.js';
import { apiOf, type ApiDescription } from './apis.js';
import { requestHeader, responseHeader } from './messages/header.js';
import { ProtocolError } from './protocol-error.js';

/** What stands in front of a request. */
export interface RequestHeaderView {
  readonly apiKey: number;
  readonly apiVersion: number;
  readonly correlationId: number;
  /** Null when the client names none; empty in ControlledShutdown 0, whose header has no place for it. */
  readonly clientId: string | null;
  /** Where the body begins in the frame. */
  readonly bodyOffset: number;
}

/** Bytes up to and including the correlation id, which every request header has. */
const FIXED_HEADER_BYTES = 8;
const SIZE_BYTES = 4;
/** Behind the API's key and version. */
const CORRELATION_ID_AT = 4;
/** Room for the longest client id, and as much for tagged fields, of which no one knows any: they are read in one step. */
const MAX_HEADER_BYTES = 64 * 1024;

/**
 * Reads the header of a request frame (without its size). Throws a ProtocolError for an API that is unknown in ZooKeeper mode or a
 * version outside its definition: such a request cannot be answered, since not even its header's form is known. ApiVersions is the
 * exception: a version too high is returned with the header read as version 1, up to the client id, so that UNSUPPORTED_VERSION
 * can be answered (KIP-511).
 */
export function decodeRequestHeader(frame: Buffer): RequestHeaderView {
  if (frame.length < FIXED_HEADER_BYTES) {
    throw new ProtocolError('Malformed', `request of ${frame.length} bytes, less than a header`);
  }
  const apiKey = frame.readInt16BE(0);
  const apiVersion = frame.readInt16BE(2);
  const api = apiOf(apiKey);
  if (!api) throw new ProtocolError('UnsupportedVersion', `unknown API key ${apiKey}`);
  const at = { buffer: frame.length > MAX_HEADER_BYTES ? frame.subarray(0, MAX_HEADER_BYTES) : frame, position: 0 };
  const header = requestHeader.decodeFrom(at, requestHeaderVersionOf(api, apiVersion));
  return {
    apiKey,
    apiVersion,
    correlationId: header.correlationId,
    clientId: header.clientId,
    bodyOffset: at.position,
  };
}

function requestHeaderVersionOf(api: ApiDescription, version: number): number {
  if (version >= api.minVersion && version <= api.maxVersion) return api.requestHeaderVersion(version);
  if (api.name === 'ApiVersions') return 1;
  throw new ProtocolError('UnsupportedVersion', `${api.name} has no version ${version}`);
}

/** A request ready for the socket, with its size in front. `body` is what may be encoded as the API's request. */
export function encodeRequestFrame(
  apiKey: number,
  apiVersion: number,
  correlationId: number,
  clientId: string | null,
  body: object,
): Buffer[] {
  const api = knownApi(apiKey);
  const header = { requestApiKey: apiKey, requestApiVersion: apiVersion, correlationId, clientId };
  return writer.frame((frame) => {
    requestHeader.encodeTo(frame, header, api.requestHeaderVersion(apiVersion));
    api.request.encodeTo(frame, body, apiVersion);
  });
}

/**
 * As `encodeRequestFrame`, for a body of any size, with correlation id 0 until `setCorrelationId`. Nobody may change the body between the steps.
 */
export function* encodeRequestFrameInSteps(
  apiKey: number,
  apiVersion: number,
  clientId: string | null,
  body: object,
): Steps<Buffer[]> {
  const api = knownApi(apiKey);
  const frame = new FrameWriter();
  const header = { requestApiKey: apiKey, requestApiVersion: apiVersion, correlationId: 0, clientId };
  requestHeader.encodeTo(frame, header, api.requestHeaderVersion(apiVersion));
  yield* api.request.encodeInSteps(frame, body, apiVersion);
  return frame.finish();
}

/** In a request frame with its size in front. */
export function setCorrelationId(frame: readonly Buffer[], correlationId: number): void {
  frame[0]!.writeInt32BE(correlationId, SIZE_BYTES + CORRELATION_ID_AT);
}

/** A response ready for the socket, with its size in front. */
export function encodeResponseFrame(apiKey: number, apiVersion: number, correlationId: number, body: object): Buffer[] {
  const api = knownApi(apiKey);
  return writer.frame((frame) => {
    responseHeader.encodeTo(frame, { correlationId }, api.responseHeaderVersion(apiVersion));
    api.response.encodeTo(frame, body, apiVersion);
  });
}

/** As `encodeResponseFrame` for a body of up to `maxElements` elements of arrays in all, and some hundred KB; null when it has more. */
export function encodeResponseFrameUpTo(
  maxElements: number,
  apiKey: number,
  apiVersion: number,
  correlationId: number,
  body: object,
): Buffer[] | null {
  const api = knownApi(apiKey);
  return writer.frameIf((frame) => {
    responseHeader.encodeTo(frame, { correlationId }, api.responseHeaderVersion(apiVersion));
    return api.response.encodeUpTo(maxElements, frame, body, apiVersion);
  });
}

/**
 * As `encodeResponseFrame`, for a body of any size. Nobody may change the body between the steps. `onGrowth` hears of the bytes of each step,
 * and may throw to give it up.
 */
export function* encodeResponseFrameInSteps(
  apiKey: number,
  apiVersion: number,
  correlationId: number,
  body: object,
  onGrowth?: (bytes: number) => void,
): Steps<Buffer[]> {
  const api = knownApi(apiKey);
  const frame = new FrameWriter(onGrowth);
  responseHeader.encodeTo(frame, { correlationId }, api.responseHeaderVersion(apiVersion));
  yield* api.response.encodeInSteps(frame, body, apiVersion);
  return frame.finish();
}

/** Reads a response frame (without its size) to a request of `apiKey` and `apiVersion`. */
export function decodeResponseFrame(
  apiKey: number,
  apiVersion: number,
  frame: Buffer,
): { correlationId: number; body: object } {
  const api = knownApi(apiKey);
  const at = { buffer: frame, position: 0 };
  const { correlationId } = responseHeader.decodeFrom(at, api.responseHeaderVersion(apiVersion));
  return { correlationId, body: api.response.decodeFrom(at, apiVersion) };
}

function knownApi(apiKey: number): ApiDescription {
  const api = apiOf(apiKey);
  if (!api) throw new ProtocolError('UnsupportedVersion', `unknown API key ${apiKey}`);
  return api;
}
