/** JavaScript that is put together line by line: of a decoder, an encoder, or what measures a message. */
export abstract class Source {
  readonly lines: string[] = [];
  private names = 0;

  /** A variable that no other line has. */
  protected name(): string {
    return `v${this.names++}`;
  }

  protected emit(line: string): void {
    this.lines.push(line);
  }
}

/** How much of a message one call takes: all of it, all of it up to a bound of elements, or some hundred elements a step. */
export type Mode = 'whole' | 'bounded' | 'stepped';

/** A literal of the text. */
export function quote(text: string): string {
  return JSON.stringify(text);
}
