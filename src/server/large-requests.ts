import { BROKER_SLICES, GrantingRoom, type Clock, type SliceLimits, type Tenant, type Timer } from '../common/index.js';
import { isOfFetcher } from '../network/index.js';
import type { ApiDescription, MessageSize, RequestHeaderView } from '../protocol/index.js';

/**
 * What an element of a request costs besides its own object until its request is handled: what the handler makes of it, and its place in the
 * answer. Measured with Produce and Metadata.
 */
const HANDLING_BYTES_PER_ELEMENT = 200;
/** Of V8's heap, for each class of senders: what is being handled. As much again is for one that overdraws, and for what waits for others. */
const SHARE_OF_HEAP = 0.125;
/** Of a lane, for what waits for ZooKeeper, which may be away for hours; one may overdraw. */
const SHARE_AT_ZOOKEEPER = 0.25;
/** So long a request waits for room at most. Its frame is kept meanwhile. */
const MAX_WAIT_MS = 30_000;

/** Brokers do not wait for what clients have under way: clients wait for them, to replicate say. */
export type LargeRequestSender = 'broker' | 'client';

/** Who has sent it, as far as its header tells. A client that calls itself a broker competes with brokers. */
export function senderOf(api: ApiDescription, { apiKey, clientId }: RequestHeaderView): LargeRequestSender {
  return api.clusterAction || (clientId !== null && isOfFetcher(apiKey, clientId)) ? 'broker' : 'client';
}

/** What brokers ask for does not share its turns with the crowd of clients. */
export function sliceLimitsOf(sender: LargeRequestSender): SliceLimits | undefined {
  return sender === 'broker' ? BROKER_SLICES : undefined;
}

/** Whose request it is, and what becomes of it. */
export interface LargeRequestOwner {
  /** There is room. Called within `enter` or in a turn of its own. */
  onEntered(): void;
  /** It has waited too long for room; or others need the room while it waits for what others do. It holds nothing any more. */
  onPushedOut(): void;
}

/** A request's part of the memory, or its wish for it. */
export class LargeRequest implements Tenant {
  /** @internal */
  state: 'outside' | 'waiting' | 'handled' | 'leftToOthers' | 'atZooKeeper' | 'gone' = 'outside';
  /** @internal */
  waitTimer: Timer | null = null;
  /** @internal While it stands in line for its turn to ask ZooKeeper. */
  onTurnAtZooKeeper: (() => void) | null = null;

  constructor(
    private readonly lane: Lane,
    readonly address: string,
    readonly bytes: number,
    readonly owner: LargeRequestOwner,
  ) {}

  /** Lets it in when there is room, at once or in a turn of its own. */
  enter(): void {
    this.lane.enter(this);
  }

  /**
   * From now on it waits for what others do, and then to be answered: it keeps no one waiting, and goes when its room is needed, perhaps at once.
   * One that has never entered, because it is small, is counted from here on.
   */
  leaveToOthers(): void {
    this.lane.leaveToOthers(this);
  }

  /**
   * It is left to others until it is its turn to ask ZooKeeper, at once or in a turn of its own; from then on it is counted among its like, until it is
   * left to others again. Who is pushed out meanwhile has no turn.
   */
  askZooKeeper(onTurn: () => void): void {
    this.lane.askZooKeeper(this, onTurn);
  }

  /** Nothing is left of it. */
  leave(): void {
    this.lane.leave(this);
  }
}

/** The requests of one class of senders. */
class Lane {
  private readonly handled: GrantingRoom<LargeRequest>;
  private readonly atZooKeeper: GrantingRoom<LargeRequest>;
  /** By address, the oldest first. */
  private readonly leftToOthers = new Map<string, { bytes: number; readonly requests: Set<LargeRequest> }>();
  private leftToOthersBytes = 0;

  constructor(
    private readonly clock: Clock,
    private readonly capacityBytes: number,
  ) {
    this.handled = new GrantingRoom(clock, capacityBytes, (request) => this.begin(request));
    const zooKeeperBytes = Math.floor(capacityBytes * SHARE_AT_ZOOKEEPER);
    this.atZooKeeper = new GrantingRoom(clock, zooKeeperBytes, (request) => this.beginAtZooKeeper(request));
  }

  get usedBytes(): number {
    return this.handled.heldBytes;
  }

  get keptBytes(): number {
    return this.leftToOthersBytes;
  }

  get atZooKeeperBytes(): number {
    return this.atZooKeeper.heldBytes;
  }

  get waiters(): number {
    return this.handled.waiters;
  }

  enter(request: LargeRequest): void {
    request.state = 'waiting';
    if (this.handled.enter(request)) return;
    request.waitTimer = this.clock.setTimer(MAX_WAIT_MS, () => this.pushOut(request), { background: true });
  }

