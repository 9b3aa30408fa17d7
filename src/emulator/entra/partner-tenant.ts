import { X509Certificate } from 'node:crypto';
import { type Context, errors, type IssuedToken } from 'oidc-provider';
import {
  type EmulatedUser,
  gatewayIdentity,
  partnerApplicationObjectId,
  partnerClientId,
  partnerClientSecret,
  partnerTenantId,
  partnerUsers,
} from '../identities.ts';
import { applicationClaims, userClaims } from './access-token-claims.ts';
import { isLoopbackUri } from './redirect-uris.ts';
import { resourceServerInfo } from './resources.ts';
import type { TenantDefinition, TokenTimes } from './tenant-definition.ts';

/** The gateway's path for the browser that comes back from consenting. */
const callbackPath = '/v1/partner-consent/callback';
const users: readonly EmulatedUser[] = Object.values(partnerUsers);

export interface PartnerTenantOptions {
  authority: string;
  /** Redirect URIs besides any `http://localhost:*` and `http://127.0.0.1:*` with the gateway's callback path. */
  redirectUris: readonly string[];
  /** PEM of the application's certificate: it then proves itself with that instead of its secret. */
  clientCertificate: string | undefined;
}

/** The partner's tenant: the consented web application and the people who can consent. */
export function partnerTenant({
  authority,
  redirectUris,
  clientCertificate,
}: PartnerTenantOptions): TenantDefinition {
  const certificate = clientCertificate === undefined ? undefined : new X509Certificate(clientCertificate);
  return {
    tenantId: partnerTenantId,
    clients: [
      {
        client_id: partnerClientId,
        redirect_uris: [`http://localhost:8080${callbackPath}`],
        response_types: ['code'],
        grant_types: ['authorization_code', 'refresh_token', 'client_credentials'],
        ...(certificate ? certificateProof(certificate) : secretProof),
      },
      {
        client_id: gatewayIdentity.clientId,
        client_secret: gatewayIdentity.clientSecret,
        redirect_uris: [],
        response_types: [],
        grant_types: ['client_credentials'],
        token_endpoint_auth_method: 'client_secret_post',
      },
    ],
    checkAssertionHeader(header) {
      const isNamed = certificate !== undefined && header['x5t#S256'] === thumbprint(certificate);
      if (!isNamed) throw new errors.InvalidClientAuth('the certificate is not registered');
    },
    users,
    isRedirectUriAllowed: (uri) => isLoopbackUri(uri, callbackPath) || redirectUris.includes(uri),
    // Whatever precedes /user_impersonation: a wrong audience is for Partner Center to refuse.
    describeResource: (resource) => resourceServerInfo(resource, ['user_impersonation']),
    accessTokenClaims: (context, token, times) => claimsOf(authority, context, token, times),
  };
}

/** Both `client_secret_post` and `client_secret_basic` pass: the provider takes them as one. */
const secretProof = {
  client_secret: partnerClientSecret,
  token_endpoint_auth_method: 'client_secret_post',
} as const;

/** https://learn.microsoft.com/entra/identity-platform/certificate-credentials */
function certificateProof(certificate: X509Certificate) {
  const jwk = { ...certificate.publicKey.export({ format: 'jwk' }), use: 'sig' };
  return { jwks: { keys: [jwk] }, token_endpoint_auth_method: 'private_key_jwt' } as const;
}

function thumbprint(certificate: X509Certificate): string {
  return Buffer.from(certificate.fingerprint256.replaceAll(':', ''), 'hex').toString('base64url');
}

function claimsOf(
  authority: string,
  context: Context,
  token: IssuedToken,
  times: TokenTimes,
): Record<string, unknown> {
  const audience = token.resourceServer?.identifier();
  if (!audience) throw new errors.InvalidTarget();
  const frame = {
    authority,
    tenantId: partnerTenantId,
    // Partner Center's own registration takes v1 tokens.
    version: 1,
    audience,
    clientId: token.clientId,
    isConfidential: true,
    ...times,
  } as const;
  const user = users.find(({ objectId }) => objectId === token.accountId);
  const isGateway = token.clientId === gatewayIdentity.clientId;
  const objectId = isGateway ? gatewayIdentity.objectId : partnerApplicationObjectId;
  if (!user) return applicationClaims(frame, { objectId }, []);
  // How the user once signed in stays with the refresh token, and so with every access token that it yields.
  const { AuthorizationCode, RefreshToken } = context.oidc.entities;
  const methods = RefreshToken?.amr ?? AuthorizationCode?.amr ?? ['pwd'];
  return userClaims(frame, user, ['user_impersonation'], methods);
}
