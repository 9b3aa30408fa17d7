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

const signingKey = z.object({
  kty: z.literal('RSA'),
  kid: z.string().min(1),
  x5t: z.string().optional(),
  use: z.literal('sig').optional(),
  n: z.base64url().min(342), // 2048 bits: what RS256 asks for at least (RFC 7518, section 3.3)
  e: z.base64url().min(1),
});

// RFC 7517, section 5: keys of other types or without what we need are ignored; they must not cost us the others.
const keySet = z.object({
  keys: z
    .array(z.unknown())
    .max(100)
    .transform((keys) => keys.flatMap((key) => signingKey.safeParse(key).data ?? []))
    .refine((keys) => keys.length > 0, 'holds no usable key'),
});

/** A tenant's public signing keys (RFC 7517): those that can verify RS256. */
export type SigningKeySet = z.infer<typeof keySet>;

const defaultTimeoutMs = 3_000;

async function getJson<T>(
  http: HttpClient,
  url: string,
  schema: z.ZodType<T>,
  timeoutMs = defaultTimeoutMs,
): Promise<T> {
  try {
    const response = await http.get(url, {
      responseType: 'text',
      timeout: { request: timeoutMs },
      retry: { limit: 1, backoffLimit: timeoutMs },
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
 * @param timeoutMs of one attempt; there are two
 * @throws {IdentityProviderUnavailableError} Entra ID is down, slow, or answers something else than metadata
 */
export const fetchMetadata = (
  http: HttpClient,
  authority: string,
  tenantId: string,
  timeoutMs?: number,
): Promise<EntraMetadata> =>
  getJson(
    http,
    `${authority}/${tenantId}/v2.0/.well-known/openid-configuration`,
    metadataDocument,
    timeoutMs,
  );

/** Fetches the signing keys that the metadata names. Throws as `fetchMetadata` does. */
export const fetchSigningKeys = (
  http: HttpClient,
  metadata: EntraMetadata,
  timeoutMs?: number,
): Promise<SigningKeySet> => getJson(http, metadata.jwks_uri, keySet, timeoutMs);
