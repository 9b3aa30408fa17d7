import type { IncomingMessage } from 'node:http';
import type { Context, OIDCProviderError, Provider } from 'oidc-provider';
import { aadstsBody, statusOf, toTokenFailure } from './aadsts.ts';
import { v1Issuer } from './access-token-claims.ts';

export interface WireParts {
  provider: Provider;
  tenantId: string;
  authority: string;
  onTokenRequest(request: IncomingMessage, grantType: string): void;
  /** Told every value of a token request and its answer that nobody else may see. */
  onSecret(secret: string): void;
}

const secretFields = [
  'access_token',
  'refresh_token',
  'id_token',
  'code',
  'code_verifier',
  'client_secret',
  'client_assertion',
];

/** The provider's own paths of metadata; the v1 document is served from the one that Entra ID has no use for. */
export const metadataPaths = {
  v2: '/.well-known/openid-configuration',
  v1: '/.well-known/oauth-authorization-server',
} as const;

/** Koa middleware around the provider that makes its answers look like Entra ID's. */
export function entraWire(parts: WireParts): (context: Context, next: () => Promise<void>) => Promise<void> {
  const faults = new WeakMap<Context, OIDCProviderError>();
  const remember = (context: Context, error: OIDCProviderError) => void faults.set(context, error);
  parts.provider.on('grant.error', remember);
  parts.provider.on('server_error', remember);

  return async function toEntra(context, next) {
    await next();
    if (context.path === metadataPaths.v2 || context.path === metadataPaths.v1) shapeMetadata(context, parts);
    else if (context.path.endsWith('/token')) shapeTokenAnswer(context, faults.get(context), parts);
    else if (context.path.endsWith('/discovery/v2.0/keys')) shapeKeys(context);
    else if (context.path.includes('/authorize')) dropIssuerParameter(context);
  };
}

function shapeMetadata(context: Context, { tenantId, authority }: WireParts): void {
  const { authorization_response_iss_parameter_supported: _, ...document } = toRecord(context.body);
  context.body = {
    ...document,
    ...(context.path === metadataPaths.v1 ? { issuer: v1Issuer(tenantId) } : {}),
    id_token_signing_alg_values_supported: ['RS256'],
    tenant_region_scope: 'EU',
    cloud_instance_name: new URL(authority).host,
  };
}

/** Entra ID's keys name themselves by certificate thumbprint twice, and no algorithm. */
function shapeKeys(context: Context): void {
  const { keys } = toRecord(context.body);
  if (!Array.isArray(keys)) return;
  context.body = {
    keys: keys.map((key: unknown) => {
      const { alg: _, ...jwk } = toRecord(key);
      return { ...jwk, x5t: jwk['kid'] };
    }),
  };
}

function shapeTokenAnswer(context: Context, fault: OIDCProviderError | undefined, parts: WireParts): void {
  const grantType = context.oidc?.body?.['grant_type'];
  if (typeof grantType === 'string') parts.onTokenRequest(context.req, grantType);
  for (const record of [toRecord(context.oidc?.body), toRecord(context.body)])
    for (const field of secretFields) {
      const secret = record[field];
      if (typeof secret === 'string') parts.onSecret(secret);
    }
  if (fault) {
    const failure = toTokenFailure(fault);
    context.body = aadstsBody(failure, failure.code === 90033 ? fault.message : undefined);
    context.status = statusOf(failure);
    return;
  }
  if (context.status !== 200) return;
  const body = toRecord(context.body);
  context.body = { ...body, ext_expires_in: body['expires_in'] };
}

/** RFC 9207's `iss` is added by the provider; Entra ID does not know it. */
function dropIssuerParameter(context: Context): void {
  const location = context.response.get('Location');
  if (!URL.canParse(location)) return;
  const url = new URL(location);
  if (!url.searchParams.has('iss')) return;
  url.searchParams.delete('iss');
  context.set('Location', url.href);
}

function toRecord(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}
