import type { AccessMonitor } from './access-monitor.ts';
import type { WarnOfExpiry } from './expiry-warnings.ts';
import type { CredentialLog } from './ports.ts';
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
const longestRetryMs = 3_600_000;
const accessCheckMs = dayMs / 2;
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

  function isRenewalDue(): boolean {
    const { newest, failure } = credential.facts();
    if (failure) {
      if (newest && newest.issuedAt > failure.at) return true; // another one has been stored since
      // Exponential from a minute to an hour; callers may have caused an attempt meanwhile, which counts as well.
      const retryMs = Math.min(longestRetryMs, tickMs * 2 ** Math.min(10, failure.count - 1));
      return now() >= failure.at + retryMs;
    }
    // Another instance's renewal counts: what matters is that there was one.
    return (
      newest !== undefined &&
      now() >= newest.issuedAt + renewalMs.least + jitter * (renewalMs.most - renewalMs.least - 2 * tickMs)
    );
  }

  /** About daily, and with a token that is there anyway: the question is not worth a redemption. */
  function isAccessCheckDue(): boolean {
    const { lastSuccessAt = Number.NEGATIVE_INFINITY } = credential.facts();
    const isTokenFresh = now() - lastSuccessAt < freshTokenMs;
    return isTokenFresh && now() - (accessCheckedAt ?? Number.NEGATIVE_INFINITY) >= accessCheckMs;
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
