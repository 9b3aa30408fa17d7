import { type ConsentRefusalReason, consentRefusals } from './consent-refusals.ts';

/** Ends a consent without a credential. */
export class RefusedConsent extends Error {
  readonly reason: ConsentRefusalReason;
  readonly detail: string;

  constructor(reason: ConsentRefusalReason, { detail, cause }: { detail?: string; cause?: unknown } = {}) {
    super(reason, { cause });
    this.name = 'RefusedConsent';
    this.reason = reason;
    this.detail = detail || consentRefusals[reason].detail;
  }
}
