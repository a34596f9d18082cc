import { once } from 'node:events';

const CHUNK_CHARACTERS = 64 * 1024;

/** Lines to stdout in large pieces, no faster than they are taken. */
export class Printer {
  private readonly pending: string[] = [];
  private pendingCharacters = 0;
  private isFull = false;

  constructor(private readonly stream: NodeJS.WritableStream) {}

  line(text: string): void {
    this.pending.push(text, '\n');
    this.pendingCharacters += text.length + 1;
    if (this.pendingCharacters >= CHUNK_CHARACTERS) this.flush();
  }

  /** Hands over what is left. Called once more at the end, also of a dump that failed. */
  flush(): void {
    if (this.pending.length === 0) return;
    this.isFull = !this.stream.write(this.pending.join(''));
    this.pending.length = 0;
    this.pendingCharacters = 0;
  }

  /** Waits until the stream has room. */
  async drained(): Promise<void> {
    if (!this.isFull) return;
    this.isFull = false;
    await once(this.stream, 'drain');
  }
}
