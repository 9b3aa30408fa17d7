/** Reads what a token says of itself, before anything of it is trusted. */

export interface UnverifiedToken {
  /** Which key it claims to be signed with: `x5t` in version 1 tokens, `kid` in version 2. */
  readonly keyId: string;
  readonly claims: Readonly<Record<string, unknown>>;
}

// Entra ID's tokens are a few kB; a user in many groups gets a link instead of a list.
const longestToken = 16_384;

// The latest time that a Date can hold (ECMA-262, section 21.4.1.1). A token that is said to outlive it is none.
const latestTimeSeconds = 8.64e12;

function decodePart(part: string | undefined): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(part ?? '', 'base64url').toString('utf8'));
    // A record check: JSON.parse gives plain objects only.
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

/** The parts of a signed JWT (RFC 7519) that names its key and expires; undefined for anything else. */
export function readToken(token: string): UnverifiedToken | undefined {
  if (token.length > longestToken || !/^[\w-]+\.[\w-]+\.[\w-]+$/.test(token)) return undefined;
  const [first, second] = token.split('.');
  const header = decodePart(first);
  const claims = decodePart(second);
  if (header?.['alg'] !== 'RS256' || 'crit' in header || !claims) return undefined;
  const keyId = header['x5t'] ?? header['kid'];
  if (typeof keyId !== 'string' || keyId === '') return undefined;
  if (typeof claims['exp'] !== 'number' || claims['exp'] > latestTimeSeconds) return undefined;
  return { keyId, claims };
}

/** Why Entra ID's token may have been refused, for whoever holds it: nothing here is known from elsewhere. */
export function describeRefusal(
  { claims }: UnverifiedToken,
  expected: {
    readonly audiences: readonly string[];
    readonly issuers: readonly string[];
    readonly now: number;
  },
): string {
  const seconds = expected.now / 1000;
  if (typeof claims['exp'] === 'number' && claims['exp'] <= seconds) return 'The token has expired.';
  if (typeof claims['nbf'] === 'number' && claims['nbf'] > seconds) return 'The token is not valid yet.';
  if (typeof claims['aud'] !== 'string' || !expected.audiences.includes(claims['aud']))
    return 'The token is meant for another audience.';
  if (typeof claims['iss'] !== 'string' || !expected.issuers.includes(claims['iss']))
    return 'The token comes from another issuer.';
  return 'The token is not an access token of this tenant for this API, or its signature does not hold.';
}
