/** What can happen to a partition that whoever waits for it may care for; bits, for several may happen at once. */
export const Change = {
  /** The log end moved. */
  Appended: 1,
  HighWatermark: 2,
  /** Leader, epoch, log start or anything else: whoever waits should look. */
  State: 4,
  /** The log start of a follower or of the copy rose, or the copy is gone: only DeleteRecords waits for that. */
  LowWatermark: 8,
} as const;
