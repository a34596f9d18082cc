/**
 * The records that open a session, encoded by node-zookeeper-client. They are few and their speed does not matter; what follows on the
 * connection is encoded in `jute.ts` (docs/decisions/0005-zookeeper-client.md says why).
 */
import { Xid, OpCode } from '../core/op-codes.js';

interface JuteRecord {
  byteLength(): number;
  serialize(buffer: Buffer, offset: number): number;
  deserialize(buffer: Buffer, offset: number): number;
}

interface ConnectResponseRecord extends JuteRecord {
  readonly protocolVersion: number;
  readonly timeOut: number;
  readonly sessionId: Buffer;
  readonly passwd: Buffer | undefined;
}

interface Jute {
  readonly protocol: {
    ConnectRequest: new (
      protocolVersion: number,
      lastZxidSeen: Buffer,
      timeOut: number,
      sessionId: Buffer,
      passwd: Buffer,
    ) => JuteRecord;
    ConnectResponse: new () => ConnectResponseRecord;
    RequestHeader: new (xid: number, type: number) => JuteRecord;
    AuthPacket: new (type: number, scheme: string, auth: Buffer) => JuteRecord;
  };
}

let jute: Jute | undefined;
const load = (): Jute => (jute ??= require('node-zookeeper-client/lib/jute') as Jute);

/** A session as the server knows it; id 0n asks for a new one. */
export interface SessionCredentials {
  readonly id: bigint;
  readonly password: Buffer;
}

export const NO_SESSION: SessionCredentials = { id: 0n, password: Buffer.alloc(16) };

/** The first frame on a connection. `lastZxidSeen` keeps us off a server that is behind what we have read already. */
export function encodeConnectRequest(session: SessionCredentials, timeoutMs: number, lastZxidSeen: bigint): Buffer {
  return frame(
    new (load().protocol.ConnectRequest)(0, long(lastZxidSeen), timeoutMs, long(session.id), session.password),
  );
}

/** The answer to it. A time-out of 0 says that the session has expired. */
export function decodeConnectResponse(bytes: Buffer): { session: SessionCredentials; timeoutMs: number } {
  const response = new (load().protocol.ConnectResponse)();
  response.deserialize(bytes, 0);
  return {
    session: {
      id: response.sessionId.readBigInt64BE(0),
      password: Buffer.from(response.passwd ?? NO_SESSION.password),
    },
    timeoutMs: response.timeOut,
  };
}

export function encodeAuth(scheme: string, auth: Buffer): Buffer {
  const { RequestHeader, AuthPacket } = load().protocol;
  return frame(new RequestHeader(Xid.auth, OpCode.auth), new AuthPacket(0, scheme, auth));
}

function long(value: bigint): Buffer {
  const buffer = Buffer.alloc(8);
  buffer.writeBigInt64BE(value);
  return buffer;
}

function frame(...records: JuteRecord[]): Buffer {
  const length = records.reduce((sum, record) => sum + record.byteLength(), 0);
  const buffer = Buffer.alloc(4 + length);
  let offset = buffer.writeInt32BE(length);
  for (const record of records) offset += record.serialize(buffer, offset);
  return buffer;
}
