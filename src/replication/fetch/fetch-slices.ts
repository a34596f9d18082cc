import { BROKER_SLICES, type SliceLimits } from '../../common/index.js';

/** How a fetch of many partitions takes turns with others. */
export interface FetchSlices {
  /** A fetch of more partitions is served in slices. */
  readonly partitionsAtOnce: number;
  /** Each of them is looked at several times, for a microsecond or less; reading one takes more. */
  readonly partitionsAStep: number;
  readonly readsAStep: number;
  readonly limits?: SliceLimits;
}

export const FETCH_SLICES: FetchSlices = { partitionsAtOnce: 500, partitionsAStep: 64, readsAStep: 8 };

/** Replication does not wait for the crowd of consumers. */
export function sliceLimitsOf({ limits }: FetchSlices, privileged: boolean): SliceLimits | undefined {
  return limits ?? (privileged ? BROKER_SLICES : undefined);
}
