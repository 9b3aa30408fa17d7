import type { Adapter } from 'oidc-provider';
import { createBoundedMap } from '../bounded-map.ts';

/**
 * What an emulated tenant remembers (grants, refresh tokens, codes, sessions), in memory and bounded.
 * It outlives the provider object, which is made anew when signing keys roll.
 */
export function createTokenStore(): (model: string) => Adapter {
  const models = new Map<string, Adapter>();
  return (model) => {
    const known = models.get(model);
    if (known) return known;
    const adapter = createAdapter(model);
    models.set(model, adapter);
    return adapter;
  };
}

function createAdapter(model: string): Adapter {
  const stored = createBoundedMap<string, Record<string, unknown>>();
  return {
    // Lifetimes are judged by the provider, which must find an expired refresh token to call it expired.
    async upsert(id, payload) {
      stored.set(id, payload);
    },
    async find(id) {
      return id === undefined ? undefined : stored.get(id);
    },
    async findByUid(uid) {
      return [...stored.values()].find((payload) => payload['uid'] === uid);
    },
    async findByUserCode() {
      return undefined;
    },
    async consume(id) {
      // At Entra ID a refresh token stays valid after use (https://learn.microsoft.com/entra/identity-platform/refresh-tokens). Never marking it as
      // consumed also keeps the provider's reuse detection from revoking the whole grant.
      const payload = stored.get(id);
      if (payload && model !== 'RefreshToken') payload['consumed'] = Math.floor(Date.now() / 1000);
    },
    async destroy(id) {
      stored.delete(id);
    },
    async revokeByGrantId(grantId) {
      for (const [id, payload] of stored) if (payload['grantId'] === grantId) stored.delete(id);
    },
  };
}
