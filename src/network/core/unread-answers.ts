import { AddressShares } from '../../common/index.js';

/** What answers may take that wait for clients to read them. */
const CAPACITY_BYTES = 128 * 1024 * 1024;
/** No answer may be larger: what is left has to be twice its size. */
export const MAX_ANSWER_BYTES = CAPACITY_BYTES / 2;
/** A fetch may take so much, or its first batch, and no more once all is taken and its address has as much. */
const MIN_ANSWER_BYTES = 64 * 1024;
/** The largest part of what is left that one answer may take. */
const SHARES = 8;
/** An answer must be read within half a minute and at this rate, while those of others are held short for it. */
const GRACE_MS = 30_000;
const LEAST_BYTES_PER_MS = 64;

/**
 * Answers that their clients have not read, of the whole server: those of Fetch, or all others. In Kafka one of Fetch is a position in a file; here
 * it is memory, and what consumers leave unread may cost no one else his answers.
 * One answer may take an eighth of what is left, where the address's own unread bytes count twice: a few clients that do not read cost the
 * others little, many at one address cost those at others less than half.
 */
export class UnreadAnswers {
  /** What clients at each address have not read. */
  readonly shares = new AddressShares(CAPACITY_BYTES, 'unread');

  get totalBytes(): number {
    return this.shares.total;
  }

  /** So much is taken that other clients get noticeably less: whoever does not read is cut off when his time is up. */
  get isShort(): boolean {
    return this.shares.total > CAPACITY_BYTES / 4;
  }

  /**
   * How large the next answer to this address may be, where it is for us to choose: 0 when all is taken, and some of it by this address. `ownBytes`
   * of what is counted are those of the answer itself.
   */
  availableTo(address: string, ownBytes = 0): number {
    const { shares } = this;
    if (shares.total - ownBytes >= CAPACITY_BYTES && shares.of(address) - ownBytes >= MIN_ANSWER_BYTES) return 0;
    return Math.max(MIN_ANSWER_BYTES, Math.floor((shares.leftFor(address) + 2 * ownBytes) / SHARES));
  }

  /** So many bytes more (or less) wait to be read by a client at this address. */
  count(address: string, change: number): void {
    this.shares.count(address, change);
  }

  /** How long a client may take to read so much. */
  static readMs(bytes: number): number {
    return GRACE_MS + bytes / LEAST_BYTES_PER_MS;
  }
}
