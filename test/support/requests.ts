import { randomUUID } from 'node:crypto';
import type { Test } from 'supertest';
import type { TestGateway } from './gateway.ts';

/** A request that is valid in every field; a test names only what it changes. */
export const upgradeRequest = (changes: Record<string, unknown> = {}) => ({
  customerId: randomUUID(),
  productFamily: 'Azure',
  ...changes,
});

/** The path of a URL that the gateway gave, for a request to the gateway under test. */
export const pathOf = (url: string): string => new URL(url).pathname;

/** Requests that carry one caller's token. */
export function as(token: string, { api }: TestGateway) {
  const signed = (test: Test) => test.auth(token, { type: 'bearer' });
  return {
    order: (body: object = upgradeRequest()) => signed(api.post('/v1/product-upgrades')).send(body),
    getStatus: (upgradeId: string) => signed(api.get(`/v1/product-upgrades/${upgradeId}/status`)),
    getEligibility: (customerId: string, query = 'productFamily=Azure') =>
      signed(api.get(`/v1/customers/${customerId}/product-upgrade-eligibility?${query}`)),
    get: (path: string) => signed(api.get(path)),
    post: (path: string) => signed(api.post(path)),
  };
}
