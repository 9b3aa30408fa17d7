import { errors, type ResourceServerInfo } from 'oidc-provider';

/** Seconds; Entra ID's default is a random 60 to 90 minutes. */
export const accessTokenLifetimeSeconds = 3600;

/** Scopes of OpenID Connect itself, which belong to no resource. */
const openIdScopes = new Set(['openid', 'profile', 'email', 'offline_access']);

/**
 * The resource that a request is for: at Entra ID it is not a parameter of its own but what precedes the
 * last slash of a scope, as in `https://api.partnercenter.microsoft.com/user_impersonation`.
 */
export function resourceOf(scope: string | undefined): string | undefined {
  const named = (scope ?? '').split(' ').find((each) => !openIdScopes.has(each) && each.includes('/'));
  return named?.slice(0, named.lastIndexOf('/'));
}

/** The last part of each of a resource's scopes: what the `scp` claim carries. */
export function shortScopes(scope: string | undefined): string[] {
  return (scope ?? '')
    .split(' ')
    .filter((each) => each.includes('/'))
    .map((each) => each.slice(each.lastIndexOf('/') + 1));
}

/** Describes a resource to the provider: JWT access tokens, signed with RS256, with these scopes on offer. */
export function resourceServerInfo(resource: string, shortNames: readonly string[]): ResourceServerInfo {
  if (!URL.canParse(resource)) throw new errors.InvalidTarget();
  return {
    scope: [...shortNames, '.default'].map((name) => `${resource}/${name}`).join(' '),
    audience: resource,
    accessTokenFormat: 'jwt',
    accessTokenTTL: accessTokenLifetimeSeconds,
    jwt: { sign: { alg: 'RS256' } },
  };
}
