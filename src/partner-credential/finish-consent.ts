import {
  GatewayError,
  IdentityProviderUnavailableError,
  PartnerMfaRequiredError,
  UpstreamRejectedError,
  UpstreamThrottledError,
  UpstreamTimeoutError,
  UpstreamUnavailableError,
} from '../errors.ts';
import { readAccessTokenFacts } from './access-token-facts.ts';
import { type ConsentRefusalReason, consentRefusals } from './consent-refusals.ts';
import type {
  CheckAccess,
  ConsentSession,
  ConsentSessions,
  CredentialLog,
  CredentialStore,
  EntraSignIn,
  SignedInTokens,
} from './ports.ts';
import { refreshTokenLifetimeMs } from './refresh-token-lifetime.ts';
import { hashState, type SessionSeal } from './session-seal.ts';
import { toCredentialFailure } from './token-failures.ts';

export interface FinishConsentParts {
  readonly entra: EntraSignIn;
  readonly sessions: ConsentSessions;
  readonly seal: SessionSeal;
  readonly store: CredentialStore;
  readonly checkAccess: CheckAccess;
  readonly redirectUri: string;
  readonly partnerTenantId: string;
  /** The new credential takes effect at once. */
  readonly onGranted: () => Promise<void>;
  readonly log: CredentialLog;
  readonly now?: () => number;
}

export type FinishedConsent =
  | {
      readonly isGranted: true;
      readonly connectedAs?: string;
      /** Whether the sign-in carried MFA; left out where nobody says. */
      readonly hasMfa?: boolean;
      readonly expiresAt: number;
    }
  | { readonly isGranted: false; readonly reason: ConsentRefusalReason; readonly detail: string };

/** @param query the query of the address that the browser came back to, as it is */
export type FinishConsent = (query: URLSearchParams, correlationId: string) => Promise<FinishedConsent>;

/** Ends a consent without a credential. */
class RefusedConsent extends Error {
  readonly reason: ConsentRefusalReason;
  readonly detail: string;

  constructor(reason: ConsentRefusalReason, { detail, cause }: { detail?: string; cause?: unknown } = {}) {
    super(reason, { cause });
    this.name = 'RefusedConsent';
    this.reason = reason;
    this.detail = detail || consentRefusals[reason].detail;
  }
}

const tokenPattern = /^[\w.~-]{20,200}$/;
const isPassing = (error: unknown) =>
  [
    IdentityProviderUnavailableError,
    UpstreamUnavailableError,
    UpstreamTimeoutError,
    UpstreamThrottledError,
  ].some((kind) => error instanceof kind);

/**
 * Finishes the code flow: the one-time state, then the code, then the tenant, the MFA claim and Partner Center's own
 * word on the token; only then is the credential stored. Whatever is refused changes nothing.
 */
