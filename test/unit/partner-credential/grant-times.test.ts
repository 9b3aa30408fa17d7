import { expect, it } from '@jest/globals';
import { toGrantTimes } from '../../../src/partner-credential/grant-times.ts';
import { supersedes } from '../../../src/partner-credential/supersedes.ts';

const stored = { refreshToken: 'stored', issuedAt: 1_000, consentedAt: 1_000 };

it('a grant is dated by the clock', () => {
  expect(toGrantTimes(undefined, 5_000)).toEqual({ issuedAt: 5_000, consentedAt: 5_000 });
  expect(toGrantTimes(stored, 5_000)).toEqual({ issuedAt: 5_000, consentedAt: 5_000 });
});

it.each([1_000, 400])('a grant counts as the later one though this clock is behind (%s)', (now) => {
  const times = toGrantTimes(stored, now);
  expect(times).toEqual({ issuedAt: 1_000, consentedAt: 1_001 });
  const renewalOfStored = { ...stored, refreshToken: 'renewed', issuedAt: 2_000 };
  expect(supersedes(renewalOfStored, { refreshToken: 'granted', ...times })).toBe(false);
});
