import fs from 'node:fs';
import path from 'node:path';
import { nodeFileSystem, reasonOfRefusal, STATE_CHANGE_LOGGER } from '../../common/index.js';
import { RotatingFile, type NoteOfLoss, type RotationLimits } from './rotating-file.js';
import { CommandError } from '../terminal.js';

/** What all loggers write to that have no file of their own. */
export const MAIN_LOG = 'server.log';
/** By the loggers that write to them, and those below: as in Kafka's log4j.properties. */
const FILES: ReadonlyMap<string, string> = new Map([
  ['controller', 'controller.log'],
  [STATE_CHANGE_LOGGER, 'state-change.log'],
]);

/** Makes the directory of a broker's log files, if need be. Throws a sentence when nothing can be written there. */
export function ensureLogFolder(dir: string): void {
  try {
    nodeFileSystem.makeDir(dir);
    fs.accessSync(dir, fs.constants.W_OK);
  } catch (error) {
    throw new CommandError(`Cannot write log files to ${dir}, which LOG_DIR names: ${reasonOfRefusal(error)}`);
  }
  for (const name of [MAIN_LOG, ...FILES.values()]) {
    const file = path.join(dir, name);
    if (fs.statSync(file, { throwIfNoEntry: false })?.isDirectory()) {
      throw new CommandError(`Cannot write the log file ${file}: it is a directory`);
    }
  }
}

/** The directory of a broker's log files (Kafka's LOG_DIR). Each file is made with its first line. */
export class LogFolder {
  private readonly files = new Map<string, RotatingFile>();

  /** Throws a sentence when nothing can be written there. */
  constructor(
    private readonly dir: string,
    private readonly limits: RotationLimits,
    private readonly noteOfLoss: NoteOfLoss,
  ) {
    ensureLogFolder(dir);
  }

  fileOf(logger: string): NodeJS.WritableStream {
    const name = nameOf(logger);
    let file = this.files.get(name);
    if (!file) this.files.set(name, (file = new RotatingFile(path.join(this.dir, name), this.limits, this.noteOfLoss)));
    return file;
  }

  release(): void {
    for (const file of this.files.values()) file.release();
  }

  /** Whether the console is given what a logger writes, beside the file. */
  isMain(logger: string): boolean {
    return nameOf(logger) === MAIN_LOG;
  }
}

function nameOf(logger: string): string {
  for (const [prefix, name] of FILES) {
    if (logger === prefix || logger.startsWith(`${prefix}.`)) return name;
  }
  return MAIN_LOG;
}
