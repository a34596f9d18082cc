import { assert } from '../../common/index.js';

/** How many requests of one connection may be unanswered at a time (see `Request.allowNext`). */
const MAX_OVERLAPPING = 16;
/** What answers may hold that are ready before their turn; beyond it no further request begins. */
const MAX_HELD_ANSWER_BYTES = 64 * 1024;

interface Turn<Request> {
  readonly request: Request;
  /** Undefined until it is answered; null when there is no answer to send. */
  answer: Buffer[] | null | undefined;
}

/** The requests of a connection that were handed out, and their answers, which leave in the order of the requests. */
export class AnswerOrder<Request> {
  private turns: Turn<Request>[] = [];
  /** True while the newest request must be answered before the next is handed out. */
  private isBusy = false;
  private heldAnswerBytes = 0;

  /** `send` is called with each answer when its turn has come. */
  constructor(private readonly send: (answer: Buffer[]) => void) {}

  get isEmpty(): boolean {
    return this.turns.length === 0;
  }

  /** Whether the frame of another request may begin. */
  get mayBegin(): boolean {
    return !this.isBusy && this.turns.length < MAX_OVERLAPPING && this.heldAnswerBytes <= MAX_HELD_ANSWER_BYTES;
  }

  /** Bytes of answers that wait for the answers before them. */
  get heldBytes(): number {
    return this.heldAnswerBytes;
  }

  begin(request: Request): void {
    // More may be held by now than when its frame began (`mayBegin`): meanwhile others were answered before their turn.
    assert(!this.isBusy && this.turns.length < MAX_OVERLAPPING, 'a request is handed out in its turn');
    this.isBusy = true;
    this.turns.push({ request, answer: undefined });
  }

  /** The next request need not wait for this one's answer. */
  allowNext(request: Request): void {
    if (this.turns[this.turns.length - 1]?.request === request) this.isBusy = false;
  }

  /** Sends the answer, and those that waited for it; or keeps it until its turn. Null: nothing is to be sent. */
  answered(request: Request, answer: Buffer[] | null): void {
    this.allowNext(request);
    const { turns } = this;
    if (turns[0]!.request !== request) {
      turns.find((turn) => turn.request === request)!.answer = answer;
      this.heldAnswerBytes += sizeOf(answer);
      return;
    }
    turns.shift();
    if (answer) this.send(answer);
    while (turns.length > 0 && turns[0]!.answer !== undefined) {
      const ready = turns.shift()!.answer!;
      this.heldAnswerBytes -= sizeOf(ready);
      if (ready) this.send(ready);
    }
  }

  /** Forgets all; gives the requests that are not answered. */
  close(): readonly Request[] {
    const unanswered = this.turns.filter(({ answer }) => answer === undefined);
    this.turns = [];
    this.heldAnswerBytes = 0;
    return unanswered.map(({ request }) => request);
  }
}

function sizeOf(answer: readonly Buffer[] | null): number {
  let bytes = 0;
  if (answer) for (const chunk of answer) bytes += chunk.length;
  return bytes;
}
