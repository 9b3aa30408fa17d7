import { randomBytes, randomUUID } from 'node:crypto';
import { CredentialStoreError } from './credential-store-error.ts';
import type { ConsentAsker, ConsentSessions, CredentialLog, CredentialStore, EntraSignIn } from './ports.ts';
import { hashState, type SessionSeal } from './session-seal.ts';
import { toStoreFailure } from './store-failures.ts';

export interface BeginConsentParts {
  readonly entra: EntraSignIn;
  readonly sessions: ConsentSessions;
  readonly store: CredentialStore;
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

/**
 * @throws {IdentityProviderUnavailableError} Entra ID's addresses cannot be fetched
 * @throws {UpstreamRejectedError} the store could not take the credential
 */
export type BeginConsent = (askedBy: ConsentAsker, correlationId: string) => Promise<BegunConsent>;

const lifetimeMs = 600_000;

/** Begins consent: an address to sign in at, good for one sign-in within ten minutes. */
export function createBeginConsent({
  entra,
  sessions,
  store,
  seal,
  redirectUri,
  log,
  now = Date.now,
  newId = randomUUID,
  newSecret = () => randomBytes(32).toString('base64url'),
}: BeginConsentParts): BeginConsent {
  /** Nobody is to sign in for nothing; what passes by itself may have passed when they come back. */
  async function requireUsableStore() {
    await store.load().catch((error: unknown) => {
      if (!(error instanceof CredentialStoreError)) throw error;
      if (!error.isTransient) throw toStoreFailure(error);
    });
  }

  return async function beginConsent(askedBy, correlationId) {
    await requireUsableStore();
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
