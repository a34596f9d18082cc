/** What the system said, by Node's code, in the words of people (`strerror`, and what they meant by it here). */
const WORDS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file or directory',
  ENOTDIR: 'a part of the path is not a directory',
  EISDIR: 'it is a directory',
  EEXIST: 'it exists already',
  EACCES: 'permission denied',
  EPERM: 'operation not permitted',
  EROFS: 'the file system is read-only',
  ENOSPC: 'no space left on the device',
  EADDRINUSE: 'another process listens there (address already in use)',
  EADDRNOTAVAIL: 'this machine has no such address',
  ENOTFOUND: 'the host has no address',
  EAI_AGAIN: 'the host has no address (the name service does not answer)',
};

/** Why the system refused, without the call and the path that Node's message repeats; the message of any other error. */
export function reasonOfRefusal(error: unknown): string {
  const { code, message } = (error ?? {}) as Partial<NodeJS.ErrnoException>;
  return (code !== undefined && WORDS[code]) || (message ?? String(error));
}

/** Whether the system refused something: there is nothing to be mended in the program, whose stack tells nothing. */
export function isSystemError(error: object): boolean {
  const { code, syscall } = error as NodeJS.ErrnoException;
  return code !== undefined && syscall !== undefined;
}
