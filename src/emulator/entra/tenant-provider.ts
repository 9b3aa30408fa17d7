import type { IncomingMessage } from 'node:http';
import { type Context, type IssuedToken, Provider, type StructuredToken } from 'oidc-provider';
import type { EmulatedUser } from '../identities.ts';
import { entraWire } from './entra-wire.ts';
import { accessTokenLifetimeSeconds, resourceOf } from './resources.ts';
import { errorPage, signInPath } from './sign-in-page.ts';
import type { TenantDefinition } from './tenant-definition.ts';
import type { createTokenStore } from './token-store.ts';

export interface TenantProviderParts {
  authority: string;
  /** Told the grant type of each token request that the provider has read. */
  onTokenRequest(request: IncomingMessage, grantType: string): void;
  /** Told every value of a token request and its answer that nobody else may see. */
  onSecret(secret: string): void;
}

export interface TenantProviderState {
  adapter: ReturnType<typeof createTokenStore>;
  cookies: { keys: string[]; names: Record<string, string> };
  keyId: string;
  jwks: { keys: Record<string, unknown>[] };
}

/** Ninety days, renewed with each redemption (https://learn.microsoft.com/entra/identity-platform/refresh-tokens). */
const refreshTokenLifetimeSeconds = 90 * 86_400;

/**
 * The OpenID provider behind a tenant.
 * @param state what outlives this provider object (store, cookie keys), and the signing key that it is made for
 */
export function createTenantProvider(
  definition: TenantDefinition,
  { authority, ...wire }: TenantProviderParts,
  { keyId, ...state }: TenantProviderState,
): Provider {
  const provider = new Provider(`${authority}/${definition.tenantId}/v2.0`, {
    ...state,
    routes: {
      authorization: `/${definition.tenantId}/oauth2/v2.0/authorize`,
      token: `/${definition.tenantId}/oauth2/v2.0/token`,
      jwks: `/${definition.tenantId}/discovery/v2.0/keys`,
    },
    ...userInteraction(definition),
    ...tokenRules(definition, keyId),
  });
  provider.Client.prototype.redirectUriAllowed = (uri) => definition.isRedirectUriAllowed(uri);
  definition.extend?.(provider);
  provider.use(entraWire({ provider, tenantId: definition.tenantId, authority, ...wire }));
  // Without a listener Koa prints each client that hung up to stderr. Faults of the provider itself
  // are not lost: they are answered as `server_error` with their message.
  provider.on('error', () => undefined);
  return provider;
}

function userInteraction({ tenantId, users }: TenantDefinition): Record<string, unknown> {
  return {
    interactions: {
      url: (_context: Context, { uid }: { uid: string }) => signInPath(tenantId, uid),
    },
    renderError: (context: Context, out: { error: string; error_description?: string }) => {
      context.set('Content-Type', 'text/html; charset=utf-8');
      context.body = errorPage(`${out.error}: ${out.error_description ?? ''}`);
    },
    findAccount: (_context: Context, accountId: string) => {
      const user = users.find(({ objectId }) => objectId === accountId);
      return user && { accountId, claims: () => idTokenClaims(user) };
    },
    claims: { openid: ['sub', 'oid', 'tid', 'ver'], profile: ['name', 'preferred_username'] },
    scopes: ['openid', 'profile', 'email', 'offline_access'],
    pkce: { required: () => true },
    // Browsers may call the token endpoint from any origin; Entra ID allows it for apps registered as SPA.
    clientBasedCORS: () => true,
  };
}

function tokenRules(definition: TenantDefinition, keyId: string): Record<string, unknown> {
  return {
    features: {
      devInteractions: { enabled: false },
      userinfo: { enabled: false },
      rpInitiatedLogout: { enabled: false },
      pushedAuthorizationRequests: { enabled: false },
      dPoP: { enabled: false },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: (context: Context) => resourceOf(context.oidc.params['scope']),
        getResourceServerInfo: (_context: Context, resource: string) => definition.describeResource(resource),
        useGrantedResource: () => true,
      },
    },
    formats: {
      customizers: {
        jwt: (context: Context, token: IssuedToken, jwt: StructuredToken) => {
          const { iat: issuedAt, exp: expiresAt } = jwt.payload;
          const claims = definition.accessTokenClaims(context, token, { issuedAt, expiresAt });
          // Entra ID types its access tokens plain JWT, not RFC 9068's at+jwt. Version 1 names the key by x5t too.
          jwt.header = { typ: 'JWT', ...(claims['ver'] === '1.0' ? { x5t: keyId } : {}) };
          jwt.payload = { ...claims, iat: issuedAt, exp: expiresAt };
        },
      },
    },
    responseTypes: ['code'],
    clientAuthMethods: ['none', 'client_secret_basic', 'client_secret_post', 'private_key_jwt'],
    rotateRefreshToken: true,
    expiresWithSession: () => false,
    issueRefreshToken: (_context: Context, _client: unknown, source: { scopes: Set<string> }) =>
      source.scopes.has('offline_access'),
    assertJwtClientAuthClaimsAndHeader: (
      _context: Context,
      _claims: unknown,
      header: Record<string, unknown>,
    ) => definition.checkAssertionHeader?.(header),
    clockTolerance: 5,
    ttl: {
      AccessToken: accessTokenLifetimeSeconds,
      ClientCredentials: accessTokenLifetimeSeconds,
      IdToken: 3600,
      RefreshToken: refreshTokenLifetimeSeconds,
      AuthorizationCode: 600,
      Grant: 10 * 365 * 86_400,
      Interaction: 3600,
      Session: 86_400,
    },
  };
}

function idTokenClaims(user: EmulatedUser): Record<string, unknown> {
  return {
    // The provider's session is keyed by account id and checks `sub` against it: oid here, unlike in access tokens.
    sub: user.objectId,
    oid: user.objectId,
    tid: user.tenantId,
    ver: '2.0',
    name: user.displayName,
    preferred_username: user.userPrincipalName,
  };
}
