import type { AccessMonitor } from './access-monitor.ts';
import type { WarnOfExpiry } from './expiry-warnings.ts';
import type { CredentialLog, PartnerCredential } from './ports.ts';
import { dayMs, refreshTokenLifetimeMs } from './refresh-token-lifetime.ts';
import type { RenewableCredential } from './token-credential.ts';

/** Keeps the credential alive whether or not anyone calls. */
export interface RenewalSchedule {
  /** One look at what is due, which the timer takes every minute. It does not throw. */
  tick(): Promise<void>;
  start(): void;
  /** Resolves when nothing runs any more. */
  stop(): Promise<void>;
}

export interface RenewalScheduleParts {
  readonly credential: RenewableCredential;
  readonly access: AccessMonitor;
  readonly warnOfExpiry: WarnOfExpiry;
  readonly clientCertificateExpiresAt?: number;
  readonly log: CredentialLog;
  readonly now?: () => number;
  readonly random?: () => number;
}

const tickMs = 60_000;
const reconcileMs = 300_000;
/** Renewed after 18 to 24 hours: at least daily, and not by all instances, or after each midnight, at once. */
const renewalMs = { least: 0.75 * dayMs, most: dayMs };
/** Clocks that are further apart than this are wrong. */
const mostClockSkewMs = 300_000;
const longestRetryMs = 3_600_000;
const accessCheckMs = dayMs / 2;
/** A check that was not passed is repeated sooner, so that what has been mended is seen. */
const failedAccessCheckMs = 300_000;
const freshTokenMs = 1_800_000;

export function createRenewalSchedule({
  credential,
  access,
  warnOfExpiry,
  clientCertificateExpiresAt,
  log,
  now = Date.now,
  random = Math.random,
}: RenewalScheduleParts): RenewalSchedule {
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> | undefined;
  let jitter = random();
  let reconciledAt = now();
  let accessCheckedAt: number | undefined;
  let hasWarnedOfDate = false;

  function isRenewalDue(): boolean {
    const { newest, failure, lastSuccessAt = Number.NEGATIVE_INFINITY } = credential.facts();
    if (failure) {
      const { refreshToken } = failure;
      // Another one has been stored since, or the store is to be looked into again, which Entra ID does not notice.
      if (refreshToken === undefined || refreshToken !== newest?.refreshToken) return true;
      // Exponential from a minute to an hour; callers may have caused an attempt meanwhile, which counts as well.
      const retryMs = Math.min(longestRetryMs, tickMs * 2 ** Math.min(10, failure.count - 1));
      return now() >= failure.at + retryMs;
    }
    if (!newest) return false;
    // Another instance's renewal counts: what matters is that there was one. A date that cannot be tells nothing.
    const renewedAt = isDatedAhead(newest) ? lastSuccessAt : newest.issuedAt;
    return now() >= renewedAt + renewalMs.least + jitter * (renewalMs.most - renewalMs.least - 2 * tickMs);
  }

  const isDatedAhead = ({ issuedAt }: PartnerCredential) => issuedAt > now() + mostClockSkewMs;

  function warnOfDate(newest: PartnerCredential) {
    if (isDatedAhead(newest) && !hasWarnedOfDate)
      log.warn(
        { issuedAt: new Date(newest.issuedAt) },
        'The partner credential is dated in the future: a clock is wrong, here or where it was stored',
      );
    hasWarnedOfDate = isDatedAhead(newest);
  }

  /** About daily, and with a token that is there anyway: the question is not worth a redemption. */
  function isAccessCheckDue(): boolean {
    const { newest, lastSuccessAt = Number.NEGATIVE_INFINITY } = credential.facts();
    const isTokenFresh = now() - lastSuccessAt < freshTokenMs;
    const answer = access.find(newest)?.answer ?? 'accepted';
    const intervalMs = answer === 'accepted' ? accessCheckMs : failedAccessCheckMs;
    return isTokenFresh && now() - (accessCheckedAt ?? Number.NEGATIVE_INFINITY) >= intervalMs;
  }

  async function reconcile() {
    reconciledAt = now();
    // A store that cannot be read fails the next renewal, which says so.
    await credential.reconcile().catch(() => undefined);
  }

  async function look() {
    if (credential.facts().isUnstored || now() - reconciledAt >= reconcileMs) await reconcile();
    if (isRenewalDue()) {
      await reconcile(); // another instance may just have renewed it
      if (isRenewalDue()) {
        jitter = random();
        await credential.renew().catch(() => undefined); // noted, counted and logged by the credential
      }
    }
    const { newest } = credential.facts();
    if (isAccessCheckDue()) {
      accessCheckedAt = now();
      await access.check();
    }
    if (newest) warnOfDate(newest);
    if (newest) warnOfExpiry('partner credential', newest.issuedAt + refreshTokenLifetimeMs);
    if (clientCertificateExpiresAt !== undefined)
      warnOfExpiry('client certificate', clientCertificateExpiresAt);
  }

  function tick(): Promise<void> {
    running ??= look()
      .catch((error: unknown) => log.error({ err: error }, 'The renewal schedule has a fault'))
      .finally(() => {
        running = undefined;
      });
    return running;
  }

  return {
    tick,
    start() {
      timer ??= setInterval(() => void tick(), tickMs).unref();
    },
    async stop() {
      clearInterval(timer);
      timer = undefined;
      await running;
    },
  };
}
