import { randomUUID } from 'node:crypto';
import { GatewayError, PartnerMfaRequiredError, UpstreamRejectedError } from '../errors.ts';
import type { CheckAccess, CredentialLog, PartnerCredential } from './ports.ts';
import type { RenewableCredential } from './token-credential.ts';

/** What Partner Center last said to the gateway's token. */
export interface AccessReport {
  /** Epoch milliseconds. */
  readonly checkedAt: number;
  readonly answer: 'accepted' | 'mfaRequired' | 'refused' | 'unreachable';
  readonly isMfaCompliant?: boolean;
  /** A sentence, where it was not accepted. */
  readonly detail?: string;
}

export interface AccessMonitor {
  /** Asks Partner Center, at most once a minute however often it is called; without a token it asks nothing. */
  check(correlationId?: string): Promise<void>;
  /** Takes note of a refusal that a call met: one that is ours to fix is a reason to ask, and may be an odd one. */
  noteRefusal(error: GatewayError): void;
  /** A new credential: what was said to the old one counts no more. */
  forget(): void;
  /** What was said to a token of this credential, and not to one of a consent before it. */
  find(credential: PartnerCredential | undefined): AccessReport | undefined;
}

export interface AccessMonitorParts {
  readonly credential: Pick<RenewableCredential, 'getToken' | 'facts'>;
  readonly checkAccess: CheckAccess;
  readonly log: CredentialLog;
  readonly now?: () => number;
  readonly newId?: () => string;
}

const shortestIntervalMs = 60_000;
/** Partner Center may pass one call and refuse the next for MFA: a refusal counts this long, whatever comes after it. */
const refusalCountsMs = 3_600_000;

function toReport(error: unknown, checkedAt: number): AccessReport {
  const detail = error instanceof GatewayError ? error.message : 'The check failed; the log has the cause.';
  if (error instanceof PartnerMfaRequiredError)
    return { checkedAt, answer: 'mfaRequired', isMfaCompliant: false, detail };
  return { checkedAt, answer: error instanceof UpstreamRejectedError ? 'refused' : 'unreachable', detail };
}

interface Remembered {
  readonly report: AccessReport;
  /** The consent whose token it was said to. */
  readonly consentedAt: number;
}

/** Remembers Partner Center's word on the token, asked for or met by a call. */
export function createAccessMonitor({
  credential,
  checkAccess,
  log,
  now = Date.now,
  newId = randomUUID,
}: AccessMonitorParts): AccessMonitor {
  let checked: Remembered | undefined;
  let mfaRefusal: Remembered | undefined;
  let startedAt = Number.NEGATIVE_INFINITY;
  let pending: Promise<void> | undefined;

  const getConsentedAt = () => credential.facts().inUse?.consentedAt ?? 0;

  async function askPartnerCenter(token: string, correlationId: string): Promise<AccessReport> {
    try {
      const { isMfaCompliant } = await checkAccess(token, correlationId);
      return {
        checkedAt: now(),
        answer: isMfaCompliant === false ? 'mfaRequired' : 'accepted',
        ...(isMfaCompliant !== undefined && { isMfaCompliant }),
        ...(isMfaCompliant === false && {
          detail: 'Partner Center does not count the gateway’s token as one with MFA.',
        }),
      };
    } catch (error) {
      if (!(error instanceof GatewayError))
        log.error({ err: error }, 'The token’s access could not be checked');
      return toReport(error, now());
    }
  }

  async function ask(correlationId: string) {
    const token = await credential.getToken().catch(() => undefined); // the credential's own failure is known elsewhere
    if (!token) return;
    startedAt = now();
    const consentedAt = getConsentedAt();
    checked = { report: await askPartnerCenter(token.token, correlationId), consentedAt };
  }

  async function check(correlationId: string = newId()) {
    if (!pending && now() - startedAt < shortestIntervalMs) return;
    pending ??= ask(correlationId).finally(() => {
      pending = undefined;
    });
    await pending;
  }

  return {
    check,
    noteRefusal(error) {
      if (error instanceof PartnerMfaRequiredError)
        mfaRefusal = { report: toReport(error, now()), consentedAt: getConsentedAt() };
      else if (error instanceof UpstreamRejectedError) void check();
    },
    forget() {
      checked = undefined;
      mfaRefusal = undefined;
      startedAt = Number.NEGATIVE_INFINITY;
    },
    find(current) {
      const isMfaRefused = mfaRefusal && now() - mfaRefusal.report.checkedAt < refusalCountsMs;
      return [isMfaRefused ? mfaRefusal : undefined, checked].find(
        (each) => each && each.consentedAt >= (current?.consentedAt ?? 0),
      )?.report;
    },
  };
}
