import { GatewayError, UpstreamRejectedError } from '../errors.ts';
import { type CompleteSignInParts, createCompleteSignIn, type ReturnedSignIn } from './complete-sign-in.ts';
import type { ConsentRefusalReason } from './consent-refusals.ts';
import { toGrantTimes } from './grant-times.ts';
import type {
  ConsentEnd,
  ConsentSession,
  ConsentSessions,
  CredentialLog,
  CredentialStore,
  PartnerCredential,
} from './ports.ts';
import { refreshTokenLifetimeMs } from './refresh-token-lifetime.ts';
import { RefusedConsent } from './refused-consent.ts';
import { hashState } from './session-seal.ts';

export interface FinishConsentParts extends CompleteSignInParts {
  readonly sessions: ConsentSessions;
  readonly store: CredentialStore;
  /** The new credential takes effect at once. */
  readonly onGranted: () => Promise<void>;
  readonly log: CredentialLog;
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

const tokenPattern = /^[\w.~-]{20,200}$/;
/**
 * Finishes the code flow: the one-time state, then the code, then the tenant, the MFA claim and Partner Center's own
 * word on the token; only then is the credential stored. Whatever is refused changes nothing.
 */
export function createFinishConsent(parts: FinishConsentParts): FinishConsent {
  const { sessions, store, log, now = Date.now } = parts;
  const completeSignIn = createCompleteSignIn(parts);

  async function takeSession(state: string): Promise<ConsentSession> {
    const stateHash = hashState(state);
    const session = await sessions.take(stateHash);
    if (session) return session;
    throw new RefusedConsent((await sessions.findEnd(stateHash)) ? 'replayed' : 'unknown');
  }

  async function save(granted: Omit<PartnerCredential, 'issuedAt' | 'consentedAt'>): Promise<boolean> {
    const stored = await store.load(); // one that cannot be read is not replaced
    // Such a credential may be refused by Partner Center at any time: here is a person who can be asked for better.
    if (stored?.current.hasMfa === true && granted.hasMfa === undefined)
      throw new RefusedConsent('mfaUnknown');
    return store.save({ ...granted, ...toGrantTimes(stored?.current, now()) });
  }

  async function grant(signIn: ReturnedSignIn) {
    const { refreshToken, userName, hasMfa } = await completeSignIn(signIn);
    const facts = { ...(userName && { consentedBy: userName }), ...(hasMfa !== undefined && { hasMfa }) };
    const isStored = await save({ refreshToken, ...facts }).catch((cause: unknown) => {
      throw cause instanceof RefusedConsent ? cause : new RefusedConsent('notStored', { cause });
    });
    if (!isStored)
      throw new RefusedConsent('notStored', { detail: 'The store holds the credential of a newer consent.' });
    await parts.onGranted();
    return {
      isGranted: true,
      ...(userName && { connectedAs: userName }),
      ...(hasMfa !== undefined && { hasMfa }),
      expiresAt: now() + refreshTokenLifetimeMs,
    } as const;
  }

  /** @param refused undefined where it is a fault of ours, which is passed on and logged with its cause there */
  function auditRefusal(
    refused: RefusedConsent | undefined,
    session: ConsentSession | undefined,
    correlationId: string,
  ) {
    const { reason = 'failed', cause } = refused ?? {};
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

  /** For whoever waits for the end. What has been decided stands, though it may not be possible to tell. */
  async function recordEnd(session: ConsentSession, end: ConsentEnd) {
    await sessions
      .recordEnd(session.stateHash, end)
      .catch((error: unknown) => log.warn({ err: error }, 'The end of a partner consent was not recorded'));
  }

  async function endAsGranted(
    session: ConsentSession,
    connectedAs: string | undefined,
    correlationId: string,
  ) {
    const { consentId, askedBy } = session;
    log.info(
      { audit: true, event: 'consent.granted', consentId, askedBy, connectedAs, correlationId },
      'Partner consent granted',
    );
    const detail = `Connected as ${connectedAs ?? 'an account without a name'}.`;
    await recordEnd(session, { isGranted: true, reason: 'granted', detail });
  }

  return async function finishConsent(query, correlationId) {
    let session: ConsentSession | undefined;
    try {
      const state = query.get('state') ?? '';
      const isWhole = ['state', 'code', 'error'].every((name) => query.getAll(name).length <= 1);
      if (!isWhole || !tokenPattern.test(state) || query.has('code') === query.has('error'))
        throw new RefusedConsent('malformed');
      session = await takeSession(state);
      const granted = await grant({ query, state, session, correlationId });
      await endAsGranted(session, granted.connectedAs, correlationId);
      return granted;
    } catch (thrown) {
      const refused = toRefusal(thrown);
      const { reason, detail } = refused ?? { reason: 'failed', detail: faultDetail };
      if (session) await recordEnd(session, { isGranted: false, reason, detail });
      auditRefusal(refused, session, correlationId);
      if (!refused) throw thrown;
      return { isGranted: false, reason: refused.reason, detail };
    }
  };
}

const faultDetail = 'The gateway has a fault of its own; its log has the cause.';

/** What we can explain is a refusal: so is a database that is away. */
function toRefusal(error: unknown): RefusedConsent | undefined {
  if (error instanceof RefusedConsent) return error;
  if (error instanceof GatewayError)
    return new RefusedConsent('unavailable', { detail: error.message, cause: error });
  return undefined;
}
