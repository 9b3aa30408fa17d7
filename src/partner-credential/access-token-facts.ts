import { z } from 'zod';

/** What an access token says of itself. Nothing is decided by it that Partner Center would not decide again. */
export interface AccessTokenFacts {
  readonly tenantId?: string;
  readonly userName?: string;
  /** Whether the sign-in carried MFA; left out where the token does not say. */
  readonly hasMfa?: boolean;
}

const text = z.string().min(1).max(200).optional().catch(undefined);
const claimsSchema = z.object({
  tid: text,
  upn: text,
  preferred_username: text,
  unique_name: text,
  amr: z.array(z.string()).optional().catch(undefined),
});

/**
 * Reads an access token without verifying it: it came from Entra ID's token endpoint over TLS, and it is Partner
 * Center's to verify. A token that cannot be read yields no facts.
 * Source: https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference
 */
export function readAccessTokenFacts(token: string): AccessTokenFacts {
  const claims = claimsSchema.safeParse(decodePayload(token)).data ?? {};
  const userName = claims.upn ?? claims.preferred_username ?? claims.unique_name;
  return {
    ...(claims.tid && { tenantId: claims.tid.toLowerCase() }),
    ...(userName && { userName }),
    ...(claims.amr && { hasMfa: claims.amr.includes('mfa') }),
  };
}

function decodePayload(token: string): unknown {
  try {
    return JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8'));
  } catch {
    return undefined;
  }
}
