import { ZK_ERROR_CODES } from '../core/errors.js';
import type { CreateMode, MultiOp, WatchEvent } from '../core/zk-client.js';
import type { JuteReader } from '../wire/jute.js';
import { JuteWriter } from '../wire/jute.js';
import { CREATE_FLAGS, EVENT_TYPES, OpCode, STATE_SYNC_CONNECTED, Xid } from '../core/op-codes.js';
import type { CoreRequest, CoreResponse } from './core.js';

const MODES = new Map(Object.entries(CREATE_FLAGS).map(([mode, flag]) => [flag, mode as CreateMode]));

/** Reads a request; null for one that this server does not know, `bad` for one that is malformed. */
export function decodeRequest(opCode: number, reader: JuteReader): CoreRequest | null {
  switch (opCode) {
    case OpCode.create:
    case OpCode.create2:
      return decodeCreate(reader);
    case OpCode.delete:
      return { op: 'delete', path: reader.string(), version: reader.int() };
    case OpCode.exists:
      return { op: 'exists', path: reader.string(), watch: reader.bool() };
    case OpCode.getData:
      return { op: 'get', path: reader.string(), watch: reader.bool() };
    case OpCode.setData:
      return { op: 'set', path: reader.string(), data: reader.buf(), version: reader.int() };
    case OpCode.getAcl:
      return { op: 'getAcl', path: reader.string() };
    case OpCode.setAcl:
      return { op: 'setAcl', path: reader.string(), acl: reader.acl(), version: reader.int() };
    case OpCode.getChildren:
    case OpCode.getChildren2:
      return { op: 'children', path: reader.string(), watch: reader.bool() };
    case OpCode.sync:
      return { op: 'sync', path: reader.string() };
    case OpCode.multi:
      return { op: 'multi', ops: decodeOps(reader) };
    case OpCode.auth:
      reader.int();
      return { op: 'auth', scheme: reader.string(), auth: reader.buf() ?? Buffer.alloc(0) };
    case OpCode.setWatches:
      return {
        op: 'setWatches',
        relativeZxid: reader.long(),
        data: reader.strings(),
        exist: reader.strings(),
        child: reader.strings(),
      };
    default:
      return null;
  }
}

function decodeCreate(reader: JuteReader): Extract<MultiOp, { op: 'create' }> {
  const path = reader.string();
  const data = reader.buf();
  const acl = reader.acl();
  const flag = reader.int();
  const mode = MODES.get(flag);
  if (mode === undefined) throw new RangeError(`create flags ${flag}, need 0 to 3`);
  return { op: 'create', path, data, acl, mode };
}

function decodeOps(reader: JuteReader): MultiOp[] {
  const ops: MultiOp[] = [];
  for (;;) {
    const type = reader.int();
    const done = reader.bool();
    reader.int();
    if (done) return ops;
    switch (type) {
      case OpCode.create:
      case OpCode.create2:
        ops.push(decodeCreate(reader));
        break;
      case OpCode.delete:
        ops.push({ op: 'delete', path: reader.string(), version: reader.int() });
        break;
      case OpCode.setData:
        ops.push({ op: 'set', path: reader.string(), data: reader.buf(), version: reader.int() });
        break;
      case OpCode.check:
        ops.push({ op: 'check', path: reader.string(), version: reader.int() });
        break;
      default:
        throw new RangeError(`a part of type ${type} in a multi`);
    }
  }
}

/** The frame that answers request `xid` of kind `opCode`. */
export function encodeResponse(xid: number, opCode: number, response: CoreResponse): Buffer {
  const error = response.op === 'error' ? ZK_ERROR_CODES[response.error] : 0;
  const writer = new JuteWriter(256).int(0).int(xid).long(response.zxid).int(error);
  switch (response.op) {
    case 'error':
    case 'done':
      break;
    case 'get':
      writer.buf(response.data).stat(response.stat);
      break;
    case 'stat':
      writer.stat(response.stat);
      break;
    case 'children':
      writer.strings(response.children);
      if (opCode === OpCode.getChildren2) writer.stat(response.stat);
      break;
    case 'create':
      writer.string(response.path);
      if (opCode === OpCode.create2) writer.stat(response.stat);
      break;
    case 'acl':
      writer.acl(response.acl).stat(response.stat);
      break;
    case 'multi':
      encodeResults(writer, response.results);
      break;
  }
  writer.patchInt(writer.length - 4, 0);
  return writer.finish();
}

function encodeResults(writer: JuteWriter, results: Extract<CoreResponse, { op: 'multi' }>['results']): void {
  for (const result of results) {
    switch (result.op) {
      case 'error': {
        const code = result.error === null ? 0 : ZK_ERROR_CODES[result.error];
        writer.int(OpCode.error).bool(false).int(code).int(code);
        break;
      }
      case 'create':
        writer.int(OpCode.create).bool(false).int(0).string(result.path);
        break;
      case 'set':
        writer.int(OpCode.setData).bool(false).int(0).stat(result.stat);
        break;
      case 'delete':
        writer.int(OpCode.delete).bool(false).int(0);
        break;
      case 'check':
        writer.int(OpCode.check).bool(false).int(0);
        break;
    }
  }
  writer.int(-1).bool(true).int(-1);
}

export function encodeEvent({ type, path }: WatchEvent): Buffer {
  const writer = new JuteWriter(64 + path.length)
    .int(0)
    .int(Xid.notification)
    .long(-1n)
    .int(0)
    .int(EVENT_TYPES[type])
    .int(STATE_SYNC_CONNECTED)
    .string(path);
  writer.patchInt(writer.length - 4, 0);
  return writer.finish();
}

/** The answer to a connect request; time-out 0 says that the session is over. */
export function encodeConnectResponse(timeoutMs: number, session: bigint, password: Buffer): Buffer {
  const writer = new JuteWriter(48).int(0).int(0).int(timeoutMs).long(session).buf(password).bool(false);
  writer.patchInt(writer.length - 4, 0);
  return writer.finish();
}
