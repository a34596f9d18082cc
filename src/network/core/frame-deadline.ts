import type { Frame } from './frame.js';

/** So long a frame may be without a byte while others wait for the memory it holds. */
export const FRAME_GRACE_MS = 2000;
/** And so long, once it has had to wait itself, until the first: what its sender could send meanwhile is in the kernel. */
export const GRANTED_GRACE_MS = 500;
/** A frame must come at this rate, or within half a minute, whichever is quicker; 4 KiB a second are a slow modem. */
const LEAST_BYTES_PER_MS = 4;
const MAX_FRAME_MS = 30_000;

/**
 * The least rate of a frame that has begun. Each byte brings the time it may take, up to the grace: a pause of less does not matter, and a byte
 * now and then does not help. It counts only while others of the class wait for memory; in Kafka they wait for as
 * long as the slowest likes.
 */
export function begin(frame: Frame, nowMs: number): void {
  frame.dueMs = nowMs + FRAME_GRACE_MS;
}

/** The frame has the memory it waited for. */
export function goOn(frame: Frame, nowMs: number): void {
  frame.dueMs = nowMs + GRANTED_GRACE_MS;
}

/** Moves the deadline for `bytes` that came. What comes next may take a round trip, by satellite more than half a second. */
export function extend(frame: Frame, bytes: number, nowMs: number): void {
  const bytesPerMs = Math.max(LEAST_BYTES_PER_MS, frame.frameBytes / MAX_FRAME_MS);
  frame.dueMs = Math.min(Math.max(frame.dueMs, nowMs) + bytes / bytesPerMs, nowMs + FRAME_GRACE_MS);
}

/** Whether the frame holds memory and does not come as it must. */
export function isLate(frame: Frame, nowMs: number): boolean {
  return frame.state === 'filling' && frame.memory !== null && nowMs > frame.dueMs;
}