  leaveToOthers(request: LargeRequest): void {
    const { state } = request;
    if (state !== 'handled' && state !== 'outside' && state !== 'atZooKeeper') return;
    this.leave(request);
    request.state = 'leftToOthers';
    const { address, bytes } = request;
    let ofAddress = this.leftToOthers.get(address);
    if (!ofAddress) this.leftToOthers.set(address, (ofAddress = { bytes: 0, requests: new Set() }));
    ofAddress.requests.add(request);
    ofAddress.bytes += bytes;
    this.leftToOthersBytes += bytes;
    this.makeRoom();
  }

  askZooKeeper(request: LargeRequest, onTurn: () => void): void {
    this.leaveToOthers(request);
    if (request.state !== 'leftToOthers') return;
    request.onTurnAtZooKeeper = onTurn;
    this.atZooKeeper.enter(request);
  }

  leave(request: LargeRequest): void {
    const { state } = request;
    request.state = 'gone';
    request.waitTimer?.cancel();
    if (state === 'atZooKeeper' || request.onTurnAtZooKeeper) this.atZooKeeper.leave(request);
    request.onTurnAtZooKeeper = null;
    if (state === 'leftToOthers') this.forget(request);
    else if (state === 'waiting' || state === 'handled') this.handled.leave(request);
  }

  private begin(request: LargeRequest): void {
    request.state = 'handled';
    request.waitTimer?.cancel();
    this.makeRoom();
    request.owner.onEntered();
  }

  private beginAtZooKeeper(request: LargeRequest): void {
    const onTurn = request.onTurnAtZooKeeper!;
    request.onTurnAtZooKeeper = null;
    this.forget(request);
    request.state = 'atZooKeeper';
    onTurn();
  }

  /** Of what waits for others there is no more than what is not being handled leaves: the address that has most of it gives way. */
  private makeRoom(): void {
    const leftBytes = (): number => 2 * this.capacityBytes - this.usedBytes - this.atZooKeeperBytes;
    while (this.leftToOthersBytes > 0 && this.leftToOthersBytes > leftBytes()) {
      const most = [...this.leftToOthers.values()].reduce((a, b) => (b.bytes > a.bytes ? b : a));
      const [oldest] = most.requests;
      this.pushOut(oldest!);
    }
  }

  private pushOut(request: LargeRequest): void {
    this.leave(request);
    request.owner.onPushedOut();
  }

  private forget(request: LargeRequest): void {
    const { address, bytes } = request;
    const ofAddress = this.leftToOthers.get(address)!;
    ofAddress.requests.delete(request);
    ofAddress.bytes -= bytes;
    if (ofAddress.requests.size === 0) this.leftToOthers.delete(address);
    this.leftToOthersBytes -= bytes;
  }
}

/**
 * The memory for requests of thousands of elements, from before they are decoded until they are answered: the objects of a frame take many
 * times its size. A request that does not fit waits (`FairRoom`); one that never would is refused, for in Node nobody survives a heap
 * that is full. Kafka has no such bound, and its bytes cost less.
 *
 * What waits for others, a leader to be elected say, may do so for days and keeps no one waiting: it goes when its room is needed. What ZooKeeper is
 * asked for cannot go, and while ZooKeeper is away it has no end: it keeps its like waiting, which are left to others meanwhile, and no one else.
 */
export class LargeRequests {
  private readonly lanes: Record<LargeRequestSender, Lane>;

  constructor(
    clock: Clock,
    /** Of one request, and of all that are handled, besides one that overdraws; for each class of senders. */
    readonly maxBytes: number,
  ) {
    this.lanes = { broker: new Lane(clock, maxBytes), client: new Lane(clock, maxBytes) };
  }

  /** As much as a broker with such a heap can spare. */
  static forHeap(clock: Clock, heapBytes: number): LargeRequests {
    return new LargeRequests(clock, Math.floor(heapBytes * SHARE_OF_HEAP));
  }

  /** About what a request takes until it is answered. `numbersAreKept`: its handler makes nothing of those elements that are numbers. */
  static bytesOf({ elements, numbers, heapBytes }: MessageSize, numbersAreKept: boolean): number {
    return heapBytes + (elements - (numbersAreKept ? numbers : 0)) * HANDLING_BYTES_PER_ELEMENT;
  }

  /** A request that has yet to enter. It may not be of more than `maxBytes`. */
  request(sender: LargeRequestSender, address: string, bytes: number, owner: LargeRequestOwner): LargeRequest {
    return new LargeRequest(this.lanes[sender], address, bytes, owner);
  }

  /** What requests take that are being handled: others may wait for it. */
  get usedBytes(): number {
    return this.lanes.broker.usedBytes + this.lanes.client.usedBytes;
  }

  /** What requests take that wait for what others do. */
  get keptBytes(): number {
    return this.lanes.broker.keptBytes + this.lanes.client.keptBytes;
  }

  /** What requests take that ZooKeeper is asked for. */
  get atZooKeeperBytes(): number {
    return this.lanes.broker.atZooKeeperBytes + this.lanes.client.atZooKeeperBytes;
  }

  /** Requests that wait. */
  get size(): number {
    return this.lanes.broker.waiters + this.lanes.client.waiters;
  }
}
