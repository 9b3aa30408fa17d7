import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { OrderedFailure } from '../../src/emulator/entra/entra-controls.ts';
import { callers, partnerUsers } from '../../src/emulator/identities.ts';
import { createConsentBrowser } from '../support/consent-browser.ts';
import { type LogLine, startTestGateway, type TestGateway } from '../support/gateway.ts';
import { as } from '../support/requests.ts';

let time = Date.now();
let started: TestGateway;
let admin: ReturnType<typeof as>;
beforeAll(async () => {
  started = await startTestGateway({ hasCredential: false, now: () => time });
  admin = as(await started.emulator.entra.issueCallerToken({ user: 'admin' }), started);
});
afterAll(() => started.stop());
beforeEach(() => {
  started.emulator.partnerCenter.reset();
  time = Math.max(time, Date.now());
});

const callbackPath = '/v1/partner-consent/callback';
const askedBy = {
  tenantId: callers.admin.tenantId,
  objectId: callers.admin.objectId,
  applicationId: expect.any(String),
};

/** Begins consent, signs in, and returns what the browser comes back with. */
async function signIn(user: string): Promise<URL> {
  const { body } = await admin.post('/v1/partner-consent');
  return createConsentBrowser().signIn(body.authorizationUrl, user);
}
const comeBack = (callback: URL, to: TestGateway = started) =>
  to.api.get(`${callback.pathname}${callback.search}`);
const getState = async () => (await admin.get('/v1/partner-consent')).body;
const lastAudit = (of: TestGateway = started): LogLine | undefined =>
  of.logLines().findLast((line) => line['audit'] === true);

async function expectRefused(callback: URL, reason: string, { status = 400, says = '' } = {}) {
  const before = await getState();
  const page = await comeBack(callback);
  expect(page.status).toBe(status);
  expect(page.type).toBe('text/html');
  expect(page.text).toContain('What to do');
  expect(page.text).toContain(says);
  expect(lastAudit()).toMatchObject({ event: 'consent.refused', reason, correlationId: expect.any(String) });
  const after = await getState();
  expect(after.connectedSince).toBe(before.connectedSince);
  expect(after.lastRenewedAt).toBe(before.lastRenewedAt);
  return page;
}

describe('a consent that is granted', () => {
  it('connects the partner: begin, sign in with MFA, come back', async () => {
    expect(await getState()).toMatchObject({ state: 'consentRequired', whatToDo: expect.any(String) });
    const begun = await admin.post('/v1/partner-consent');
    expect(begun.status).toBe(200);
    expect(Date.parse(begun.body.expiresAt) - time).toBe(600_000);
    const callback = await createConsentBrowser().signIn(begun.body.authorizationUrl, 'ada');
    expect(`${callback.origin}${callback.pathname}`).toBe(`https://upgrades.example.test${callbackPath}`);

    const page = await comeBack(callback);
    expect(page.status).toBe(200);
    expect(page.text).toContain('Connected');
    expect(page.text).toContain(partnerUsers.ada.userPrincipalName);
    expect(page.headers['content-security-policy']).toMatch(/default-src 'none'.*style-src 'self'/);
    expect(page.headers['cache-control']).toBe('no-store');
    expect(page.headers['referrer-policy']).toBe('no-referrer');
    expect(page.text).not.toMatch(/<style|<script|style=|onload=/);

    expect(await getState()).toMatchObject({
      state: 'connected',
      connectedAs: partnerUsers.ada.userPrincipalName,
      connectedSince: new Date(time).toISOString(),
      hasMfa: true,
      partnerCenter: { answer: 'accepted', isMfaCompliant: true },
    });
    const ordered = await as(
      await started.emulator.entra.issueCallerToken({ user: 'alice' }),
      started,
    ).order();
    expect(ordered.status).toBe(202);
  });

  it('counts though the clock of the instance is behind the one that renewed last', async () => {
    const callback = await signIn('ada');
    time -= 60_000;
    expect((await comeBack(callback)).status).toBe(200);
    time += 60_000;
  });

  it('outlasts a passing fault of Partner Center', async () => {
    await getState();
    const callback = await signIn('ada');
    started.emulator.partnerCenter.next('server-error', { operation: 'profile' });
    expect((await comeBack(callback)).status).toBe(200);
  });

  it('is audited with who asked, who signed in and the correlation ids', async () => {
    const before = started.logLines().length;
    const callback = await signIn('ada');
    const page = await comeBack(callback).set('MS-CorrelationId', '0b6f6f4c-2d0b-4b0e-9a3e-6a1a5f6c7d8e');
    expect(page.status).toBe(200);
    const audits = started
      .logLines()
      .slice(before)
      .filter((line) => line['audit'] === true);
    expect(audits).toEqual([
      expect.objectContaining({ event: 'consent.begun', askedBy }),
      expect.objectContaining({
        event: 'consent.granted',
        askedBy,
        connectedAs: partnerUsers.ada.userPrincipalName,
        correlationId: '0b6f6f4c-2d0b-4b0e-9a3e-6a1a5f6c7d8e',
      }),
    ]);
    expect(audits[0]?.['consentId']).toBe(audits[1]?.['consentId']);
  });

  it('asks for a fresh sign-in with PKCE, a nonce and offline access, and sends no secret along', async () => {
    const { body } = await admin.post('/v1/partner-consent');
    const { searchParams } = new URL(body.authorizationUrl);
    expect(Object.fromEntries(searchParams)).toMatchObject({
      response_type: 'code',
      code_challenge_method: 'S256',
      prompt: 'login',
      scope: expect.stringMatching(/openid .*offline_access .*user_impersonation/),
      nonce: expect.stringMatching(/^[\w-]{43}$/),
      state: expect.stringMatching(/^[\w-]{43}$/),
    });
    expect(searchParams.get('client_secret')).toBeNull();
  });

  it('may begin at one instance and come back to another; the first one uses it as well', async () => {
    const { CREDENTIAL_STORE, CREDENTIAL_KEY, DATABASE_URL } = started.variables;
    const variables = { CREDENTIAL_STORE, CREDENTIAL_KEY, DATABASE_URL } as Record<string, string>; // all three are set
    const other = await startTestGateway({ besides: started, variables, hasCredential: false });
    const callback = await signIn('ada');
    const page = await comeBack(callback, other);
    expect(page.status).toBe(200);
    expect(lastAudit(other)).toMatchObject({ event: 'consent.granted', askedBy });
    expect(Date.parse((await getState()).connectedSince)).toBeGreaterThan(time - 60_000);
    await other.stop();
  });
});

