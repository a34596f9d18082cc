import { createHash } from 'node:crypto';
import { CREATOR_ALL_ACL, OPEN_ACL_UNSAFE, type Acl } from '../core/zk-client.js';

/** Who a session has shown to be. */
export interface AuthId {
  readonly scheme: string;
  readonly id: string;
}

/** The identity behind `user:password`, as `DigestAuthenticationProvider` makes it. */
export function digestId(auth: Buffer): AuthId {
  const text = auth.toString('utf8');
  const digest = createHash('sha1').update(auth).digest('base64');
  return { scheme: 'digest', id: `${text.split(':', 1)[0]}:${digest}` };
}

/** True when one of the entries grants any of `perms`. */
export function isAllowed(acl: readonly Acl[], perms: number, auths: readonly AuthId[]): boolean {
  return acl.some(
    (entry) =>
      (entry.perms & perms) !== 0 &&
      ((entry.scheme === 'world' && entry.id === 'anyone') ||
        auths.some((auth) => auth.scheme === entry.scheme && auth.id === entry.id)),
  );
}

/** Replaces `auth` by who the session is; null for an ACL that cannot be used (`InvalidAcl`). */
export function resolveAcl(acl: readonly Acl[], auths: readonly AuthId[]): readonly Acl[] | null {
  if (acl.length === 0) return null;
  if (acl === OPEN_ACL_UNSAFE) return acl;
  const resolved: Acl[] = [];
  for (const entry of acl) {
    if (entry.scheme !== CREATOR_ALL_ACL[0]!.scheme) {
      resolved.push(entry);
      continue;
    }
    if (auths.length === 0) return null;
    for (const { scheme, id } of auths) resolved.push({ perms: entry.perms, scheme, id });
  }
  return resolved;
}
