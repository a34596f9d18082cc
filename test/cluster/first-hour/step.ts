/** What a stream has to say: all of it, or a part. */
export type Said = string | RegExp;

/** One thing that a person does in the first hour, and what comes of it. */
export interface Step {
  /** What it is about, in the words of whom it happens to. */
  readonly what: string;
  /** As typed into a shell in the clone's folder; `shell-functions.ts` says what there is besides the commands. */
  readonly type: string;
  /** The exit code; 0 unless told. */
  readonly exit?: number;
  /** On stdout and on stderr; nothing at all unless told. */
  readonly out?: Said;
  readonly err?: Said;
  /** Kafka's own tool was asked the same: exit code, stdout and the sentence on stderr are its (`kafka.json`). */
  readonly asKafka?: true;
  /** A command that succeeds afterwards. */
  readonly then?: string;
}

/** Whatever it says. */
export const ANYTHING = /(?:)/;