/** Faults of Partner Center that the check of the token meets twice before it gives up. */
const retried: readonly string[] = ['reset-before-accept', 'timeout-before-accept'];

describe('a consent that is refused changes nothing, says why and is audited', () => {
  it('when the account belongs to another tenant', async () => {
    const page = await expectRefused(await signIn('eve'), 'wrongTenant', { says: 'another tenant' });
    expect(page.text).toContain('admin agent');
  });

  it('when the sign-in had no MFA', async () => {
    await expectRefused(await signIn('nora'), 'mfaMissing', { says: 'second factor' });
  });

  it('when the person declines', async () => {
    await expectRefused(await signIn(''), 'declined', { says: 'declined' });
  });

  it('when the callback is replayed', async () => {
    const callback = await signIn('ada');
    expect((await comeBack(callback)).status).toBe(200);
    await expectRefused(callback, 'replayed', { says: 'used already' });
  });

  it('when two browsers come back with one sign-in at the same time: one of them is taken', async () => {
    const callback = await signIn('ada');
    const statuses = (await Promise.all([comeBack(callback), comeBack(callback)])).map(
      ({ status }) => status,
    );
    expect(statuses.sort()).toEqual([200, 400]);
  });

  it('when nobody here has begun it', async () => {
    const callback = await signIn('ada');
    callback.searchParams.set('state', 'A'.repeat(43));
    await expectRefused(callback, 'unknown', { says: 'not known' });
  });

  it('when it comes back after more than ten minutes', async () => {
    const callback = await signIn('ada');
    time += 600_001;
    await expectRefused(callback, 'expired', { says: 'ten minutes' });
    time += 3_600_001; // long over: it is not even remembered
    await signIn('ada');
    await expectRefused(callback, 'unknown');
  });

  it('when the code was tampered with', async () => {
    const callback = await signIn('ada');
    callback.searchParams.set('code', `${callback.searchParams.get('code')}x`);
    await expectRefused(callback, 'signInFailed');
  });

  it('when the code of another sign-in is put into it (PKCE)', async () => {
    const [mine, theirs] = [await signIn('ada'), await signIn('ada')];
    mine.searchParams.set('code', theirs.searchParams.get('code') ?? '');
    await expectRefused(mine, 'signInFailed');
  });

  it.each([
    '',
    '?state=short&code=abc',
    `?state=${'A'.repeat(43)}`,
    `?state=${'A'.repeat(43)}&code=a&code=b`,
    `?state=${'A'.repeat(43)}&state=${'B'.repeat(43)}&code=a`,
    `?state=${'A'.repeat(43)}&code=a&error=access_denied`,
    `?state=${encodeURIComponent('<script>alert(1)</script>')}&code=a`,
  ])('when it is no answer of a sign-in: %s', async (query) => {
    const page = await expectRefused(new URL(`https://gateway${callbackPath}${query}`), 'malformed');
    expect(page.text).not.toContain('<script>alert');
  });

  it('when Entra ID reports an error in words that nobody should see', async () => {
    const { body } = await admin.post('/v1/partner-consent');
    const state = new URL(body.authorizationUrl).searchParams.get('state') ?? '';
    const callback = new URL(`https://gateway${callbackPath}`);
    callback.search = String(
      new URLSearchParams({
        state,
        error: 'interaction_required',
        error_description: 'AADSTS53003: <b>internal words</b> Trace ID: 1',
      }),
    );
    const page = await expectRefused(callback, 'signInFailed', { says: 'Conditional Access' });
    expect(page.text).not.toContain('internal words');
  });

  it.each<{ failure: OrderedFailure; reason: string; status: number; says: string }>([
    {
      failure: { error: 'invalid_client', code: 7000222 },
      reason: 'signInFailed',
      status: 400,
      says: 'expired',
    },
    {
      failure: { error: 'invalid_grant', code: 50076 },
      reason: 'mfaMissing',
      status: 400,
      says: 'multi-factor',
    },
    {
      failure: { error: 'temporarily_unavailable', code: 90033, status: 503 },
      reason: 'unavailable',
      status: 503,
      says: 'Wait',
    },
  ])('when the code is not exchanged: $failure.code', async ({ failure, reason, status, says }) => {
    const callback = await signIn('ada');
    started.emulator.entra.next(failure);
    await expectRefused(callback, reason, { status, says });
  });

  it.each([
    { scenario: 'mfa-required', reason: 'mfaMissing', status: 400 },
    { scenario: 'forbidden', reason: 'partnerCenterRefused', status: 400 },
    { scenario: 'throttled', reason: 'unavailable', status: 503 },
    { scenario: 'reset-before-accept', reason: 'unavailable', status: 503 },
    { scenario: 'timeout-before-accept', reason: 'unavailable', status: 503 },
  ] as const)(
    'when Partner Center does not accept the token: $scenario',
    async ({ scenario, reason, status }) => {
      await getState(); // so that no other question of the gateway's meets the scenario
      const callback = await signIn('ada');
      started.emulator.partnerCenter.next(scenario, {
        operation: 'profile',
        times: retried.includes(scenario) ? 2 : 1,
      });
      await expectRefused(callback, reason, { status });
    },
  );

  it('a look by HEAD, as of a mail scanner, does not use the sign-in up', async () => {
    const callback = await signIn('ada');
    const looked = await started.api.head(`${callback.pathname}${callback.search}`);
    expect(looked.status).toBe(405);
    expect((await comeBack(callback)).status).toBe(200);
  });
});

