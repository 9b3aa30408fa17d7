import type { X509Certificate } from 'node:crypto';
import { GatewayError } from '../errors.ts';
import type { AccessMonitor, AccessReport } from './access-monitor.ts';
import type { CredentialStore, PartnerCredential } from './ports.ts';
import { dayMs, refreshTokenLifetimeMs } from './refresh-token-lifetime.ts';
import type { RenewableCredential, RenewalFacts } from './token-credential.ts';
import { toFailureKind } from './token-failures.ts';

/** `expiring`: it works, and will not for long; the states after it: it does not work, and who must act. */
export const credentialStates = [
  'connected',
  'expiring',
  'consentRequired',
  'operatorRequired',
  'unreachable',
] as const;
export type CredentialState = (typeof credentialStates)[number];

/** The state of the partner credential, with no secret in it. Times are epoch milliseconds. */
export interface Diagnosis {
  readonly state: CredentialState;
  /** What is the case, as a sentence. */
  readonly detail: string;
  readonly whatToDo: string;
  readonly connectedAs?: string;
  readonly connectedSince?: number;
  readonly lastRenewedAt?: number;
  /** At the latest; it ends earlier when somebody or a policy revokes it. */
  readonly expiresAt?: number;
  readonly hasMfa?: boolean;
  readonly partnerCenter?: AccessReport;
  readonly clientCertificateExpiresAt?: number;
  /** Microsoft's code for what is wrong. */
  readonly failureCode?: string;
  readonly failingSince?: number;
}

export interface DiagnosisParts {
  readonly store: CredentialStore;
  readonly credential: RenewableCredential;
  readonly access: AccessMonitor;
  readonly clientCertificate?: X509Certificate;
  readonly publicUrl: string;
  readonly now?: () => number;
}

/** Looks at what is stored and what is known; it asks neither Entra ID nor Partner Center. */
export type Diagnose = (options?: { readonly isFresh?: boolean }) => Promise<Diagnosis>;

/** Expiry is near: whoever is responsible still has time to act. */
export const expiringMs = 30 * dayMs;
/** Readiness and metrics are asked for often, and a store may be far away. */
const storeMemoryMs = 60_000;

const newCertificate =
  'The operator must register a new certificate for the application and set PARTNER_CLIENT_CERTIFICATE.';
const nothingToDo = 'Nothing. The credential is renewed every day.';

interface Verdict {
  readonly state: CredentialState;
  readonly detail: string;
  readonly whatToDo: string;
}

