import { PartnerMfaRequiredError } from '../errors.ts';
import { readAccessTokenFacts } from './access-token-facts.ts';
import { CredentialStoreError } from './credential-store-error.ts';
import { createNewestCredential } from './newest-credential.ts';
import type {
  AccessToken,
  CredentialLog,
  CredentialStore,
  PartnerCredential,
  PartnerTokenCredential,
  RedeemRefreshToken,
  RenewalOutcome,
} from './ports.ts';
import { createRedeemEither, type Redemption } from './redeem-either.ts';
import { createRenewalFailures, type RenewalFailure } from './renewal-failures.ts';
import { toStoreFailure } from './store-failures.ts';
import { lacksMfaOf, supersedes } from './supersedes.ts';

export interface TokenCredentialParts {
  readonly store: CredentialStore;
  readonly redeem: RedeemRefreshToken;
  readonly log: CredentialLog;
  readonly now?: () => number;
  readonly random?: () => number;
  /** A token is renewed this long before it expires. */
  readonly refreshMarginMs?: number;
  /** Told of each attempt at Entra ID. */
  readonly onRenewal?: (outcome: RenewalOutcome) => void;
}

/** What is known of the renewals of this process. */
export interface RenewalFacts {
  /** The newest credential that was seen. */
  readonly newest?: PartnerCredential;
  /** The access token at hand: the consent that counted when it was got, and whether the token itself carries MFA. */
  readonly inUse?: Pick<PartnerCredential, 'consentedAt' | 'hasMfa'>;
  readonly lastSuccessAt?: number;
  /** Why the last attempt failed; left out once one has succeeded. */
  readonly failure?: RenewalFailure;
  /** The newest credential is in memory alone, since the store cannot be written. */
  readonly isUnstored: boolean;
}

/** The credential as those see it who keep it alive. */
export interface RenewableCredential extends PartnerTokenCredential {
  /** Redeems the refresh token though the access token may last. It throws as `getToken` does. */
  renew(): Promise<AccessToken>;
  /** Looks into the store: tries again what could not be stored, and drops the token of a consent that has been replaced. */
  reconcile(): Promise<void>;
  facts(): RenewalFacts;
}

/** A failure is the answer for so long, without a look at Entra ID or into the store. */
const restMs = 5_000;
/** Partner Center's refusals of a token lead to a new one this often at most, so that they are no loop. */
const rejectionIntervalMs = 60_000;
/** A token that lasts so long is still good for a call. */
const shortestUseMs = 30_000;

interface CachedToken {
  readonly token: AccessToken;
  readonly facts: Pick<PartnerCredential, 'consentedAt' | 'hasMfa'>;
}

