import { z } from 'zod';
import { IdentityProviderUnavailableError } from '../errors.ts';
import type { HttpClient } from '../http-client.ts';

const endpoint = z.url({ protocol: /^https$/ });

// Everything that openid-client and the bearer strategy read; the rest of the document is handed on as it is.
const metadataDocument = z
  .object({
    issuer: endpoint,
    jwks_uri: endpoint,
    token_endpoint: endpoint,
    authorization_endpoint: endpoint,
  })
  .catchall(z.json());

/** A tenant's OpenID provider metadata (OpenID Connect Discovery 1.0, section 3). */
export type EntraMetadata = z.infer<typeof metadataDocument>;

const keySet = z.object({
  keys: z
    .array(z.looseObject({ kty: z.string(), kid: z.string().min(1), n: z.string(), e: z.string() }))
    .min(1)
    .max(100),
});

/** A tenant's public signing keys (RFC 7517). */
export type SigningKeySet = z.infer<typeof keySet>;

const callTimeoutMs = 5_000;

async function getJson<T>(http: HttpClient, url: string, schema: z.ZodType<T>): Promise<T> {
  try {
    const response = await http.get(url, {
      responseType: 'text',
      timeout: { request: callTimeoutMs },
      retry: { limit: 1 },
      headers: { accept: 'application/json' },
    });
    if (response.statusCode !== 200) throw new Error(`HTTP ${response.statusCode} from ${url}`);
    return schema.parse(JSON.parse(response.body));
  } catch (cause) {
    throw new IdentityProviderUnavailableError('Entra ID cannot be reached, or gives no usable answer.', {
      cause,
      retryAfterSeconds: 10,
    });
  }
}

/**
 * Fetches a tenant's metadata from `{authority}/{tenantId}/v2.0/.well-known/openid-configuration`.
 * @throws {IdentityProviderUnavailableError} Entra ID is down, slow, or answers something else than metadata
 */
export const fetchMetadata = (
  http: HttpClient,
  authority: string,
  tenantId: string,
): Promise<EntraMetadata> =>
  getJson(http, `${authority}/${tenantId}/v2.0/.well-known/openid-configuration`, metadataDocument);

/** Fetches the signing keys that the metadata names. Throws as `fetchMetadata` does. */
export const fetchSigningKeys = (http: HttpClient, metadata: EntraMetadata): Promise<SigningKeySet> =>
  getJson(http, metadata.jwks_uri, keySet);
