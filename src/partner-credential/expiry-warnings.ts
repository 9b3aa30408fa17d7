import type { CredentialLog } from './ports.ts';
import { dayMs } from './refresh-token-lifetime.ts';

/** Days before an end at which whoever is responsible hears of it. */
const thresholds = [1, 7, 14, 30];

/** Warns of an end that draws near: once at each threshold, and again from the first one after it was put off. */
export type WarnOfExpiry = (what: string, expiresAt: number) => void;

export interface ExpiryWarningsParts {
  readonly log: CredentialLog;
  readonly now?: () => number;
}

export function createExpiryWarnings({ log, now = Date.now }: ExpiryWarningsParts): WarnOfExpiry {
  const warnedAt = new Map<string, number>();
  return function warnOfExpiry(what, expiresAt) {
    const daysLeft = (expiresAt - now()) / dayMs;
    const threshold = thresholds.find((days) => daysLeft <= days);
    if (threshold === undefined) return void warnedAt.delete(what);
    if ((warnedAt.get(what) ?? Number.POSITIVE_INFINITY) <= threshold) return;
    warnedAt.set(what, threshold);
    const facts = {
      alarm: 'expiry',
      what,
      thresholdDays: threshold,
      expiresAt: new Date(expiresAt).toISOString(),
    };
    const message =
      daysLeft > 0 ? `The ${what} expires in ${Math.ceil(daysLeft)} days` : `The ${what} has expired`;
    // In the last week a person must act now.
    log[threshold <= 7 ? 'error' : 'warn'](facts, message);
  };
}
