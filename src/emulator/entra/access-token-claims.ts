import { randomBytes } from 'node:crypto';
import type { EmulatedApplication, EmulatedUser } from '../identities.ts';

/** What all access tokens of a tenant have in common. */
export interface TokenFrame {
  /** Entra ID's base URL, without a trailing slash. */
  authority: string;
  tenantId: string;
  /** 1 or 2: the version is the API's choice (`requestedAccessTokenVersion`). */
  version: 1 | 2;
  audience: string;
  clientId: string;
  /** Whether the client proved itself with a secret. */
  isConfidential: boolean;
  /** Seconds since 1970. */
  issuedAt: number;
  /** Seconds since 1970. */
  expiresAt: number;
}

/**
 * Claims of a user's access token.
 * https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference
 * @param scopes short names, e.g. `ProductUpgrade.Read`
 */
export function userClaims(
  frame: TokenFrame,
  user: EmulatedUser,
  scopes: readonly string[],
  authenticationMethods: readonly string[],
): Record<string, unknown> {
  const person = { name: user.displayName, oid: user.objectId, sub: user.subject, scp: scopes.join(' ') };
  if (frame.version === 2) {
    return { ...frameClaims(frame, user.tenantId), ...person, preferred_username: user.userPrincipalName };
  }
  return {
    ...frameClaims(frame, user.tenantId),
    ...person,
    acr: '1',
    amr: [...authenticationMethods],
    ipaddr: '127.0.0.1',
    unique_name: user.userPrincipalName,
    upn: user.userPrincipalName,
  };
}

/** Claims of an application's own access token; `idtyp` is an optional claim that Microsoft recommends. */
export function applicationClaims(
  frame: TokenFrame,
  application: Pick<EmulatedApplication, 'objectId'>,
  appRoles: readonly string[],
): Record<string, unknown> {
  return {
    ...frameClaims(frame, frame.tenantId),
    idtyp: 'app',
    oid: application.objectId,
    // An application's subject is its own object id; a user's never is.
    sub: application.objectId,
    ...(appRoles.length > 0 ? { roles: [...appRoles] } : {}),
    ...(frame.version === 1 ? { idp: v1Issuer(frame.tenantId) } : {}),
  };
}

/** Issuer of v1 tokens: the same host in every environment, never the authority's. */
export function v1Issuer(tenantId: string): string {
  return `https://sts.windows.net/${tenantId}/`;
}

function frameClaims(frame: TokenFrame, tenantId: string): Record<string, unknown> {
  const proof = frame.isConfidential ? '1' : '0';
  const isV1 = frame.version === 1;
  return {
    aud: frame.audience,
    iss: isV1 ? v1Issuer(tenantId) : `${frame.authority}/${tenantId}/v2.0`,
    iat: frame.issuedAt,
    nbf: frame.issuedAt,
    exp: frame.expiresAt,
    ...(isV1 ? { appid: frame.clientId, appidacr: proof } : { azp: frame.clientId, azpacr: proof }),
    tid: tenantId,
    uti: randomBytes(16).toString('base64url'),
    ver: isV1 ? '1.0' : '2.0',
  };
}
