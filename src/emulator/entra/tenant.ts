import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Provider } from 'oidc-provider';
import type { EmulatedUser } from '../identities.ts';
import { createSigningKey, type SigningKey } from './signing-keys.ts';
import type { TenantDefinition } from './tenant-definition.ts';
import { createTenantProvider, type TenantProviderParts } from './tenant-provider.ts';
import { createTokenStore } from './token-store.ts';

/** A tenant of the emulated Entra ID: a certified OpenID provider at Entra's paths. */
export interface Tenant {
  tenantId: string;
  users: readonly EmulatedUser[];
  provider(): Provider;
  handle(request: IncomingMessage, response: ServerResponse): void;
  currentKey(): SigningKey;
  /** All keys there were, newest first: for a resource that cached them. */
  knownKeys(): readonly SigningKey[];
  /** A new key; the old one is no longer published. Grants and refresh tokens stay. */
  rollKeys(): Promise<void>;
}

const keysRemembered = 20;

/** Makes a tenant with a signing key of its own; nothing of it outlives the process. */
export async function createTenant(
  definition: TenantDefinition,
  parts: TenantProviderParts,
): Promise<Tenant> {
  const store = createTokenStore();
  // Registered in the store rather than in the provider's settings: those it copies with structuredClone, whose
  // objects a test runner's sandbox does not recognise as its own, and a client's key set would be refused.
  for (const client of definition.clients) await store('Client').upsert(client.client_id, { ...client });
  const cookieKeys = [randomBytes(32).toString('base64url')];
  let keys = [await createSigningKey()];
  let current = build();

  function build() {
    const provider = createTenantProvider(definition, parts, {
      adapter: store,
      cookies: { keys: cookieKeys, names: cookieNames(definition.tenantId) },
      keyId: currentKey().kid,
      jwks: { keys: [toJwk(currentKey())] },
    });
    return { provider, callback: provider.callback() };
  }
  function currentKey(): SigningKey {
    const [key] = keys;
    if (!key) throw new Error('a tenant always has a signing key');
    return key;
  }

  return {
    tenantId: definition.tenantId,
    users: definition.users,
    provider: () => current.provider,
    handle: (request, response) => void current.callback(request, response),
    currentKey,
    knownKeys: () => keys,
    async rollKeys() {
      keys = [await createSigningKey(), ...keys].slice(0, keysRemembered);
      // The provider's keys are fixed when it is made. What it stored lives outside of it, so a new one takes over.
      current = build();
    },
  };
}

/** Both tenants live on one host, so their cookies need names of their own. */
function cookieNames(tenantId: string): Record<string, string> {
  const prefix = `entra_${tenantId.slice(0, 8)}`;
  return { session: `${prefix}_session`, interaction: `${prefix}_interaction`, resume: `${prefix}_resume` };
}

function toJwk({ privateKey, kid }: SigningKey): Record<string, unknown> {
  return { ...privateKey.export({ format: 'jwk' }), kid, use: 'sig', alg: 'RS256' };
}
