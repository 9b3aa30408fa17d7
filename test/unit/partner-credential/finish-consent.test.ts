import { expect, it } from '@jest/globals';
import { createFinishConsent } from '../../../src/partner-credential/finish-consent.ts';
import type { ConsentEnd, ConsentSession } from '../../../src/partner-credential/ports.ts';
import { createFakeLog, createFakeStore } from '../../support/fake-entra.ts';

const session: ConsentSession = {
  consentId: 'consent-1',
  stateHash: 'hash',
  sealedSecrets: 'sealed',
  askedBy: { tenantId: 't', applicationId: 'a', objectId: 'o' },
  expiresAt: Date.now() + 60_000,
};

it('a fault that nobody expected leaves an audit line and an end, and is passed on', async () => {
  const log = createFakeLog();
  const ends: ConsentEnd[] = [];
  const fault = new TypeError('a bug');
  const unexpected = async () => Promise.reject(fault);
  const finish = createFinishConsent({
    sessions: {
      add: async () => undefined,
      take: async () => session,
      recordEnd: async (_hash, end) => void ends.push(end),
      findEnd: async () => undefined,
    },
    store: createFakeStore(),
    onGranted: async () => undefined,
    log,
    entra: { buildAuthorizationUrl: unexpected, exchangeCode: unexpected },
    seal: {
      seal: () => 'sealed',
      open: () => ({ codeVerifier: 'v', nonce: 'n' }),
    },
    checkAccess: async () => ({}),
    redirectUri: 'https://gateway.example.test/callback',
    partnerTenantId: 'partner',
  });
  const query = new URLSearchParams({ state: 's'.repeat(43), code: 'code' });
  await expect(finish(query, 'correlation-1')).rejects.toBe(fault);
  expect(log.lines).toEqual([
    {
      level: 'warn',
      facts: {
        audit: true,
        event: 'consent.refused',
        reason: 'failed',
        consentId: 'consent-1',
        askedBy: session.askedBy,
        correlationId: 'correlation-1',
      },
      message: 'Partner consent refused',
    },
  ]);
  expect(ends).toEqual([{ isGranted: false, reason: 'failed', detail: expect.stringContaining('log') }]);
});
