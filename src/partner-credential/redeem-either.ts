import {
  IdentityProviderUnavailableError,
  PartnerConsentRequiredError,
  PartnerMfaRequiredError,
} from '../errors.ts';
import { createHoldOffs } from './hold-offs.ts';
import type {
  CredentialLog,
  PartnerCredential,
  RedeemedTokens,
  RedeemRefreshToken,
  RenewalOutcome,
  StoredCredential,
} from './ports.ts';
import { toFailureKind } from './token-failures.ts';

/** What a redemption yielded, and of which credential. */
export interface Redemption {
  readonly credential: PartnerCredential;
  readonly redeemed: RedeemedTokens;
  /** Why the current credential was refused, where the one before it works in its place. */
  readonly refusal?: unknown;
}

/** Redeems the current credential, or the one before it. It throws what became of the current one. */
export type RedeemEither = (stored: StoredCredential) => Promise<Redemption>;

export interface RedeemEitherParts {
  readonly redeem: RedeemRefreshToken;
  readonly log: CredentialLog;
  readonly now: () => number;
  readonly random: () => number;
  /** Told of each attempt at Entra ID, and not of those that were held off. */
  readonly onAttempt: (outcome: RenewalOutcome) => void;
}

/** Bad credentials are tried once a minute at most. */
const holdOffAfterRefusalMs = 60_000;
const firstHoldOffAfterOutageMs = 5_000;
const longestHoldOffAfterOutageMs = 60_000;

const isRefusal = (error: unknown) =>
  error instanceof PartnerConsentRequiredError || error instanceof PartnerMfaRequiredError;

/** The previous credential helps where the current one is refused and has never worked: it may be damaged, or foreign. */
export function createRedeemEither({ redeem, log, now, random, onAttempt }: RedeemEitherParts): RedeemEither {
  /** A credential before the current one that was tried and refused, and so is of no more use. */
  let deadPrevious: string | undefined;
  let lastRedeemed: string | undefined;

  const holdOffs = createHoldOffs({
    now,
    toHoldOffMs: (error, failures) =>
      error instanceof IdentityProviderUnavailableError
        ? Math.min(longestHoldOffAfterOutageMs, firstHoldOffAfterOutageMs * 2 ** (failures - 1)) *
          (0.5 + random() / 2)
        : holdOffAfterRefusalMs,
  });

  async function redeemOnce({ refreshToken }: PartnerCredential): Promise<RedeemedTokens> {
    const held = holdOffs.find(refreshToken);
    if (held) throw held.error;
    try {
      const redeemed = await redeem(refreshToken);
      holdOffs.clear(refreshToken);
      lastRedeemed = redeemed.refreshToken === refreshToken ? refreshToken : undefined;
      onAttempt('renewed');
      return redeemed;
    } catch (error) {
      holdOffs.add(refreshToken, error);
      onAttempt(toFailureKind(error));
      throw error;
    }
  }

  return async function redeemEither({ current, previous }) {
    try {
      return { credential: current, redeemed: await redeemOnce(current) };
    } catch (refusal) {
      const isOfUse =
        previous &&
        ![current.refreshToken, deadPrevious].includes(previous.refreshToken) &&
        lastRedeemed !== current.refreshToken;
      if (!isOfUse || !isRefusal(refusal)) throw refusal;
      try {
        const redeemed = await redeemOnce(previous);
        log.warn({ err: refusal }, 'The partner credential was refused; the one before it still works');
        return { credential: previous, redeemed, refusal };
      } catch (second) {
        if (isRefusal(second)) deadPrevious = previous.refreshToken;
        throw refusal;
      }
    }
  };
}
