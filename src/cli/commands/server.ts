import { CommandError, type Command } from '../terminal.js';
import { awaitBrokers } from '../server/server-await.js';
import { startDaemon } from '../server/server-daemon.js';
import { startServer } from '../server/server-start.js';
import { stopServers } from '../server/server-stop.js';

const USAGE =
  'USAGE: ottla server start [-daemon] server.properties [--override property=value]*\n' +
  '       ottla server stop\n' +
  '       ottla server await host:port[,host:port]*';

/** `ottla server start|stop`: kafka-server-start.sh and kafka-server-stop.sh; and `await`, for scripts that begin to use a cluster. */
export const serverCommand: Command = (args, terminal) => {
  const [verb, ...rest] = args;
  if (args.includes('--help')) throw new CommandError(USAGE);
  if (verb === 'start') {
    const { file, overrides, daemon } = parseStart(rest);
    return daemon ? startDaemon(file, overrides, terminal) : startServer(file, overrides, terminal);
  }
  if (verb === 'stop' && rest.length > 0) throw new CommandError(`stop takes no ${rest[0]}\n${USAGE}`);
  if (verb === 'stop') return stopServers(terminal);
  if (verb === 'await') return awaitBrokers(parseAwait(rest), terminal);
  throw new CommandError(USAGE);
};

function parseAwait([servers, ...more]: readonly string[]): string {
  if (servers === undefined) throw new CommandError(`await needs host:port\n${USAGE}`);
  if (servers.startsWith('-')) throw new CommandError(`${servers} is not a recognized option\n${USAGE}`);
  if (more.length > 0) throw new CommandError(`Found non argument parameters: ${more[0]}\n${USAGE}`);
  return servers;
}

/** Options of the JVM's start script (`-name X`, `-loggc`) are taken and mean nothing here. */
function parseStart(args: readonly string[]): { file: string; overrides: Map<string, string>; daemon: boolean } {
  let file: string | null = null;
  let daemon = false;
  const overrides = new Map<string, string>();
  for (let i = 0; i < args.length; i++) {
    const arg = args[i]!;
    const inline = /^--?override=(.*)$/s.exec(arg);
    if (arg === '-daemon' || arg === '--daemon') daemon = true;
    else if (arg === '-name') i++;
    else if (arg === '-loggc') continue;
    else if (arg === '--override' || arg === '-override' || inline) {
      const text = inline ? inline[1]! : args[++i];
      const equals = text?.indexOf('=') ?? -1;
      if (text === undefined || equals < 1) {
        throw new CommandError(`--override takes property=value, not '${text ?? ''}'\n${USAGE}`);
      }
      overrides.set(text.slice(0, equals).trim(), text.slice(equals + 1));
    } else if (arg.startsWith('-')) throw new CommandError(`${arg} is not a recognized option\n${USAGE}`);
    else if (file !== null) throw new CommandError(`Found non argument parameters: ${arg}\n${USAGE}`);
    else file = arg;
  }
  if (file === null) throw new CommandError(USAGE);
  return { file, overrides, daemon };
}
