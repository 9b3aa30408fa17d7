import type { X509Certificate } from 'node:crypto';
import type { GatewayError } from '../errors.ts';
import { PartnerMfaRequiredError } from '../errors.ts';
import { createAccessMonitor } from './access-monitor.ts';
import { type AdoptCredential, createAdoptCredential } from './adopt-credential.ts';
import { type BeginConsent, createBeginConsent } from './begin-consent.ts';
import { createDiagnose, type Diagnose } from './diagnosis.ts';
import { createExpiryWarnings } from './expiry-warnings.ts';
import { createFinishConsent, type FinishConsent } from './finish-consent.ts';
import type {
  CheckAccess,
  ConsentSessions,
  CredentialLog,
  CredentialStore,
  EntraSignIn,
  RedeemRefreshToken,
  RenewalOutcome,
} from './ports.ts';
import { createRenewalSchedule, type RenewalSchedule } from './renewal-schedule.ts';
import { createSessionSeal } from './session-seal.ts';
import { createPartnerTokenCredential, type RenewableCredential } from './token-credential.ts';

export interface PartnerConnectionParts {
  readonly store: CredentialStore;
  readonly entra: EntraSignIn & { readonly redeem: RedeemRefreshToken };
  readonly sessions: ConsentSessions;
  readonly checkAccess: CheckAccess;
  readonly partnerTenantId: string;
  /** What only the gateway's instances know: the client secret, or the certificate's private key. */
  readonly applicationSecret: Buffer;
  readonly clientCertificate?: X509Certificate;
  readonly publicUrl: string;
  readonly onRenewal?: (outcome: RenewalOutcome) => void;
  readonly log: CredentialLog;
  readonly now?: () => number;
}

/** How the gateway gets in at Microsoft, as a whole. */
export interface PartnerConnection {
  readonly credential: RenewableCredential;
  readonly beginConsent: BeginConsent;
  readonly finishConsent: FinishConsent;
  readonly adoptCredential: AdoptCredential;
  readonly diagnose: Diagnose;
  /** Has Partner Center asked whether it accepts the token, at most once a minute. */
  readonly checkAccess: (correlationId?: string) => Promise<void>;
  /** Takes note of Partner Center's refusal of a call. */
  readonly noteRefusal: (error: GatewayError) => void;
  readonly schedule: RenewalSchedule;
}

/** Refusals may be many, and the store far away. */
const reconcileIntervalMs = 60_000;

/** Puts the use cases around the partner credential together. */
export function createPartnerConnection(parts: PartnerConnectionParts): PartnerConnection {
  const { store, entra, clientCertificate, publicUrl, log, now = Date.now } = parts;
  const credential = createPartnerTokenCredential({ ...parts, redeem: entra.redeem });
  const access = createAccessMonitor({ ...parts, credential });
  const seal = createSessionSeal(parts.applicationSecret);
  let reconciledAt = Number.NEGATIVE_INFINITY;
  const redirectUri = new URL(`${publicUrl}/v1/partner-consent/callback`).href;
  return {
    credential,
    beginConsent: createBeginConsent({ ...parts, seal, redirectUri }),
    finishConsent: createFinishConsent({
      ...parts,
      seal,
      redirectUri,
      async onGranted() {
        access.forget();
        // It is stored and so granted, whatever comes of the first look at it: that is known, counted and logged.
        await credential.reconcile().catch(() => undefined);
        await credential.getToken().catch(() => undefined);
      },
    }),
    adoptCredential: createAdoptCredential(parts),
    diagnose: createDiagnose({
      store,
      credential,
      access,
      publicUrl,
      now,
      ...(clientCertificate && { clientCertificate }),
    }),
    checkAccess: (correlationId) => access.check(correlationId),
    noteRefusal(error) {
      access.noteRefusal(error);
      // The token is of no use until somebody consents; maybe somebody just did, at another instance.
      if (!(error instanceof PartnerMfaRequiredError) || now() - reconciledAt < reconcileIntervalMs) return;
      reconciledAt = now();
      void credential.reconcile().catch(() => undefined);
    },
    schedule: createRenewalSchedule({
      credential,
      access,
      warnOfExpiry: createExpiryWarnings({ log, now }),
      ...(clientCertificate && { clientCertificateExpiresAt: clientCertificate.validToDate.getTime() }),
      log,
      now,
    }),
  };
}
