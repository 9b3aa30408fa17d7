/** Who calls us: a user through an application, or an application for itself. */
export interface Caller {
  readonly tenantId: string;
  /** The user, or the application's service principal. */
  readonly objectId: string;
  /** The client application, by which the request came. */
  readonly applicationId: string;
  /** Delegated rights; empty for an application. */
  readonly scopes: readonly string[];
  /** Application rights; empty for a user, whose `roles` are the user's own and not the application's. */
  readonly appRoles: readonly string[];
}

/** The claims of a token whose signature, issuer, audience and times have been verified. */
export type TokenClaims = Readonly<Record<string, unknown>>;

const text = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? value : undefined;

/**
 * Entra ID marks an application's token with `idtyp: app` where that claim is configured; where it is not, the subject
 * of an application's token is the service principal itself, and that of a user's never is the user's object id.
 * Source: https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference
 */
function toTokenType({ idtyp, sub, oid }: TokenClaims): 'app' | 'user' | undefined {
  if (idtyp === undefined) return sub === oid ? 'app' : 'user';
  return idtyp === 'app' || idtyp === 'user' ? idtyp : undefined;
}

/**
 * The caller that a verified access token stands for; undefined where it is none of this tenant's access tokens.
 * An application's token that carries `scp` all the same gets neither kind of right.
 */
export function toCaller(claims: TokenClaims, tenantId: string): Caller | undefined {
  const { tid, scp, roles } = claims;
  const objectId = text(claims['oid']);
  const applicationId = text(claims['azp']) ?? text(claims['appid']);
  // An ID token names no client that it was issued to: it is no access token, though its audience may be the same.
  if (tid !== tenantId || !objectId || !applicationId) return undefined;
  const tokenType = toTokenType(claims);
  const isApplication = tokenType === 'app' && scp === undefined;
  return {
    tenantId,
    objectId,
    applicationId,
    scopes: tokenType === 'user' ? (text(scp) ?? '').split(' ').filter(Boolean) : [],
    appRoles: isApplication && Array.isArray(roles) ? roles.filter((role) => typeof role === 'string') : [],
  };
}
