import {
  IdentityProviderUnavailableError,
  PartnerConsentRequiredError,
  PartnerMfaRequiredError,
} from '../errors.ts';
import { readAccessTokenFacts } from './access-token-facts.ts';
import { createHoldOffs } from './hold-offs.ts';
import { createNewestCredential } from './newest-credential.ts';
import type {
  AccessToken,
  CredentialLog,
  CredentialStore,
  PartnerCredential,
  PartnerTokenCredential,
  RedeemedTokens,
  RedeemRefreshToken,
  RenewalOutcome,
  StoredCredential,
} from './ports.ts';
import { toFailureKind } from './token-failures.ts';

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
  readonly lastSuccessAt?: number;
  /** Why the last attempt failed, since when and how often in a row; left out once one has succeeded. */
  readonly failure?: {
    readonly error: unknown;
    readonly since: number;
    readonly at: number;
    readonly count: number;
  };
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

/** Bad credentials are tried once a minute at most, unless another one has been stored meanwhile. */
const holdOffAfterRefusalMs = 60_000;
const firstHoldOffAfterOutageMs = 5_000;
const longestHoldOffAfterOutageMs = 60_000;
/** Partner Center's refusals of a token lead to a new one this often at most, so that they are no loop. */
const rejectionIntervalMs = 60_000;
/** A token that lasts so long is still good for a call. */
const shortestUseMs = 30_000;

const isRefusal = (error: unknown) =>
  error instanceof PartnerConsentRequiredError || error instanceof PartnerMfaRequiredError;

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
  let cached: (AccessToken & { readonly consentedAt: number | undefined }) | undefined;
  let pending: Promise<AccessToken> | undefined;
  let lastSuccessAt: number | undefined;
  let failure: RenewalFacts['failure'];
  let renewedForRejectionAt = Number.NEGATIVE_INFINITY;
  /** A credential before the current one that was tried and refused, and so is of no more use. */
  let deadPrevious: string | undefined;
  let lastRedeemed: string | undefined;
  /** Whether the renewal under way has asked Entra ID, or was held off. */
  let hasTried = false;

  const holdOffs = createHoldOffs({
    now,
    toHoldOffMs: (error, failures) =>
      error instanceof IdentityProviderUnavailableError
        ? Math.min(longestHoldOffAfterOutageMs, firstHoldOffAfterOutageMs * 2 ** (failures - 1)) *
          (0.5 + random() / 2)
        : holdOffAfterRefusalMs,
  });

  /** Takes the store's word for what is newest, and drops the token of a consent that has been replaced. */
  async function dropReplacedToken() {
    const current = await newest.reload();
    if (cached && (current?.consentedAt ?? 0) > (cached.consentedAt ?? 0)) cached = undefined;
  }

  async function redeemOnce({ refreshToken }: PartnerCredential): Promise<RedeemedTokens> {
    const held = holdOffs.find(refreshToken);
    if (held) throw held.error;
    hasTried = true;
    try {
      const redeemed = await redeem(refreshToken);
      lastRedeemed = redeemed.refreshToken === refreshToken ? refreshToken : undefined;
      onRenewal('renewed');
      return redeemed;
    } catch (error) {
      holdOffs.add(refreshToken, error);
      onRenewal(toFailureKind(error));
      throw error;
    }
  }

  /** The previous credential helps where the current one is refused and has never worked: it may be damaged, or foreign. */
  async function redeemEither({ current, previous }: StoredCredential) {
    try {
      return { credential: current, redeemed: await redeemOnce(current) };
    } catch (error) {
      const isOfUse =
        previous &&
        ![current.refreshToken, deadPrevious].includes(previous.refreshToken) &&
        lastRedeemed !== current.refreshToken;
      if (!isOfUse || !isRefusal(error)) throw error;
      try {
        const redeemed = await redeemOnce(previous);
        log.warn({ err: error }, 'The partner credential was refused; the one before it still works');
        return { credential: previous, redeemed };
      } catch (second) {
        if (isRefusal(second)) deadPrevious = previous.refreshToken;
        throw error;
      }
    }
  }

  function noteFailure(error: unknown) {
    const at = now();
    const isNew = failure === undefined || toFailureKind(failure.error) !== toFailureKind(error);
    if (failure && !hasTried) return; // held off
    failure = { error, at, since: failure?.since ?? at, count: (failure?.count ?? 0) + 1 };
    if (!isNew) return;
    const kind = toFailureKind(error);
    const facts = { err: error, alarm: 'partner_credential_not_renewed', kind };
    // An outage ends by itself, and the cached token lasts meanwhile: a person must act on the others.
    if (kind === 'unreachable') log.warn(facts, 'Entra ID cannot be reached to renew the partner credential');
    else log.error(facts, 'The partner credential can no longer be renewed');
  }

  async function redeemAndKeep(): Promise<AccessToken> {
    hasTried = false;
    try {
      const stored = await newest.load().catch((error: unknown) => {
        hasTried = true; // whatever is wrong with the store is news as well
        throw error;
      });
      const { credential, redeemed } = await redeemEither(stored);
      holdOffs.clear();
      const { accessToken, refreshToken } = redeemed;
      const { hasMfa, userName } = readAccessTokenFacts(accessToken.token);
      const consentedBy = credential.consentedBy ?? userName;
      cached = { ...accessToken, consentedAt: credential.consentedAt };
      // Entra keeps the old refresh token valid after issuing a new one, so a crash right here loses nothing.
      const isNewest = await newest.keep({
        ...credential,
        refreshToken,
        issuedAt: Math.max(now(), credential.issuedAt), // it is the newer one, whatever the clock says
        ...(consentedBy !== undefined && { consentedBy }),
        ...(hasMfa !== undefined && { hasMfa }),
      });
      if (!isNewest) await dropReplacedToken().catch(() => undefined);
      if (failure)
        log.info({ failedSince: new Date(failure.since) }, 'The partner credential is renewed again');
      failure = undefined;
      lastSuccessAt = now();
      log.info({ expiresOnTimestamp: accessToken.expiresOnTimestamp }, 'Redeemed the partner credential');
      return accessToken;
    } catch (error) {
      noteFailure(error);
      throw error;
    }
  }

  function renew(): Promise<AccessToken> {
    pending ??= redeemAndKeep().finally(() => {
      pending = undefined;
    });
    return pending;
  }

  return {
    renew,

    async getToken({ rejectedToken } = {}) {
      const isRejected = cached !== undefined && cached.token === rejectedToken;
      const isRenewedForIt = isRejected && now() - renewedForRejectionAt >= rejectionIntervalMs;
      if (isRenewedForIt) renewedForRejectionAt = now();
      else if (cached) {
        const remainingMs = cached.expiresOnTimestamp - now();
        if (remainingMs > refreshMarginMs) return cached;
        if (remainingMs > shortestUseMs) {
          // Nobody waits for Entra ID while there is a good token; a failure is noted and tried again.
          void renew().catch(() => undefined);
          return cached;
        }
      }
      const token = await renew();
      // A renewal that was under way may have waited for a slow store for longer than its token lasts.
      return token.expiresOnTimestamp > now() ? token : renew();
    },

    async reconcile() {
      await newest.storeAgain();
      await dropReplacedToken();
    },

    facts() {
      const known = newest.known();
      return {
        ...(known && { newest: known }),
        ...(lastSuccessAt !== undefined && { lastSuccessAt }),
        ...(failure && { failure }),
        isUnstored: newest.isUnstored(),
      };
    },
  };
}
