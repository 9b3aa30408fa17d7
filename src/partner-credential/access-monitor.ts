import { randomUUID } from 'node:crypto';
import { GatewayError, PartnerMfaRequiredError, UpstreamRejectedError } from '../errors.ts';
import type { CheckAccess, CredentialLog, PartnerTokenCredential } from './ports.ts';

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
  /** Takes note of a refusal that a call met. */
  noteRefusal(error: GatewayError): void;
  /** A new credential: what was said to the old one counts no more. */
  forget(): void;
  find(): AccessReport | undefined;
}

export interface AccessMonitorParts {
  readonly credential: PartnerTokenCredential;
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

/** Remembers Partner Center's word on the token, asked for or met by a call. */
export function createAccessMonitor({
  credential,
  checkAccess,
  log,
  now = Date.now,
  newId = randomUUID,
}: AccessMonitorParts): AccessMonitor {
  let report: AccessReport | undefined;
  let mfaRefusal: AccessReport | undefined;
  let startedAt = Number.NEGATIVE_INFINITY;
  let pending: Promise<void> | undefined;

  async function ask(correlationId: string) {
    const token = await credential.getToken().catch(() => undefined); // the credential's own failure is known elsewhere
    if (!token) return;
    startedAt = now();
    try {
      const { isMfaCompliant } = await checkAccess(token.token, correlationId);
      report = {
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
      report = toReport(error, now());
    }
  }

  return {
    async check(correlationId = newId()) {
      if (!pending && now() - startedAt < shortestIntervalMs) return;
      pending ??= ask(correlationId).finally(() => {
        pending = undefined;
      });
      await pending;
    },
    noteRefusal(error) {
      if (error instanceof PartnerMfaRequiredError) mfaRefusal = toReport(error, now());
      else if (error instanceof UpstreamRejectedError) report = toReport(error, now());
    },
    forget() {
      report = undefined;
      mfaRefusal = undefined;
      startedAt = Number.NEGATIVE_INFINITY;
    },
    find: () => (mfaRefusal && now() - mfaRefusal.checkedAt < refusalCountsMs ? mfaRefusal : report),
  };
}