export function createFinishConsent(parts: FinishConsentParts): FinishConsent {
  const {
    entra,
    sessions,
    seal,
    store,
    checkAccess,
    redirectUri,
    partnerTenantId,
    log,
    now = Date.now,
  } = parts;

  async function takeSession(state: string): Promise<ConsentSession> {
    const stateHash = hashState(state);
    const session = await sessions.take(stateHash);
    if (session) return session;
    throw new RefusedConsent((await sessions.findEnd(stateHash)) ? 'replayed' : 'unknown');
  }

  async function exchange(
    query: URLSearchParams,
    session: ConsentSession,
    state: string,
  ): Promise<SignedInTokens> {
    if (session.expiresAt <= now()) throw new RefusedConsent('expired');
    const error = query.get('error');
    if (error) {
      const failure = toCredentialFailure(
        error,
        { error_description: query.get('error_description') ?? '' },
        400,
      );
      if (error === 'access_denied') throw new RefusedConsent('declined', { cause: failure });
      throw new RefusedConsent(isPassing(failure) ? 'unavailable' : 'signInFailed', {
        detail: failure.message,
        cause: failure,
      });
    }
    const secrets = seal.open(state, session.sealedSecrets);
    if (!secrets) throw new RefusedConsent('unknown');
    const callbackUrl = new URL(`${redirectUri}?${query}`);
    return entra.exchangeCode(callbackUrl, state, secrets).catch((cause: unknown) => {
      if (!(cause instanceof GatewayError)) throw cause;
      const reason = isPassing(cause)
        ? 'unavailable'
        : cause instanceof PartnerMfaRequiredError
          ? 'mfaMissing'
          : 'signInFailed';
      throw new RefusedConsent(reason, { detail: cause.message, cause });
    });
  }

  async function checkTokens({ accessToken, tenantId }: SignedInTokens, correlationId: string) {
    const facts = readAccessTokenFacts(accessToken.token);
    // A guest's tokens are issued by the partner's tenant, too; both tokens name the tenant that the account is of.
    if (tenantId !== partnerTenantId || (facts.tenantId ?? tenantId) !== partnerTenantId)
      throw new RefusedConsent('wrongTenant');
    if (facts.hasMfa === false) throw new RefusedConsent('mfaMissing');
    const answer = await checkAccess(accessToken.token, correlationId).catch((cause: unknown) => {
      if (!(cause instanceof GatewayError)) throw cause;
      if (cause instanceof PartnerMfaRequiredError) throw new RefusedConsent('mfaMissing', { cause });
      throw new RefusedConsent(isPassing(cause) ? 'unavailable' : 'partnerCenterRefused', {
        detail: cause.message,
        cause,
      });
    });
    if (answer.isMfaCompliant === false) throw new RefusedConsent('mfaMissing');
    return { userName: facts.userName, hasMfa: facts.hasMfa ?? answer.isMfaCompliant };
  }

  async function grant(
    query: URLSearchParams,
    session: ConsentSession,
    state: string,
    correlationId: string,
  ) {
    const tokens = await exchange(query, session, state);
    const { userName, hasMfa } = await checkTokens(tokens, correlationId);
    const consentedAt = now();
    const isStored = await store
      .save({
        refreshToken: tokens.refreshToken,
        issuedAt: consentedAt,
        consentedAt,
        ...(userName && { consentedBy: userName }),
        ...(hasMfa !== undefined && { hasMfa }),
      })
      .catch((cause: unknown) => {
        throw new RefusedConsent('notStored', { cause });
      });
    if (!isStored)
      throw new RefusedConsent('notStored', { detail: 'The store holds the credential of a newer consent.' });
    await parts.onGranted();
    return {
      isGranted: true,
      ...(userName && { connectedAs: userName }),
      ...(hasMfa !== undefined && { hasMfa }),
      expiresAt: consentedAt + refreshTokenLifetimeMs,
    } as const;
  }

  function auditRefusal(refused: RefusedConsent, session: ConsentSession | undefined, correlationId: string) {
    const { reason, cause } = refused;
    const isForOperator = reason === 'notStored' || cause instanceof UpstreamRejectedError;
    log[isForOperator ? 'error' : 'warn'](
      {
        audit: true,
        event: 'consent.refused',
        reason,
        ...(session && { consentId: session.consentId, askedBy: session.askedBy }),
        correlationId,
        ...(cause !== undefined && { err: cause }),
      },
      'Partner consent refused',
    );
  }

  return async function finishConsent(query, correlationId) {
    let session: ConsentSession | undefined;
    try {
      const state = query.get('state') ?? '';
      const isWhole = ['state', 'code', 'error'].every((name) => query.getAll(name).length <= 1);
      if (!isWhole || !tokenPattern.test(state) || query.has('code') === query.has('error'))
        throw new RefusedConsent('malformed');
      session = await takeSession(state);
      const granted = await grant(query, session, state, correlationId);
      const { consentId, askedBy, stateHash } = session;
      const { connectedAs } = granted;
      log.info(
        { audit: true, event: 'consent.granted', consentId, askedBy, connectedAs, correlationId },
        'Partner consent granted',
      );
      await sessions.recordEnd(stateHash, {
        isGranted: true,
        reason: 'granted',
        detail: `Connected as ${connectedAs ?? 'an account without a name'}.`,
      });
      return granted;
    } catch (error) {
      if (session && !(error instanceof RefusedConsent))
        await sessions.recordEnd(session.stateHash, {
          isGranted: false,
          reason: 'failed',
          detail: 'The gateway has a fault of its own; its log has the cause.',
        });
      if (!(error instanceof RefusedConsent)) throw error;
      const { reason, detail } = error;
      auditRefusal(error, session, correlationId);
      if (session) await sessions.recordEnd(session.stateHash, { isGranted: false, reason, detail });
      return { isGranted: false, reason, detail };
    }
  };
}
