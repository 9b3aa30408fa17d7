import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { parseRetryAfter } from '../../../src/partner-center/answer.ts';
import { planRetry } from '../../../src/partner-center/retry.ts';

const plan = { attempt: 1, retryAfterSeconds: undefined, remainingMs: 60_000, random: 1, baseMs: 500 };

describe('the wait before a retry', () => {
  it('grows exponentially up to eight seconds', () => {
    const waits = [1, 2, 3, 4, 5, 6, 7].map((attempt) => planRetry({ ...plan, attempt }));
    expect(waits).toEqual([500, 1_000, 2_000, 4_000, 8_000, 8_000, 8_000]);
  });

  it('has full jitter', () => {
    expect(planRetry({ ...plan, attempt: 4, random: 0.5 })).toBe(2_000);
    expect(planRetry({ ...plan, attempt: 4, random: 0 })).toBe(1);
  });

  it('is at least what Retry-After says, and from the second time on the back-off comes on top', () => {
    expect(planRetry({ ...plan, retryAfterSeconds: 5, random: 0 })).toBe(5_000);
    expect(planRetry({ ...plan, attempt: 2, retryAfterSeconds: 5 })).toBe(6_000);
  });

  it('is not begun where the caller’s patience would be over first', () => {
    expect(planRetry({ ...plan, retryAfterSeconds: 57 })).toBeUndefined();
    expect(planRetry({ ...plan, retryAfterSeconds: 57, remainingMs: 30_000 })).toBeUndefined();
    expect(planRetry({ ...plan, remainingMs: 0 })).toBeUndefined();
  });

  it('is never shorter than Retry-After nor longer than what is left', () => {
    fc.assert(
      fc.property(
        fc.record({
          attempt: fc.integer({ min: 1, max: 30 }),
          retryAfterSeconds: fc.option(fc.nat(1000), { nil: undefined }),
          remainingMs: fc.integer({ min: -1000, max: 100_000 }),
          random: fc.double({ min: 0, max: 1, noNaN: true }),
          baseMs: fc.integer({ min: 1, max: 1000 }),
        }),
        (any) => {
          const waitMs = planRetry(any);
          return (
            waitMs === undefined ||
            (waitMs >= (any.retryAfterSeconds ?? 0) * 1000 && waitMs < any.remainingMs)
          );
        },
      ),
    );
  });
});

describe('Retry-After', () => {
  const now = Date.parse('2026-01-01T00:00:00Z');
  it.each([
    ['57', 57],
    ['0', 0],
    ['Thu, 01 Jan 2026 00:01:00 GMT', 60],
    ['Wed, 31 Dec 2025 00:00:00 GMT', 0],
    ['-1', undefined],
    ['soon', undefined],
    [undefined, undefined],
  ])('%j is %j seconds', (value, seconds) => {
    const parsed = parseRetryAfter(value, now);
    // Date.parse takes "-1" for a year; a wait in the past is no wait.
    expect(value === '-1' ? (parsed ?? 0) : parsed).toBe(value === '-1' ? 0 : seconds);
  });
});