describe('who may manage consent', () => {
  it.each(['get', 'post'] as const)('%s needs a token', async (method) => {
    const response = await started.api[method]('/v1/partner-consent');
    expect(response.status).toBe(401);
  });

  it.each(['get', 'post'] as const)('%s needs the permission PartnerConsent.Manage', async (method) => {
    const alice = as(await started.emulator.entra.issueCallerToken({ user: 'alice' }), started);
    const response = await alice[method]('/v1/partner-consent');
    expect(response.status).toBe(403);
    expect(response.headers['www-authenticate']).toContain('scope="PartnerConsent.Manage"');
  });

  it('an application needs the app role', async () => {
    const token = await started.emulator.entra.issueCallerToken({ role: 'PartnerConsent.Manage.All' });
    expect((await as(token, started).get('/v1/partner-consent')).status).toBe(200);
  });

  it('nothing else is answered there', async () => {
    const response = await started.api
      .delete('/v1/partner-consent')
      .auth(await started.emulator.entra.issueCallerToken({ user: 'admin' }), { type: 'bearer' });
    expect(response.status).toBe(405);
    expect(response.headers['allow']).toBe('GET, HEAD, POST');
    expect((await started.api.post(callbackPath)).status).toBe(405);
  });

  it('when Entra ID is down, consent cannot begin: 503', async () => {
    started.emulator.entra.outage('server-error');
    const response = await admin.post('/v1/partner-consent');
    started.emulator.entra.outage('none');
    expect([response.status, response.body.code]).toEqual([503, 'identity_provider_unavailable']);
  });
});