/** Redeems the stored refresh token, keeps the access token for its life, and redeems once however many ask. */
export function createPartnerTokenCredential({
  store,
  redeem,
  log,
  now = Date.now,
  random = Math.random,
  refreshMarginMs = 300_000,
  onRenewal = () => undefined,
}: TokenCredentialParts): RenewableCredential {
  const newest = createNewestCredential({ store, log });
  const failures = createRenewalFailures({ log, now });
  let cached: CachedToken | undefined;
  let pending: Promise<AccessToken> | undefined;
  let lastSuccessAt: number | undefined;
  let rest: { readonly error: unknown; readonly until: number } | undefined;
  let renewedForRejectionAt = Number.NEGATIVE_INFINITY;
  /** Whether the renewal under way has learnt anything, or was held off. */
  let hasTried = false;

  const redeemEither = createRedeemEither({
    redeem,
    log,
    now,
    random,
    onAttempt(outcome) {
      hasTried = true;
      onRenewal(outcome);
    },
  });

  /** Takes the store's word for what is newest, and drops the token of a consent that has been replaced. */
  async function dropReplacedToken() {
    const current = await newest.reload();
    if (cached && (current?.consentedAt ?? 0) > (cached.facts.consentedAt ?? 0)) cached = undefined;
  }

  /** What is wrong with a renewal that has worked: a person must act before it no longer does. */
  function findFlaw(
    { refusal }: Redemption,
    current: PartnerCredential,
    successor: PartnerCredential,
    isKept: boolean,
  ): unknown {
    if (refusal && !supersedes(successor, current)) return refusal;
    const kept = newest.known();
    return !isKept && kept && lacksMfaOf(successor, kept)
      ? new PartnerMfaRequiredError(
          'Entra ID renews the partner credential without MFA: an admin agent of the partner must consent again, with MFA.',
        )
      : undefined;
  }

  /** @param current what was tried first: its consent is the one that the token counts for */
  async function take(redemption: Redemption, current: PartnerCredential): Promise<AccessToken> {
    const { credential, redeemed } = redemption;
    const { accessToken, refreshToken } = redeemed;
    const { hasMfa, userName } = readAccessTokenFacts(accessToken.token);
    const consentedBy = credential.consentedBy ?? userName;
    const { consentedAt } = current;
    const mfaFacts = hasMfa === undefined ? {} : { hasMfa };
    cached = {
      token: accessToken,
      facts: { ...(consentedAt !== undefined && { consentedAt }), ...mfaFacts },
    };
    lastSuccessAt = now();
    const successor = {
      ...credential,
      refreshToken,
      issuedAt: Math.max(now(), credential.issuedAt), // it is the newer one, whatever the clock says
      ...(consentedBy !== undefined && { consentedBy }),
      ...mfaFacts,
    };
    // Entra keeps the old refresh token valid after issuing a new one, so a crash right here loses nothing.
    const isKept = await newest.keep(successor);
    if (!isKept) await dropReplacedToken().catch(() => undefined);
    const flaw = findFlaw(redemption, current, successor, isKept);
    if (flaw)
      failures.note(flaw, {
        refreshToken: current.refreshToken,
        isBridged: redemption.refusal !== undefined,
      });
    else failures.clear();
    log.info({ expiresOnTimestamp: accessToken.expiresOnTimestamp }, 'Redeemed the partner credential');
    return accessToken;
  }

  async function redeemAndKeep(): Promise<AccessToken> {
    hasTried = false;
    let refreshToken: string | undefined;
    try {
      const stored = await newest.load().catch((error: unknown) => {
        hasTried = true; // whatever is wrong with the store is news as well
        throw error;
      });
      refreshToken = stored.current.refreshToken;
      return await take(await redeemEither(stored), stored.current);
    } catch (thrown) {
      const error = thrown instanceof CredentialStoreError ? toStoreFailure(thrown) : thrown;
      rest = { error, until: now() + restMs };
      if (hasTried || !failures.find())
        failures.note(error, { ...(refreshToken !== undefined && { refreshToken }), isBridged: false });
      throw error;
    }
  }

  async function renew(): Promise<AccessToken> {
    if (!pending && rest && now() < rest.until) throw rest.error;
    pending ??= redeemAndKeep().finally(() => {
      pending = undefined;
    });
    return pending;
  }

  return {
    renew,

    async getToken({ rejectedToken } = {}) {
      const isRejected = cached !== undefined && cached.token.token === rejectedToken;
      const isRenewedForIt = isRejected && now() - renewedForRejectionAt >= rejectionIntervalMs;
      if (isRenewedForIt) renewedForRejectionAt = now();
      else if (cached) {
        const remainingMs = cached.token.expiresOnTimestamp - now();
        if (remainingMs > refreshMarginMs) return cached.token;
        if (remainingMs > shortestUseMs) {
          // Nobody waits for Entra ID while there is a good token; a failure is noted and tried again.
          void renew().catch(() => undefined);
          return cached.token;
        }
      }
      const token = await renew();
      // A renewal that was under way may have waited for a slow store for longer than its token lasts.
      return token.expiresOnTimestamp > now() ? token : renew();
    },

    async reconcile() {
      await newest.storeAgain();
      await dropReplacedToken();
      rest = undefined; // the store works, and may hold another credential
    },

    facts() {
      const known = newest.known();
      const failure = failures.find();
      return {
        ...(known && { newest: known }),
        ...(cached && { inUse: cached.facts }),
        ...(lastSuccessAt !== undefined && { lastSuccessAt }),
        ...(failure && { failure }),
        isUnstored: newest.isUnstored(),
      };
    },
  };
}
