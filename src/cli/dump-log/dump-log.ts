/** `ottla dump-log`: prints the files of a log as kafka-dump-log.sh does (`kafka.tools.DumpLogSegments`). */
import path from 'node:path';
import { javaStringHashCode } from '../../common/index.js';
import {
  clusterMetadataParser,
  decoderParser,
  inScalaHashOrder,
  offsetsParser,
  transactionLogParser,
  type RecordParser,
} from './dump-log-decoders.js';
import { javaError } from './dump-log-errors.js';
import {
  dumpOffsetIndex,
  dumpProducerSnapshot,
  dumpTimeIndex,
  dumpTransactionIndex,
  type DumpIndexOptions,
  type TimeIndexErrors,
} from './dump-log-index.js';
import { Printer } from './dump-log-printer.js';
import { dumpSegment } from './dump-log-segment.js';
import { readToolOptions, UncaughtException, type OptionSpec, type ParsedOptions } from '../options.js';
import type { Terminal } from '../terminal.js';
import { KAFKA_VERSION } from '../version.js';

const STRING_DECODER = 'kafka.serializer.StringDecoder';
const DEFAULT_MAX_MESSAGE_BYTES = 5 * 1024 * 1024;
const MAX_INT = 0x7fffffff;

const OPTIONS: readonly OptionSpec[] = [
  {
    name: 'print-data-log',
    description: 'Prints keys and values of the records. Set by itself when a decoder is named.',
  },
  { name: 'verify-index-only', description: 'Checks an index against its log without printing it.' },
  {
    name: 'index-sanity-check',
    description: 'Only checks what a broker checks at its start to know whether an index must be rebuilt.',
  },
  {
    name: 'files',
    argument: 'required',
    argumentName: 'file1, file2, ...',
    description: 'REQUIRED: The files of logs and indexes to print, separated by commas.',
  },
  {
    name: 'max-message-size',
    argument: 'required',
    argumentName: 'size',
    type: 'int',
    description: 'Size of the largest batch. (default: 5242880)',
  },
  {
    name: 'max-bytes',
    argument: 'required',
    argumentName: 'size',
    type: 'int',
    description: 'Reads whole batches in so many bytes only. (default: 2147483647)',
  },
  { name: 'deep-iteration', description: 'Prints the records in the batches. Set by itself with --print-data-log.' },
  {
    name: 'value-decoder-class',
    argument: 'optional',
    description: `What values are: kafka.serializer.StringDecoder, LongDecoder, IntegerDecoder or DefaultDecoder. (default: ${STRING_DECODER})`,
  },
  {
    name: 'key-decoder-class',
    argument: 'optional',
    description: `What keys are, as for values. (default: ${STRING_DECODER})`,
  },
  { name: 'offsets-decoder', description: 'The log is one of __consumer_offsets.' },
  { name: 'transaction-log-decoder', description: 'The log is one of __transaction_state.' },
  { name: 'cluster-metadata-decoder', description: 'The log is one of __cluster_metadata, which only KRaft has.' },
  { name: 'skip-record-metadata', description: 'Leaves offset, time, sizes and headers of records out.' },
];
const PURPOSE =
  'This tool helps to parse a log file and dump its contents to the console, useful for debugging a seemingly corrupt log segment.';

/**
 * Answers the exit code; mistakes on the command line and files that cannot be read end in a `CommandError`, with what was printed until
 * then on stdout.
 */
export async function dumpLogCommand(
  args: readonly string[],
  io: Pick<Terminal, 'stdin' | 'stdout' | 'stderr'>,
): Promise<number> {
  const parsed = readToolOptions(OPTIONS, args, PURPOSE, KAFKA_VERSION, io as Terminal);
  if (parsed === null) return 0;
  parsed.check.required('files');
  const dump = new Dump(parsed.options, io);
  try {
    for (const file of parsed.options.value('files')!.split(',')) await dump.file(file);
  } catch (error) {
    throw javaError(error);
  } finally {
    dump.flush();
  }
  dump.printErrors();
  return 0;
}

/** One run: prints the files one by one, and collects what is wrong with them for the end. */
class Dump {
  private readonly printer: Printer;
  private readonly printContents: boolean;
  private readonly isDeepIteration: boolean;
  private readonly indexMismatches = new Map<string, [bigint, bigint][]>();
  private readonly timeIndexErrors = new Map<string, TimeIndexErrors>();
  private readonly nonConsecutive = new Map<string, [bigint, bigint][]>();

  constructor(
    private readonly options: ParsedOptions,
    private readonly io: Pick<Terminal, 'stdout' | 'stderr'>,
  ) {
    this.printer = new Printer(io.stdout);
    const decoders = ['offsets-decoder', 'transaction-log-decoder', 'cluster-metadata-decoder'];
    const contents = ['print-data-log', ...decoders, 'value-decoder-class', 'key-decoder-class'];
    this.printContents = contents.some((name) => options.has(name));
    this.isDeepIteration = this.printContents || options.has('deep-iteration');
  }

