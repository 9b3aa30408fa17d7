import { type ClientMetadata, type Context, errors, type IssuedToken } from 'oidc-provider';
import {
  applications,
  callerAudience,
  callers,
  callerTenantId,
  type EmulatedApplication,
  type EmulatedUser,
  signInClientId,
} from '../identities.ts';
import { applicationClaims, userClaims } from './access-token-claims.ts';
import { registerPasswordGrant } from './password-grant.ts';
import { isLoopbackUri } from './redirect-uris.ts';
import { resourceServerInfo, shortScopes } from './resources.ts';
import type { TenantDefinition, TokenTimes } from './tenant-definition.ts';

/** Delegated permissions that our API exposes. */
const apiScopes = ['ProductUpgrade.Read', 'ProductUpgrade.ReadWrite', 'PartnerConsent.Manage'];
const apiResource = `api://${callerAudience}`;
const users: readonly EmulatedUser[] = Object.values(callers);
const allApplications: readonly EmulatedApplication[] = Object.values(applications);

/**
 * The tenant whose users and applications call the gateway. Two form parameters that Entra ID does not have
 * help tests and command lines: `token_version=1` and, with client credentials, `role=` (space-separated).
 */
export function callerTenant(authority: string): TenantDefinition {
  return {
    tenantId: callerTenantId,
    clients: [signInClient(), ...allApplications.map(applicationClient)],
    users,
    isRedirectUriAllowed: (uri) => isLoopbackUri(uri),
    describeResource(resource) {
      if (resource !== apiResource && resource !== callerAudience) throw new errors.InvalidTarget();
      return resourceServerInfo(resource, apiScopes);
    },
    accessTokenClaims: (context, token, times) => claimsOf(authority, context, token, times),
    extend: (provider) => registerPasswordGrant(provider, users),
  };
}

function claimsOf(
  authority: string,
  context: Context,
  token: IssuedToken,
  times: TokenTimes,
): Record<string, unknown> {
  const version = context.oidc.body?.['token_version'] === '1' ? 1 : 2;
  const frame = {
    authority,
    tenantId: callerTenantId,
    version,
    audience: version === 1 ? apiResource : callerAudience,
    clientId: token.clientId,
    isConfidential: context.oidc.client.clientAuthMethod !== 'none',
    ...times,
  } as const;
  const user = users.find(({ objectId }) => objectId === token.accountId);
  if (user) {
    return userClaims(frame, user, permittedScopes(user, token.scope), user.authenticationMethods);
  }
  const application = allApplications.find(({ clientId }) => clientId === token.clientId);
  if (!application) throw new errors.InvalidGrant('neither a user nor an application');
  const role = context.oidc.body?.['role'];
  const appRoles = typeof role === 'string' && role !== '' ? role.split(' ') : application.appRoles;
  return applicationClaims(frame, application, appRoles);
}

/** Of the scopes asked for those that the user has; `.default` asks for all. */
function permittedScopes(user: EmulatedUser, scope: string | undefined): readonly string[] {
  const asked = shortScopes(scope);
  if (asked.includes('.default')) return user.scopes;
  const permitted = user.scopes.filter((each) => asked.includes(each));
  if (permitted.length === 0) throw new errors.InvalidGrant('no consent for the requested scopes');
  return permitted;
}

function signInClient(): ClientMetadata {
  return {
    client_id: signInClientId,
    redirect_uris: ['http://localhost:3000/'],
    response_types: ['code'],
    grant_types: ['authorization_code', 'refresh_token', 'password'],
    token_endpoint_auth_method: 'none',
  };
}

function applicationClient({ clientId, clientSecret }: EmulatedApplication): ClientMetadata {
  return {
    client_id: clientId,
    client_secret: clientSecret,
    redirect_uris: [],
    response_types: [],
    grant_types: ['client_credentials'],
    token_endpoint_auth_method: 'client_secret_post',
  };
}
