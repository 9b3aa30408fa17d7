import { Authenticator } from 'passport';
import { BearerStrategy } from 'passport-azure-ad';
import type { TokenClaims } from './caller.ts';
import type { TrustedKeys } from './signing-keys.ts';

export interface BearerVerifierParts {
  readonly clientId: string;
  readonly audiences: readonly string[];
  /** Told apart by the token's version; the keys are the same. */
  readonly toIssuers: (keys: TrustedKeys) => string[];
  readonly getKeys: () => TrustedKeys;
}

/** The claims of the token if its signature, issuer, audience and times hold; otherwise undefined. */
export type VerifyBearer = (token: string) => Promise<TokenClaims | undefined>;

interface LibraryMetadata {
  readonly oidc: {
    readonly issuer: string[];
    readonly algorithms: string[];
    readonly keys: readonly unknown[];
  };
  generateOidcPEM(keyId: string): string;
}

// Never 0: the library takes that for no setting, and allows 300.
const clockSkewSeconds = 10;
const strategyName = 'entra-id';

/**
 * Has `passport-azure-ad` verify tokens, and guards against what it does wrong: it is archived, loads metadata and
 * keys without a time-out, keeps them for half an hour whatever key a token names, ends the process when an answer is
 * no JSON, and also takes tokens from the request body. All metadata and keys come in through `loadMetadata`, which is
 * overridden here with those that we fetched ourselves; the request it sees has nothing but the header.
 */
export function createBearerVerifier({
  clientId,
  audiences,
  toIssuers,
  getKeys,
}: BearerVerifierParts): VerifyBearer {
  class OwnKeysStrategy extends BearerStrategy {
    // The library's declarations leave this method out; its arguments are those of lib/bearerstrategy.js.
    loadMetadata(_params: unknown, next: (error: unknown, metadata?: LibraryMetadata) => void) {
      const keys = getKeys();
      next(null, {
        oidc: { issuer: toIssuers(keys), algorithms: ['RS256'], keys: [] },
        generateOidcPEM(keyId) {
          const pem = keys.pemByKeyId.get(keyId);
          if (!pem) throw new Error('unknown key');
          return pem;
        },
      });
    }
  }
  const strategy = new OwnKeysStrategy(
    {
      // Demanded by the constructor and never fetched.
      identityMetadata: 'https://login.microsoftonline.com/organizations/.well-known/openid-configuration',
      clientID: clientId,
      audience: [...audiences],
      clockSkew: clockSkewSeconds,
      loggingNoPII: true,
    },
    (claims, done) => done(null, claims),
  );
  // Registered under a name, passport makes a strategy object for each request. The object itself, handed to
  // `authenticate`, would be shared: its callbacks belong to the last request then, so that of two tokens verified at
  // the same time one is answered with the other's claims.
  const authenticator = new Authenticator().use(strategyName, strategy);

  return (token) =>
    new Promise((resolve, reject) => {
      const request = { headers: { authorization: `Bearer ${token}` } };
      authenticator.authenticate(
        strategyName,
        { session: false },
        (error: unknown, claims: TokenClaims | false | null | undefined) =>
          error ? reject(error) : resolve(claims || undefined),
      )(request, undefined, reject);
    });
}
