import { describe, expect, it } from '@jest/globals';
import { consentPage } from '../../../src/partner-credential/callback-page.ts';
import { createFinishConsent } from '../../../src/partner-credential/finish-consent.ts';
import type {
  AccessAnswer,
  ConsentEnd,
  ConsentSession,
  EntraSignIn,
  PartnerCredential,
} from '../../../src/partner-credential/ports.ts';
import { createFakeLog, createFakeStore } from '../../support/fake-entra.ts';

const session: ConsentSession = {
  consentId: 'consent-1',
  stateHash: 'hash',
  sealedSecrets: 'sealed',
  askedBy: { tenantId: 't', applicationId: 'a', objectId: 'o' },
  expiresAt: Date.now() + 60_000,
};
const partnerTenantId = 'a7d2c9f4-3e58-4c1b-b6a0-91e4d5f20c68';

const tokenWith = (claims: Record<string, unknown>) =>
  `header.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.signature`;

interface Start {
  readonly stored?: PartnerCredential;
  readonly exchangeCode?: EntraSignIn['exchangeCode'];
  /** Claims of the access token. */
  readonly claims?: Record<string, unknown>;
  readonly answer?: AccessAnswer;
}

/** Finishes a sign-in at which nobody says anything about MFA, unless a test does. */
function start({ stored, exchangeCode, claims = {}, answer = {} }: Start = {}) {
  const log = createFakeLog();
  const ends: ConsentEnd[] = [];
  const store = createFakeStore(stored && { current: stored });
  const signIn: EntraSignIn['exchangeCode'] = async () => ({
    accessToken: { token: tokenWith(claims), expiresOnTimestamp: Date.now() + 3_600_000 },
    refreshToken: 'granted',
    tenantId: partnerTenantId,
  });
  const finish = createFinishConsent({
    sessions: {
      add: async () => undefined,
      take: async () => session,
      recordEnd: async (_hash, end) => void ends.push(end),
      findEnd: async () => undefined,
    },
    store,
    onGranted: async () => undefined,
    log,
    entra: { buildAuthorizationUrl: async () => '', exchangeCode: exchangeCode ?? signIn },
    seal: {
      seal: () => 'sealed',
      open: () => ({ codeVerifier: 'v', nonce: 'n' }),
    },
    checkAccess: async () => answer,
    redirectUri: 'https://gateway.example.test/callback',
    partnerTenantId,
  });
  const query = new URLSearchParams({ state: 's'.repeat(43), code: 'code' });
  return { log, ends, store, finished: finish(query, 'correlation-1') };
}

it('a fault that nobody expected leaves an audit line and an end, and is passed on', async () => {
  const fault = new TypeError('a bug');
  const { log, ends, finished } = start({ exchangeCode: () => Promise.reject(fault) });
  await expect(finished).rejects.toBe(fault);
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

describe('a sign-in of which nobody says whether it had MFA', () => {
  const stored = (hasMfa?: boolean): PartnerCredential => ({
    refreshToken: 'stored',
    issuedAt: 1,
    consentedAt: 1,
    ...(hasMfa !== undefined && { hasMfa }),
  });

  it('does not replace a credential that is known to have it, and the page says what to do', async () => {
    const { finished, store, ends, log } = start({ stored: stored(true) });
    const refused = await finished;
    expect(refused).toMatchObject({ isGranted: false, reason: 'mfaUnknown' });
    expect(store.stored()).toEqual({ current: stored(true) });
    expect(ends).toMatchObject([{ isGranted: false, reason: 'mfaUnknown' }]);
    expect(log.lines).toMatchObject([{ facts: { audit: true, reason: 'mfaUnknown' } }]);
    const page = consentPage(refused, 'correlation-1');
    expect(page).toMatch(/not known whether.*second factor/);
    expect(page).toMatch(/administrator require MFA.*operator/);
  });

  it('replaces it where Partner Center says that it counts as MFA', async () => {
    const { finished, store } = start({ stored: stored(true), answer: { isMfaCompliant: true } });
    expect(await finished).toMatchObject({ isGranted: true, hasMfa: true });
    expect(store.stored()?.current).toMatchObject({ refreshToken: 'granted', hasMfa: true });
  });

  it('replaces it where Entra ID says so', async () => {
    const { finished } = start({ stored: stored(true), claims: { amr: ['pwd', 'mfa'] } });
    expect(await finished).toMatchObject({ isGranted: true, hasMfa: true });
  });

  it.each([undefined, false])('replaces one whose MFA is %s', async (hasMfa) => {
    const { finished, store } = start({ stored: stored(hasMfa) });
    expect(await finished).toMatchObject({ isGranted: true });
    expect(store.stored()?.current.refreshToken).toBe('granted');
  });

  it('is taken where there is none', async () => {
    expect(await start().finished).toMatchObject({ isGranted: true });
  });
});
