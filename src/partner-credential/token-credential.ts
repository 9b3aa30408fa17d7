import { IdentityProviderUnavailableError, PartnerConsentRequiredError } from '../errors.ts';
import type {
  AccessToken,
  CredentialStore,
  PartnerCredential,
  PartnerTokenCredential,
  RedeemRefreshToken,
} from './ports.ts';

export interface TokenCredentialParts {
  readonly store: CredentialStore;
  readonly redeem: RedeemRefreshToken;
  readonly log: TokenCredentialLog;
  readonly now?: () => number;
  /** A token is renewed this long before it expires. */
  readonly refreshMarginMs?: number;
}

/** A credential that was refused is not tried again so soon, unless another one has been stored meanwhile. */
const holdOffAfterRefusalMs = 60_000;
const holdOffAfterOutageMs = 5_000;

export interface TokenCredentialLog {
  info(facts: object, message: string): void;
  error(facts: object, message: string): void;
}

/** Redeems the stored refresh token, keeps the access token for its life, and redeems once however many ask. */
export function createPartnerTokenCredential({
  store,
  redeem,
  log,
  now = Date.now,
  refreshMarginMs = 300_000,
}: TokenCredentialParts): PartnerTokenCredential {
  let cached: AccessToken | undefined;
  let pending: Promise<AccessToken> | undefined;
  /** A successor that could not be stored yet: it is newer than what the store holds. */
  let unstored: PartnerCredential | undefined;
  let refusal: { readonly refreshToken: string; readonly error: unknown; readonly until: number } | undefined;

  async function loadNewest(): Promise<PartnerCredential> {
    const stored = await store.load().catch((error: unknown) => {
      if (unstored) return undefined;
      throw error;
    });
    const current = stored?.current;
    const newest = unstored && (!current || current.issuedAt < unstored.issuedAt) ? unstored : current;
    if (!newest)
      throw new PartnerConsentRequiredError(
        'There is no partner credential yet: an admin agent of the partner must grant one.',
      );
    return newest;
  }

  /** A store that cannot be written does not fail the call at hand; the successor is kept and stored the next time. */
  async function keep(successor: PartnerCredential) {
    unstored = successor;
    try {
      await store.save(successor);
      unstored = undefined;
    } catch (error) {
      log.error({ err: error }, 'The renewed partner credential could not be stored; it is in memory alone');
    }
  }

  async function redeemOnce(refreshToken: string) {
    if (refusal && refusal.refreshToken === refreshToken && now() < refusal.until) throw refusal.error;
    try {
      const redeemed = await redeem(refreshToken);
      refusal = undefined;
      return redeemed;
    } catch (error) {
      const isOutage = error instanceof IdentityProviderUnavailableError;
      const until = now() + (isOutage ? holdOffAfterOutageMs : holdOffAfterRefusalMs);
      refusal = { refreshToken, error, until };
      throw error;
    }
  }

  async function renew(): Promise<AccessToken> {
    const credential = await loadNewest();
    const redeemed = await redeemOnce(credential.refreshToken);
    // Entra keeps the old refresh token valid after issuing a new one, so a crash right here loses nothing.
    await keep({ ...credential, refreshToken: redeemed.refreshToken, issuedAt: now() });
    cached = redeemed.accessToken;
    log.info({ expiresOnTimestamp: cached.expiresOnTimestamp }, 'Redeemed the partner credential');
    return cached;
  }

  return {
    async getToken({ rejectedToken } = {}) {
      const isUsable =
        cached && cached.token !== rejectedToken && cached.expiresOnTimestamp - refreshMarginMs > now();
      if (cached && isUsable) return cached;
      pending ??= renew().finally(() => {
        pending = undefined;
      });
      return pending;
    },
  };
}
