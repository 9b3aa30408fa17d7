import { jwtVerify } from 'jose';
import type { Tenant } from '../entra/tenant.ts';
import { type VaultAnswer, vaultError } from './answers.ts';

/** What tokens for Key Vault are for, in every cloud region of the global cloud. */
export const vaultResource = 'https://vault.azure.net';

export interface VaultBearerParts {
  authority: string;
  /** The tenant of the vault's subscription, whose tokens it takes. */
  tenant: Tenant;
  /** Object ids of the identities that may read and write secrets. */
  permitted: readonly string[];
  /** Milliseconds since 1970. */
  now(): number;
}

/**
 * Checks the token of a call, and that its identity may use the vault.
 * Source: https://learn.microsoft.com/azure/key-vault/general/authentication-requests-and-responses
 * @returns the refusal, if it is one
 */
export async function checkVaultBearer(
  authorization: string | undefined,
  { authority, tenant, permitted, now }: VaultBearerParts,
): Promise<VaultAnswer | undefined> {
  const challenge = `Bearer authorization="${authority}/${tenant.tenantId}", resource="${vaultResource}"`;
  const refuse = (message: string) => ({
    ...vaultError(401, 'Unauthorized', message),
    headers: { 'WWW-Authenticate': challenge },
  });

  const token = /^Bearer (\S+)$/i.exec(authorization ?? '')?.[1];
  if (token === undefined) return refuse('AKV10000: Request is missing a Bearer or PoP token.');
  try {
    const { payload } = await jwtVerify(token, ({ kid }) => keyNamed(tenant, kid), {
      audience: vaultResource,
      issuer: `https://sts.windows.net/${tenant.tenantId}/`,
      algorithms: ['RS256'],
      requiredClaims: ['exp', 'oid'],
      currentDate: new Date(now()),
    });
    if (permitted.includes(String(payload['oid']))) return undefined;
    return vaultError(
      403,
      'Forbidden',
      'Caller is not authorized to perform action on resource.',
      'ForbiddenByRbac',
    );
  } catch (error) {
    return refuse(`The token was refused: ${error instanceof Error ? error.message : 'unreadable'}.`);
  }
}

function keyNamed(tenant: Tenant, kid: string | undefined) {
  const key = tenant.knownKeys().find((each) => each.kid === kid);
  if (!key) throw new Error('no key is published under the name that its header gives');
  return key.publicKey;
}
