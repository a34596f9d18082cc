import { zkErrorName, type ZkErrorCode } from '../core/errors.js';
import { whyRefused } from '../core/needed-permission.js';
import type { MultiOp, MultiResult } from '../core/zk-client.js';
import { OPEN_ACL_UNSAFE } from '../core/zk-client.js';
import type { JuteReader, JuteWriter } from '../wire/jute.js';
import { CREATE_FLAGS, OpCode } from '../core/op-codes.js';

/** An operation on its way: how to write it, how to read its answer, and who waits. Sent again, as it is, after a lost connection, unless `once`. */
export interface PendingRequest {
  readonly opCode: number;
  /** Without the chroot, for errors. */
  readonly path: string | null;
  readonly encode: (writer: JuteWriter) => void;
  /** Called for a good answer. */
  readonly succeed: (reader: JuteReader) => void;
  /** Called for a refusal, or when there will be no answer. */
  readonly fail: (code: ZkErrorCode, detail?: string) => void;
  /** Made on the connection of now or not at all: else it fails with `ConnectionLoss`. */
  readonly once?: boolean;
  /** How often it was sent. */
  attempts: number;
  /** What it took on the wire when it was sent last, without its length field. */
  sentBytes: number;
  /** By the monotonic clock; Infinity when it may wait as long as its session lives. */
  readonly deadlineMs: number;
}

const END_OF_MULTI = -1;

const OP_CODES = {
  create: OpCode.create,
  set: OpCode.setData,
  delete: OpCode.delete,
  check: OpCode.check,
} as const satisfies Record<MultiOp['op'], number>;

/** Writes the parts of a `multi`; `full` puts the chroot in front of a path. */
export function encodeMulti(writer: JuteWriter, ops: readonly MultiOp[], full: (path: string) => string): void {
  for (const op of ops) {
    const header = (): JuteWriter => writer.int(OP_CODES[op.op]).bool(false).int(-1);
    switch (op.op) {
      case 'create':
        header()
          .string(full(op.path))
          .buf(op.data)
          .acl(op.acl ?? OPEN_ACL_UNSAFE)
          .int(CREATE_FLAGS[op.mode ?? 'persistent']);
        break;
      case 'set':
        header().string(full(op.path)).buf(op.data).int(op.version);
        break;
      case 'delete':
        header().string(full(op.path)).int(op.version);
        break;
      case 'check':
        header().string(full(op.path)).int(op.version);
        break;
    }
  }
  writer.int(END_OF_MULTI).bool(true).int(-1);
}

/** Reads the results of `ops`; `bare` takes the chroot off a path. */
export function decodeMulti(
  reader: JuteReader,
  ops: readonly MultiOp[],
  bare: (path: string) => string,
): MultiResult[] {
  const results: MultiResult[] = [];
  for (;;) {
    const type = reader.int();
    const done = reader.bool();
    reader.int();
    if (done) return results;
    switch (type) {
      case OpCode.create:
        results.push({ ok: true, op: 'create', path: bare(reader.string()), stat: null });
        break;
      case OpCode.create2:
        results.push({ ok: true, op: 'create', path: bare(reader.string()), stat: reader.stat() });
        break;
      case OpCode.setData:
        results.push({ ok: true, op: 'set', stat: reader.stat() });
        break;
      case OpCode.delete:
        results.push({ ok: true, op: 'delete' });
        break;
      case OpCode.check:
        results.push({ ok: true, op: 'check' });
        break;
      case OpCode.error: {
        const error = reader.int();
        // The parts before the one that failed say OK, though nothing of them is left.
        const code = error === 0 ? 'rolledBack' : zkErrorName(error);
        const op = ops[results.length];
        const detail = op && whyRefused(code, OP_CODES[op.op], op.path);
        results.push({ ok: false, code, ...(detail !== undefined && { detail }) });
        break;
      }
      default:
        throw new RangeError(`a multi result of type ${type}`);
    }
  }
}
