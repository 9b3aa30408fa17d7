import type { PartnerCredential } from './ports.ts';

/**
 * Whether one credential may take another's place: never an older one that of a newer, never one without MFA that of
 * one with it. Partner Center refuses tokens without MFA, so such a swap would be an outage.
 */
export const supersedes = (next: PartnerCredential, current: PartnerCredential | undefined): boolean =>
  current === undefined ||
  (next.issuedAt >= current.issuedAt && !(current.hasMfa === true && next.hasMfa === false));
