import type { PartnerCredential } from './ports.ts';

/**
 * Whether a credential is older than another. A renewal hands the consent on that it descends from, so a later consent
 * is newer than any renewal of an earlier one, also of one that was under way while the person consented.
 */
function isOlder(one: PartnerCredential, other: PartnerCredential): boolean {
  const areConsentsKnown = one.consentedAt !== undefined && other.consentedAt !== undefined;
  if (areConsentsKnown && one.consentedAt !== other.consentedAt) return one.consentedAt < other.consentedAt;
  return one.issuedAt < other.issuedAt;
}

/** Whether a credential lacks the MFA that another one, which is no newer, was granted with. */
export const lacksMfaOf = (next: PartnerCredential, current: PartnerCredential): boolean =>
  !isOlder(next, current) && current.hasMfa === true && next.hasMfa === false;

/**
 * Whether one credential may take another's place: never an older one that of a newer, never one without MFA that of
 * one with it. Partner Center refuses tokens without MFA, so such a swap would be an outage.
 */
export const supersedes = (next: PartnerCredential, current: PartnerCredential | undefined): boolean =>
  current === undefined || (!isOlder(next, current) && !lacksMfaOf(next, current));

/**
 * Which of two credentials is to stay where both were stored at the same moment, each without seeing the other. Never
 * true in both directions, so that two writers who judge by it come to one result.
 */
export const prevails = (one: PartnerCredential, other: PartnerCredential): boolean =>
  !supersedes(other, one) && (supersedes(one, other) || one.hasMfa === true);