/** The one place that says how the partner credential is. */
export function createDiagnose(parts: DiagnosisParts): Diagnose {
  const { store, credential, access, clientCertificate, publicUrl, now = Date.now } = parts;
  let memory: { readonly current: PartnerCredential | undefined; readonly at: number } | undefined;
  const howToConsent = `An admin agent of the partner must consent: POST ${publicUrl}/v1/partner-consent (permission PartnerConsent.Manage), or "npm run credential -- consent" on the server, answers the address to sign in at.`;
  const certificateExpiresAt = clientCertificate?.validToDate.getTime();

  async function findCurrent(isFresh: boolean): Promise<PartnerCredential | undefined> {
    const known = credential.facts().newest;
    if (!isFresh && known) return known;
    if (!isFresh && memory && now() - memory.at < storeMemoryMs) return memory.current;
    const current = (await store.load())?.current;
    memory = { current, at: now() };
    return credential.facts().isUnstored ? known : current;
  }

  function judgeFailure(failure: NonNullable<RenewalFacts['failure']>): Verdict {
    const { error } = failure;
    const kind = toFailureKind(error);
    const detail =
      error instanceof GatewayError
        ? error.message
        : 'The credential store cannot be read; the log has the cause.';
    if (kind === 'unreachable')
      return {
        state: 'unreachable',
        detail,
        whatToDo:
          'Nothing, if it passes: the gateway tries again by itself. If it lasts, check the way to Entra ID.',
      };
    if (kind === 'operatorRequired')
      return {
        state: 'operatorRequired',
        detail,
        whatToDo: 'The operator must mend what is said here (the log has more), then restart the gateway.',
      };
    return { state: 'consentRequired', detail, whatToDo: howToConsent };
  }

  function judgeAccess(current: PartnerCredential, report: AccessReport | undefined): Verdict | undefined {
    if (report?.answer === 'mfaRequired' || (current.hasMfa === false && !report?.isMfaCompliant))
      return {
        state: 'consentRequired',
        detail:
          report?.detail ??
          'The partner credential was granted without MFA, and Partner Center refuses such credentials.',
        whatToDo: `${howToConsent} The sign-in must use MFA.`,
      };
    if (report?.answer === 'refused')
      return {
        state: 'operatorRequired',
        detail: report.detail ?? 'Partner Center refuses the gateway.',
        whatToDo: 'The operator must mend what is said here; the log has more.',
      };
    return undefined;
  }

  function judgeTime(current: PartnerCredential): Verdict | undefined {
    const daysLeft = (time: number) => Math.max(0, Math.floor((time - now()) / dayMs));
    const expiresAt = current.issuedAt + refreshTokenLifetimeMs;
    if (expiresAt <= now())
      return {
        state: 'consentRequired',
        detail: 'The partner credential was not renewed for 90 days and has expired.',
        whatToDo: howToConsent,
      };
    if (certificateExpiresAt !== undefined && certificateExpiresAt <= now())
      return {
        state: 'operatorRequired',
        detail: 'The client certificate has expired.',
        whatToDo: newCertificate,
      };
    if (certificateExpiresAt !== undefined && certificateExpiresAt - now() < expiringMs)
      return {
        state: 'expiring',
        detail: `The client certificate expires in ${daysLeft(certificateExpiresAt)} days.`,
        whatToDo: newCertificate,
      };
    if (expiresAt - now() < expiringMs)
      return {
        state: 'expiring',
        detail: `The partner credential expires in ${daysLeft(expiresAt)} days, since it has not been renewed.`,
        whatToDo: 'The operator must find out from the log why renewals fail.',
      };
    return undefined;
  }

  function judge(current: PartnerCredential | undefined): Verdict {
    const { failure, isUnstored } = credential.facts();
    if (!current)
      return {
        state: 'consentRequired',
        detail: 'There is no partner credential yet.',
        whatToDo: howToConsent,
      };
    if (failure && failure.at >= current.issuedAt) return judgeFailure(failure);
    const verdict = judgeAccess(current, access.find()) ?? judgeTime(current);
    if (verdict) return verdict;
    if (isUnstored)
      return {
        state: 'operatorRequired',
        detail: 'The renewed partner credential is in memory alone: the credential store cannot be written.',
        whatToDo: 'The operator must make the store writable again; the gateway then stores it by itself.',
      };
    return { state: 'connected', detail: 'The partner credential works.', whatToDo: nothingToDo };
  }

  return async function diagnose({ isFresh = false } = {}) {
    const fromCertificate = {
      ...(certificateExpiresAt !== undefined && { clientCertificateExpiresAt: certificateExpiresAt }),
    };
    const found = await findCurrent(isFresh).then(
      (current) => ({ current }),
      (error: unknown) => ({ error }),
    );
    if ('error' in found)
      return { ...judgeFailure({ ...found, at: now(), since: now(), count: 1 }), ...fromCertificate };
    const { current } = found;
    const { failure } = credential.facts();
    const verdict = judge(current);
    const report = access.find();
    const code = failure?.error instanceof GatewayError ? failure.error.facts.upstream?.code : undefined;
    return {
      ...verdict,
      ...fromCertificate,
      ...(current && {
        ...(current.consentedBy && { connectedAs: current.consentedBy }),
        ...(current.consentedAt !== undefined && { connectedSince: current.consentedAt }),
        lastRenewedAt: current.issuedAt,
        expiresAt: current.issuedAt + refreshTokenLifetimeMs,
        ...(current.hasMfa !== undefined && { hasMfa: current.hasMfa }),
      }),
      ...(report && { partnerCenter: report }),
      ...(failure && { failingSince: failure.since }),
      ...(code && { failureCode: code }),
    };
  };
}
