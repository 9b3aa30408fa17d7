import type { KeyObject, X509Certificate } from 'node:crypto';
import {
  AuthorizationResponseError,
  authorizationCodeGrant,
  buildAuthorizationUrl,
  type ClientAuth,
  ClientSecretPost,
  Configuration,
  calculatePKCECodeChallenge,
  clockTolerance,
  modifyAssertion,
  PrivateKeyJwt,
  ResponseBodyError,
  refreshTokenGrant,
  type ServerMetadata,
  type TokenEndpointResponse,
  type TokenEndpointResponseHelpers,
  WWWAuthenticateChallengeError,
} from 'openid-client';
import {
  GatewayError,
  IdentityProviderUnavailableError,
  PartnerConsentRequiredError,
  UpstreamRejectedError,
} from '../errors.ts';
import type { EntraSignIn, RedeemedTokens, RedeemRefreshToken } from './ports.ts';
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

/** The gateway's dealings with the partner tenant's Entra ID. */
export interface EntraTokenClient extends EntraSignIn {
  readonly redeem: RedeemRefreshToken;
}

/** Clocks of Entra ID and of this machine may be so far apart when an ID token is checked. */
const clockToleranceSeconds = 60;

/**
 * Redeems refresh tokens (RFC 6749, section 6) and carries out the authorization-code flow with PKCE and nonce
 * (RFC 7636; OpenID Connect Core 1.0, section 3.1) at the partner tenant.
 */
export function createEntraTokenClient({
  clientId,
  proof,
  scope,
  getMetadata,
  now = Date.now,
}: EntraTokenClientParts): EntraTokenClient {
  async function createConfiguration() {
    const metadata = await getMetadata();
    const client = { [clockTolerance]: clockToleranceSeconds };
    const configuration = new Configuration(metadata, clientId, client, toClientAuth(proof, metadata));
    configuration.timeout = callTimeoutSeconds;
    return configuration;
  }

  const toTokens = (
    tokens: TokenEndpointResponse & TokenEndpointResponseHelpers,
    refreshToken: string,
  ): RedeemedTokens => ({
    accessToken: {
      token: tokens.access_token,
      expiresOnTimestamp: now() + (tokens.expiresIn() ?? 3600) * 1000,
    },
    refreshToken,
  });

  return {
    async redeem(refreshToken) {
      try {
        const tokens = await refreshTokenGrant(await createConfiguration(), refreshToken, {
          scope: `${scope} offline_access`,
        });
        // Entra ID always sends a new one with offline_access; if it did not, the old one would stay valid.
        return toTokens(tokens, tokens.refresh_token ?? refreshToken);
      } catch (error) {
        throw await toFailure(error);
      }
    },

    async buildAuthorizationUrl(state, { codeVerifier, nonce }, redirectUri) {
      const url = buildAuthorizationUrl(await createConfiguration(), {
        redirect_uri: redirectUri,
        scope: `openid profile offline_access ${scope}`,
        state,
        nonce,
        code_challenge: await calculatePKCECodeChallenge(codeVerifier),
        code_challenge_method: 'S256',
        response_mode: 'query',
        // A sign-in of its own, so that its MFA is fresh: an older one may be "remembered" for only some days more.
        prompt: 'login',
      });
      return url.href;
    },

    async exchangeCode(callbackUrl, state, { codeVerifier, nonce }) {
      try {
        const tokens = await authorizationCodeGrant(await createConfiguration(), callbackUrl, {
          expectedState: state,
          expectedNonce: nonce,
          pkceCodeVerifier: codeVerifier,
        });
        if (!tokens.refresh_token)
          throw new UpstreamRejectedError(
            'Entra ID gave no refresh token: the operator must allow offline_access to the application.',
          );
        const tenantId = tokens.claims()?.['tid'];
        return {
          ...toTokens(tokens, tokens.refresh_token),
          ...(typeof tenantId === 'string' && { tenantId: tenantId.toLowerCase() }),
        };
      } catch (error) {
        throw await toSignInFailure(error);
      }
    },
  };
}

const hasCode = (error: unknown, codes: ReadonlySet<string>): boolean =>
  error instanceof Error && 'code' in error && codes.has(String(error.code));

/** oauth4webapi's codes for an answer whose content is not what was asked for: a forged, mixed-up or replayed one. */
const forgedAnswerCodes = new Set(['OAUTH_INVALID_RESPONSE', 'OAUTH_JWT_CLAIM_COMPARISON_FAILED']);
/** Its code for an ID token that is not valid at this machine's time. */
const wrongTimeCodes = new Set(['OAUTH_JWT_TIMESTAMP_CHECK_FAILED']);

/** A failure to exchange a code, where an answer that does not fit is one to another question. */
async function toSignInFailure(error: unknown): Promise<GatewayError> {
  if (!hasCode(error, forgedAnswerCodes)) return toFailure(error);
  return new PartnerConsentRequiredError(
    'The answer of the sign-in does not belong to the question: begin consent again.',
    { cause: error },
  );
}

async function toFailure(error: unknown): Promise<GatewayError> {
  if (error instanceof GatewayError) return error;
  if (error instanceof ResponseBodyError) return toCredentialFailure(error.error, error.cause, error.status);
  if (error instanceof AuthorizationResponseError)
    return toCredentialFailure(error.error, { error_description: error.error_description }, 400);
  if (error instanceof WWWAuthenticateChallengeError) {
    // The challenge hides the body, which says what is refused: a wrong secret, an expired one, or not the client at all.
    const body = await readBody(error.response);
    return toCredentialFailure(toErrorOf(body, error.status), body, error.status);
  }
  if (hasCode(error, wrongTimeCodes))
    return new UpstreamRejectedError(
      'The clock of the gateway’s machine is wrong, so that what Entra ID signs seems out of date: the operator must set it right (NTP).',
      { cause: error },
    );
  return new IdentityProviderUnavailableError('Entra ID cannot be reached, or gives no usable answer.', {
    cause: error,
    retryAfterSeconds: 10,
  });
}

/** RFC 6749, section 5.2: a challenge answers a client that was not authenticated, unless its body says otherwise. */
function toErrorOf({ error }: Readonly<Record<string, unknown>>, status: number): string {
  if (typeof error === 'string') return error;
  return status === 401 ? 'invalid_client' : 'unknown';
}

async function readBody(response: Response): Promise<Record<string, unknown>> {
  const body: unknown = await response.json().catch(() => undefined);
  return typeof body === 'object' && body !== null ? { ...body } : {};
}
