import type { FileHandle, FileSystem, Logger } from '../../common/index.js';
import { isOutOfHandles } from '../log-context.js';

/**
 * A file system for a process that may run out of open files (its sockets are some of them): what cannot be opened is tried once more when
 * the files that are kept open without need have been closed. So no operation on a log ends half way for the want of a handle while the
 * logs themselves hold handles. `closeIdle` tells how many it closed.
 */
export function savingHandles(fs: FileSystem, closeIdle: () => number, logger: Logger): FileSystem {
  const again = <T>(open: () => T): T => {
    try {
      return open();
    } catch (error) {
      if (!isOutOfHandles(error)) throw error;
      const filesClosed = closeIdle();
      logger.error('The process has too many open files', { filesClosed, error });
      if (filesClosed === 0) throw error;
      return open();
    }
  };
  return {
    open: (path, mode): FileHandle => again(() => fs.open(path, mode)),
    readFile: (path) => again(() => fs.readFile(path)),
    replaceFile: (path, content) => again(() => fs.replaceFile(path, content)),
    readDir: (path) => again(() => fs.readDir(path)),
    stat: (path) => fs.stat(path),
    exists: (path) => fs.exists(path),
    makeDir: (path) => fs.makeDir(path),
    rename: (from, to) => fs.rename(from, to),
    remove: (path) => again(() => fs.remove(path)),
    removeAsync: async (path, isOver) => {
      try {
        await fs.removeAsync(path, isOver);
      } catch (error) {
        if (!isOutOfHandles(error)) throw error;
        closeIdle();
        await fs.removeAsync(path, isOver);
      }
    },
    syncDir: (path) => again(() => fs.syncDir(path)),
    lock: (path) => again(() => fs.lock(path)),
  };
}
