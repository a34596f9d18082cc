import { JuteWriter } from './jute.js';
import { OpCode, Xid } from '../core/op-codes.js';

/** In the order of the request. */
const KINDS = ['data', 'exist', 'child'] as const;
export type WatchKind = (typeof KINDS)[number];

/** Paths in one SetWatches request, by their total length: the server's limit on a request is 1 MiB (`jute.maxbuffer`). */
const SET_WATCHES_MAX_BYTES = 128 * 1024;

/** The requests that set watches again: the server fires at once those of what changed since `lastZxid`. */
export function* encodeSetWatches(pathsOf: (kind: WatchKind) => Iterable<string>, lastZxid: bigint): Generator<Buffer> {
  const none = (): Record<WatchKind, string[]> => ({ data: [], exist: [], child: [] });
  let chunk = none();
  let bytes = 0;
  const finish = (): Buffer => {
    const writer = new JuteWriter(bytes + 256).int(0).int(Xid.setWatches).int(OpCode.setWatches).long(lastZxid);
    for (const kind of KINDS) writer.strings(chunk[kind]);
    writer.patchInt(writer.length - 4, 0);
    chunk = none();
    bytes = 0;
    return writer.finish();
  };
  for (const kind of KINDS) {
    for (const path of pathsOf(kind)) {
      chunk[kind].push(path);
      bytes += 4 + path.length;
      if (bytes >= SET_WATCHES_MAX_BYTES) yield finish();
    }
  }
  if (bytes > 0) yield finish();
}
