import type { PartnerCredential } from './ports.ts';

/**
 * The times of a credential that a person has just granted. The grant is always the later one: instances' clocks
 * differ, and it counts though the clock that sees it is behind.
 */
export function toGrantTimes(
  stored: PartnerCredential | undefined,
  now: number,
): Required<Pick<PartnerCredential, 'issuedAt' | 'consentedAt'>> {
  return {
    issuedAt: Math.max(now, stored?.issuedAt ?? 0),
    consentedAt: Math.max(now, (stored?.consentedAt ?? 0) + 1),
  };
}
