import { randomBytes, randomUUID } from 'node:crypto';
import type { ConsentAsker, ConsentSessions, CredentialLog, EntraSignIn } from './ports.ts';
import { hashState, type SessionSeal } from './session-seal.ts';

export interface BeginConsentParts {
  readonly entra: EntraSignIn;
  readonly sessions: ConsentSessions;
  readonly seal: SessionSeal;
  /** Where the browser comes back to. */
  readonly redirectUri: string;
  readonly log: CredentialLog;
  readonly now?: () => number;
  readonly newId?: () => string;
  /** 256 random bits, as text that may stand in a URL. */
  readonly newSecret?: () => string;
}

/** A consent that waits for an admin agent to sign in. */
export interface BegunConsent {
  readonly authorizationUrl: string;
  /** Epoch milliseconds. */
  readonly expiresAt: number;
  /** What its end is found by. */
  readonly stateHash: string;
}

/** @throws {IdentityProviderUnavailableError} Entra ID's addresses cannot be fetched */
export type BeginConsent = (askedBy: ConsentAsker, correlationId: string) => Promise<BegunConsent>;

const lifetimeMs = 600_000;

/** Begins consent: an address to sign in at, good for one sign-in within ten minutes. */
export function createBeginConsent({
  entra,
  sessions,
  seal,
  redirectUri,
  log,
  now = Date.now,
  newId = randomUUID,
  newSecret = () => randomBytes(32).toString('base64url'),
}: BeginConsentParts): BeginConsent {
  return async function beginConsent(askedBy, correlationId) {
    const state = newSecret();
    const secrets = { codeVerifier: newSecret(), nonce: newSecret() };
    const authorizationUrl = await entra.buildAuthorizationUrl(state, secrets, redirectUri);
    const { tenantId, applicationId, objectId } = askedBy;
    const session = {
      consentId: newId(),
      stateHash: hashState(state),
      sealedSecrets: seal.seal(state, secrets),
      askedBy: { tenantId, applicationId, objectId },
      expiresAt: now() + lifetimeMs,
    };
    await sessions.add(session);
    const { consentId, stateHash, expiresAt } = session;
    log.info(
      { audit: true, event: 'consent.begun', consentId, askedBy: session.askedBy, correlationId },
      'Partner consent begun',
    );
    return { authorizationUrl, expiresAt, stateHash };
  };
}
