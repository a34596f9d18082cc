/**
 * Whether a controller's request was meant for an earlier life of this broker (KIP-380; `isBrokerEpochStale`). -1 in the request comes
 * from a controller that knows no epochs. A greater one means that our new registration is known there before the answer to it came
 * here, so the request is meant for us.
 */
export function isBrokerEpochStale(requestEpoch: bigint, currentEpoch: bigint): boolean {
  return requestEpoch !== -1n && requestEpoch < currentEpoch;
}
