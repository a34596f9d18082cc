/**
 * Whose frame it is, as far as its first bytes and the listener tell. Each class has memory of its own (`RequestMemory`), so that none of
 * them waits for what another holds: brokers and the controller where no one else comes; those that say they are, where clients come too; the
 * frames of ordinary work; and the few large ones.
 */
export const SENDER_CLASSES = ['broker', 'claimedBroker', 'small', 'large'] as const;
export type SenderClass = (typeof SENDER_CLASSES)[number];

/**
 * What may come over a listener: `brokers` alone (the control plane's, and the one of inter-broker traffic when clients have another), or
 * anyone, with or without brokers among them.
 */
export type ListenerAudience = 'brokers' | 'brokersAndClients' | 'clients';

/** A frame of up to so many bytes takes nothing of the shared memory, nor do as many of a larger one: what a connection costs anyway. */
export const TINY_FRAME_BYTES = 4 * 1024;
const SMALL_FRAME_BYTES = 64 * 1024;
/** By so much of a frame its class is told; nothing of a header that matters here lies behind it. */
const HEADER_PREFIX_BYTES = 64;

const API_KEY_AT = 0;
const CLIENT_ID_AT = 8;
/** LeaderAndIsr, StopReplica, UpdateMetadata, ControlledShutdown, WriteTxnMarkers, AlterPartition, Envelope, AllocateProducerIds. */
const BROKER_APIS: ReadonlySet<number> = new Set([4, 5, 6, 7, 27, 56, 58, 67]);
/** Fetch, ListOffsets, OffsetForLeaderEpoch: what followers ask. */
const FETCHER_APIS: ReadonlySet<number> = new Set([1, 2, 23]);
const FETCHER = /^broker-\d+-fetcher-\d+$/;

/** A request that followers send, of one that calls itself as Kafka's fetchers (`ReplicaFetcherManager`), and ours, do. */
export function isOfFetcher(apiKey: number, clientId: string): boolean {
  return FETCHER_APIS.has(apiKey) && FETCHER.test(clientId);
}

/**
 * Tells the class of a frame of more than `TINY_FRAME_BYTES` by its first `HEADER_PREFIX_BYTES`, which begin at `at`. On a listener that clients share, a client
 * that says it is a broker is believed until connections are authenticated: it competes with brokers then, within the time that a frame has.
 */
export function senderClassOf(audience: ListenerAudience, frameBytes: number, bytes: Buffer, at: number): SenderClass {
  if (audience === 'brokers') return 'broker';
  if (audience === 'brokersAndClients' && claimsToBeBroker(bytes, at)) return 'claimedBroker';
  return frameBytes <= SMALL_FRAME_BYTES ? 'small' : 'large';
}

/** Whether a whole frame is a broker's, or the controller's, as far as `senderClassOf` would tell if it were larger. */
export function isOfBroker(audience: ListenerAudience, frame: Buffer): boolean {
  if (audience !== 'brokersAndClients') return audience === 'brokers';
  return frame.length >= CLIENT_ID_AT + 2 && claimsToBeBroker(frame, 0);
}

function claimsToBeBroker(bytes: Buffer, at: number): boolean {
  const apiKey = bytes.readInt16BE(at + API_KEY_AT);
  if (BROKER_APIS.has(apiKey)) return true;
  if (!FETCHER_APIS.has(apiKey)) return false;
  const length = bytes.readInt16BE(at + CLIENT_ID_AT);
  const from = at + CLIENT_ID_AT + 2;
  if (length <= 0 || from + length > at + HEADER_PREFIX_BYTES) return false;
  return isOfFetcher(apiKey, bytes.toString('latin1', from, from + length));
}
