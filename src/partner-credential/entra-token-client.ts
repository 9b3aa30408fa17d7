import type { KeyObject, X509Certificate } from 'node:crypto';
import {
  type ClientAuth,
  ClientSecretPost,
  Configuration,
  modifyAssertion,
  PrivateKeyJwt,
  ResponseBodyError,
  refreshTokenGrant,
  type ServerMetadata,
  WWWAuthenticateChallengeError,
} from 'openid-client';
import { GatewayError, IdentityProviderUnavailableError, UpstreamRejectedError } from '../errors.ts';
import type { RedeemRefreshToken } from './ports.ts';
import { toCredentialFailure } from './token-failures.ts';

/** How the application proves itself to Entra ID. */
export type ClientProof =
  | { readonly clientSecret: string }
  | { readonly privateKey: KeyObject; readonly certificate: X509Certificate };

export interface EntraTokenClientParts {
  readonly clientId: string;
  readonly proof: ClientProof;
  /** What the access token is for; `offline_access` is added, so that a new refresh token comes with it. */
  readonly scope: string;
  /** The partner tenant's provider metadata, fetched when it is needed. */
  readonly getMetadata: () => Promise<ServerMetadata>;
  readonly now?: () => number;
}

const callTimeoutSeconds = 10;

/**
 * The client authentication for Entra ID. With a certificate it is an assertion signed with PS256 whose header names
 * the certificate by its SHA-256 thumbprint and whose audience is the token endpoint.
 * Source: https://learn.microsoft.com/entra/identity-platform/certificate-credentials
 */
function toClientAuth(proof: ClientProof, metadata: ServerMetadata): ClientAuth {
  if ('clientSecret' in proof) return ClientSecretPost(proof.clientSecret);
  const key = proof.privateKey.toCryptoKey({ name: 'RSA-PSS', hash: 'SHA-256' }, false, ['sign']);
  const thumbprint = Buffer.from(proof.certificate.fingerprint256.replaceAll(':', ''), 'hex').toString(
    'base64url',
  );
  return PrivateKeyJwt(key, {
    [modifyAssertion](header, payload) {
      header['x5t#S256'] = thumbprint;
      payload['aud'] = metadata.token_endpoint;
    },
  });
}

/** Redeems refresh tokens at the partner tenant's token endpoint (RFC 6749, section 6). */
export function createEntraTokenClient({
  clientId,
  proof,
  scope,
  getMetadata,
  now = Date.now,
}: EntraTokenClientParts): RedeemRefreshToken {
  async function createConfiguration() {
    const metadata = await getMetadata();
    const configuration = new Configuration(metadata, clientId, {}, toClientAuth(proof, metadata));
    configuration.timeout = callTimeoutSeconds;
    return configuration;
  }

  return async function redeem(refreshToken) {
    try {
      const tokens = await refreshTokenGrant(await createConfiguration(), refreshToken, {
        scope: `${scope} offline_access`,
      });
      return {
        accessToken: {
          token: tokens.access_token,
          expiresOnTimestamp: now() + (tokens.expiresIn() ?? 3600) * 1000,
        },
        // Entra ID always sends a new one with offline_access; if it did not, the old one would stay valid.
        refreshToken: tokens.refresh_token ?? refreshToken,
      };
    } catch (error) {
      throw toFailure(error);
    }
  };
}

function toFailure(error: unknown): GatewayError {
  if (error instanceof GatewayError) return error;
  if (error instanceof ResponseBodyError) return toCredentialFailure(error.error, error.cause, error.status);
  if (error instanceof WWWAuthenticateChallengeError)
    return new UpstreamRejectedError('Entra ID does not accept the gateway’s client secret or certificate.', {
      upstream: { status: error.status },
    });
  return new IdentityProviderUnavailableError('Entra ID cannot be reached, or gives no usable answer.', {
    cause: error,
    retryAfterSeconds: 10,
  });
}
