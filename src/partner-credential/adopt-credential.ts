import { readAccessTokenFacts } from './access-token-facts.ts';
import { toGrantTimes } from './grant-times.ts';
import type { CredentialStore, RedeemRefreshToken } from './ports.ts';

export interface AdoptCredentialParts {
  readonly store: CredentialStore;
  readonly entra: { readonly redeem: RedeemRefreshToken };
  readonly now?: () => number;
}

/** What came of a refresh token from elsewhere. */
export interface AdoptedCredential {
  /** False where the store holds a better one, which stays. */
  readonly isStored: boolean;
  readonly userName?: string;
  readonly hasMfa?: boolean;
}

/** @throws {GatewayError} the refresh token does not work; nothing has changed then */
export type AdoptCredential = (refreshToken: string) => Promise<AdoptedCredential>;

/** Takes over a refresh token that was got by other means: redeems it, to see that it works, and stores its successor. */
export function createAdoptCredential({
  store,
  entra,
  now = Date.now,
}: AdoptCredentialParts): AdoptCredential {
  return async function adoptCredential(refreshToken) {
    const stored = await store.load(); // a store that cannot be read is said before the token is used
    const redeemed = await entra.redeem(refreshToken);
    const { userName, hasMfa } = readAccessTokenFacts(redeemed.accessToken.token);
    const isStored = await store.save({
      refreshToken: redeemed.refreshToken,
      // When it was really granted nobody knows here; whoever brings it wants it in place of what there is.
      ...toGrantTimes(stored?.current, now()),
      ...(userName && { consentedBy: userName }),
      ...(hasMfa !== undefined && { hasMfa }),
    });
    return { isStored, ...(userName && { userName }), ...(hasMfa !== undefined && { hasMfa }) };
  };
}
