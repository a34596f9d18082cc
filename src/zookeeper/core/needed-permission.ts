import type { ZkErrorCode } from './errors.js';
import { OpCode } from './op-codes.js';

/** What the ACLs lack that an operation was refused for, where that is why: `NoAuth` does not say it. */
export function whyRefused(code: ZkErrorCode | 'rolledBack', opCode: number, path: string | null): string | undefined {
  if (code !== 'NoAuth' || path === null) return undefined;
  const needed = neededPermission(opCode, path);
  return needed === null ? undefined : `no ACL gives this client ${needed}`;
}

/** What an operation has to find in which node's ACL (ZooKeeper's `checkACL`). */
function neededPermission(opCode: number, path: string): string | null {
  switch (opCode) {
    case OpCode.create:
    case OpCode.create2:
      return `CREATE on ${parentOf(path)}`;
    case OpCode.delete:
      return `DELETE on ${parentOf(path)}`;
    case OpCode.setData:
      return `WRITE on ${path}`;
    case OpCode.setAcl:
      return `ADMIN on ${path}`;
    case OpCode.getData:
    case OpCode.getChildren2:
    case OpCode.getAcl:
    case OpCode.check:
      return `READ on ${path}`;
    default:
      return null;
  }
}

function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/')) || '/';
}