  /** Values of options are looked at when a file first needs them, and complaints come after that file's first line. */
  private get indexOptions(): DumpIndexOptions {
    return {
      indexSanityOnly: this.options.has('index-sanity-check'),
      verifyOnly: this.options.has('verify-index-only'),
      maxMessageSize: this.options.number('max-message-size') ?? DEFAULT_MAX_MESSAGE_BYTES,
    };
  }

  async file(file: string): Promise<void> {
    const { printer } = this;
    printer.line(`Dumping ${file}`);
    const name = path.basename(file);
    const suffix = name.slice(name.lastIndexOf('.'));
    if (!name.includes('.')) {
      throw new UncaughtException(
        'java.lang.StringIndexOutOfBoundsException',
        `begin -1, end ${name.length}, length ${name.length}`,
      );
    }
    const absolute = path.resolve(file);
    switch (suffix) {
      case '.log':
      case '.checkpoint': {
        const gaps = await dumpSegment(
          file,
          {
            printContents: this.printContents,
            isDeepIteration: this.isDeepIteration,
            skipRecordMetadata: this.options.has('skip-record-metadata'),
            parser: parserOf(this.options),
            maxBytes: this.options.number('max-bytes') ?? MAX_INT,
          },
          printer,
        );
        if (gaps.length > 0) this.nonConsecutive.set(absolute, gaps);
        break;
      }
      case '.index': {
        const mismatches = await dumpOffsetIndex(file, this.indexOptions, printer);
        if (mismatches.length > 0) this.indexMismatches.set(absolute, mismatches);
        break;
      }
      case '.timeindex':
        this.timeIndexErrors.set(absolute, await dumpTimeIndex(file, this.indexOptions, printer));
        break;
      case '.snapshot': {
        const problem = dumpProducerSnapshot(file, printer);
        if (problem !== null) this.error(problem);
        break;
      }
      case '.txnindex':
        dumpTransactionIndex(file, printer);
        break;
      default:
        this.error(`Ignoring unknown file ${file}`);
    }
  }

  flush(): void {
    this.printer.flush();
  }

  /** To stderr, after all files, in the order in which Kafka's tool asks its tables. */
  printErrors(): void {
    for (const [file, pairs] of inHashOrder(this.indexMismatches)) {
      this.error(`Mismatches in :${file}`);
      for (const [index, log] of pairs) this.error(`  Index offset: ${index}, log offset: ${log}`);
    }
    for (const [file, pairs] of this.timeErrors('mismatches')) {
      this.error(`Found timestamp mismatch in :${file}`);
      for (const [index, log] of pairs) this.error(`  Index timestamp: ${index}, log timestamp: ${log}`);
    }
    for (const [file, pairs] of this.timeErrors('outOfOrder')) {
      this.error(`Found out of order timestamp in :${file}`);
      for (const [index, previous] of pairs) {
        this.error(`  Index timestamp: ${index}, Previously indexed timestamp: ${previous}`);
      }
    }
    for (const [, pairs] of this.timeErrors('notFound')) {
      this.error('The following indexed offsets are not found in the log.');
      for (const [index, log] of pairs) this.error(`Indexed offset: ${index}, found log offset: ${log}`);
    }
    for (const [file, pairs] of inHashOrder(this.nonConsecutive)) {
      this.error(`Non-consecutive offsets in ${file}`);
      for (const [first, second] of pairs) this.error(`  ${first} is followed by ${second}`);
    }
  }

  private timeErrors(kind: keyof TimeIndexErrors): [string, [bigint, bigint][]][] {
    const found = [...this.timeIndexErrors].map(([file, errors]) => [file, errors[kind]] as const);
    return inHashOrder(new Map(found.filter(([, pairs]) => pairs.length > 0)));
  }

  private error(text: string): void {
    this.io.stderr.write(`${text}\n`);
  }
}

function parserOf(options: ParsedOptions): RecordParser {
  if (options.has('offsets-decoder')) return offsetsParser;
  if (options.has('transaction-log-decoder')) return transactionLogParser;
  if (options.has('cluster-metadata-decoder')) return clusterMetadataParser;
  return decoderParser(
    options.value('key-decoder-class') ?? STRING_DECODER,
    options.value('value-decoder-class') ?? STRING_DECODER,
  );
}

/** The tool's tables of files are hash maps, and it prints them as those list them. */
function inHashOrder<T>(byFile: ReadonlyMap<string, T>): [string, T][] {
  return inScalaHashOrder([...byFile], ([file]) => javaStringHashCode(file));
}
