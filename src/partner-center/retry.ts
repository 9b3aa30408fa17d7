export interface RetryPlan {
  /** 1 for the first retry. */
  readonly attempt: number;
  /** What the answer asked for, in seconds. */
  readonly retryAfterSeconds: number | undefined;
  /** Time left for the whole call, in milliseconds. */
  readonly remainingMs: number;
  /** From 0 to 1. */
  readonly random: number;
  readonly baseMs: number;
}

const longestBackoffMs = 8_000;

// A caller waits for our answer meanwhile: what takes longer is for the caller to wait out, and to know of.
const longestWaitMs = 10_000;

/**
 * How long to wait before the next attempt, in milliseconds; undefined where the caller's patience would be over first.
 * Exponential back-off with full jitter. `Retry-After` is waited out in full; from the second time on the back-off
 * comes on top of it, as Microsoft asks for.
 * Source: https://learn.microsoft.com/partner-center/developer/api-throttling-guidance
 */
export function planRetry({
  attempt,
  retryAfterSeconds,
  remainingMs,
  random,
  baseMs,
}: RetryPlan): number | undefined {
  const backoffMs = random * Math.min(longestBackoffMs, baseMs * 2 ** (attempt - 1));
  const waitMs =
    retryAfterSeconds === undefined
      ? backoffMs
      : retryAfterSeconds * 1000 + (attempt > 1 ? backoffMs : random * baseMs);
  const roundedMs = Math.max(1, Math.round(waitMs));
  return roundedMs < Math.min(remainingMs, longestWaitMs) ? roundedMs : undefined;
}
