import { assert, type Clock } from '../common/index.js';
import { isFetcherClientId } from '../network/index.js';
import type { RequestHeaderView, ApiDescription } from '../protocol/index.js';

/**
 * What an element of a request costs besides its own object until its request is handled: what the handler makes of it, and its place in the
 * answer. Measured with Produce and Metadata.
 */
const HANDLING_BYTES_PER_ELEMENT = 200;
/** Of V8's heap, for requests of each class of senders. */
const SHARE_OF_HEAP = 0.25;

/** Brokers do not wait for what clients have under way: clients wait for them, to replicate say. */
export type LargeRequestSender = 'broker' | 'client';

/** Who has sent it, as far as its header tells. A client that calls itself a broker competes with brokers. */
export function senderOf(api: ApiDescription, { clientId }: RequestHeaderView): LargeRequestSender {
  return api.clusterAction || (clientId !== null && isFetcherClientId(clientId)) ? 'broker' : 'client';
}

interface Waiting {
  readonly bytes: number;
  readonly enter: () => void;
}

/** Those of one class that are under way, and those that wait, in the order in which they came. */
class Lane {
  usedBytes = 0;
  readonly waiting: Waiting[] = [];
  isGrantScheduled = false;
}

/**
 * The memory for requests of thousands of elements, from before they are decoded until they are handled: the objects of a frame take many
 * times its size. A request that does not fit waits for those before it; one that never would is refused, for in Node nobody survives a heap
 * that is full. Kafka has no such bound, and its bytes cost less.
 */
export class LargeRequests {
  private readonly lanes: Record<LargeRequestSender, Lane> = { broker: new Lane(), client: new Lane() };

  constructor(
    private readonly clock: Clock,
    /** For each class of senders. */
    readonly maxBytes: number,
  ) {}

  /** As much as a broker with such a heap can spare. */
  static forHeap(clock: Clock, heapBytes: number): LargeRequests {
    return new LargeRequests(clock, Math.floor(heapBytes * SHARE_OF_HEAP));
  }

  /** About what a request takes until it is handled. */
  static bytesOf({ elements, heapBytes }: { readonly elements: number; readonly heapBytes: number }): number {
    return heapBytes + elements * HANDLING_BYTES_PER_ELEMENT;
  }

  /** Calls `entered` when there is room, at once or in a turn of its own; it gets what is to be called, once, when the request is handled. */
  enter(sender: LargeRequestSender, bytes: number, entered: (leave: () => void) => void): void {
    assert(bytes <= this.maxBytes, 'what never fits was refused');
    const lane = this.lanes[sender];
    const enter = (): void => {
      lane.usedBytes += bytes;
      let isUnderWay = true;
      entered(() => {
        assert(isUnderWay, 'a request leaves once');
        isUnderWay = false;
        lane.usedBytes -= bytes;
        this.scheduleGrant(lane);
      });
    };
    if (lane.waiting.length === 0 && lane.usedBytes + bytes <= this.maxBytes) enter();
    else lane.waiting.push({ bytes, enter });
  }

  /** What requests take that are under way. */
  get usedBytes(): number {
    return this.lanes.broker.usedBytes + this.lanes.client.usedBytes;
  }

  /** Requests that wait. */
  get size(): number {
    return this.lanes.broker.waiting.length + this.lanes.client.waiting.length;
  }

  /** Never within `leave`: whoever is handled is not to run the next one inside of it. */
  private scheduleGrant(lane: Lane): void {
    if (lane.waiting.length === 0 || lane.isGrantScheduled) return;
    lane.isGrantScheduled = true;
    this.clock.defer(() => {
      lane.isGrantScheduled = false;
      const [first] = lane.waiting;
      if (!first || lane.usedBytes + first.bytes > this.maxBytes) return;
      lane.waiting.shift();
      first.enter();
      this.scheduleGrant(lane);
    });
  }
}
