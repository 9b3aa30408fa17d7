import { GatewayError } from '../errors.ts';
import type { AccessReport } from './access-monitor.ts';
import { CredentialStoreError } from './credential-store-error.ts';
import type { PartnerCredential } from './ports.ts';
import { dayMs, refreshTokenLifetimeMs } from './refresh-token-lifetime.ts';
import type { RenewalFailure } from './renewal-failures.ts';
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

/** How the credential is, and who must do what about it. */
export interface Verdict {
  readonly state: CredentialState;
  /** What is the case, as a sentence. */
  readonly detail: string;
  readonly whatToDo: string;
  /** In place of `detail` where anyone may read it: paths and vaults are not named. */
  readonly publicDetail?: string;
}

/** Expiry is near: whoever is responsible still has time to act. */
const expiringMs = 30 * dayMs;

const storeFault = 'The credential store cannot be used: GET /v1/partner-consent says why.';
const newCertificate =
  'The operator must register a new certificate for the application and set PARTNER_CLIENT_CERTIFICATE.';

/** The store cannot be read. */
export function judgeStore(error: unknown): Verdict {
  if (!(error instanceof CredentialStoreError))
    return {
      state: 'operatorRequired',
      detail: 'The credential store cannot be read; the log has the cause.',
      whatToDo: 'The operator must find out from the log what is wrong with it.',
    };
  const facts = { detail: error.message, publicDetail: storeFault };
  if (error.isTransient)
    return {
      ...facts,
      state: 'unreachable',
      whatToDo:
        'Nothing, if it passes: the gateway tries again by itself. If it lasts, check the way to the credential store.',
    };
  return {
    ...facts,
    state: 'operatorRequired',
    whatToDo:
      'The operator must do what is said here. The gateway then goes on by itself; a restart is needed only where a setting changes.',
  };
}

/** Renewals fail. */
export function judgeFailure({ error, isBridged }: RenewalFailure, howToConsent: string): Verdict {
  if (!(error instanceof GatewayError)) return judgeStore(error);
  if (error.cause instanceof CredentialStoreError) return judgeStore(error.cause);
  const kind = toFailureKind(error);
  const detail = isBridged
    ? `${error.message} For now the credential before it works in its place.`
    : error.message;
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
  const mfa = kind === 'mfaRequired' ? ' The sign-in must use MFA.' : '';
  return { state: 'consentRequired', detail, whatToDo: `${howToConsent}${mfa}` };
}

/** Partner Center does not accept it. */
export function judgeAccess(
  current: PartnerCredential,
  report: AccessReport | undefined,
  howToConsent: string,
): Verdict | undefined {
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

export interface Ends {
  readonly credentialExpiresAt: number;
  readonly certificateExpiresAt: number | undefined;
  readonly now: number;
}

/** It has come to an end, or soon will. */
export function judgeTime(
  { credentialExpiresAt, certificateExpiresAt, now }: Ends,
  howToConsent: string,
): Verdict | undefined {
  const daysLeft = (time: number) => Math.max(0, Math.floor((time - now) / dayMs));
  if (credentialExpiresAt <= now)
    return {
      state: 'consentRequired',
      detail: `The partner credential was not renewed for ${refreshTokenLifetimeMs / dayMs} days and has expired.`,
      whatToDo: howToConsent,
    };
  if (certificateExpiresAt !== undefined && certificateExpiresAt <= now)
    return {
      state: 'operatorRequired',
      detail: 'The client certificate has expired.',
      whatToDo: newCertificate,
    };
  if (certificateExpiresAt !== undefined && certificateExpiresAt - now < expiringMs)
    return {
      state: 'expiring',
      detail: `The client certificate expires in ${daysLeft(certificateExpiresAt)} days.`,
      whatToDo: newCertificate,
    };
  if (credentialExpiresAt - now < expiringMs)
    return {
      state: 'expiring',
      detail: `The partner credential expires in ${daysLeft(credentialExpiresAt)} days, since it has not been renewed.`,
      whatToDo: 'The operator must find out from the log why renewals fail.',
    };
  return undefined;
}
