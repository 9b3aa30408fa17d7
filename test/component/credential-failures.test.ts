import { readFile, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import supertest from 'supertest';
import type { OrderedFailure } from '../../src/emulator/entra/entra-controls.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { as, upgradeRequest } from '../support/requests.ts';
import { until } from '../support/until.ts';

let time = Date.now();
let started: TestGateway;
let alice: ReturnType<typeof as>;
let admin: ReturnType<typeof as>;
beforeAll(async () => {
  started = await startTestGateway({ now: () => time });
  alice = as(await started.emulator.entra.issueCallerToken({ user: 'alice' }), started);
  admin = as(await started.emulator.entra.issueCallerToken({ user: 'admin' }), started);
});
afterAll(() => started.stop());

/** The access token has expired, and the one that is asked for next does not come. */
beforeEach(async () => {
  started.emulator.entra.outage('none');
  started.emulator.partnerCenter.reset();
  time += 2 * 60_000; // no hold-off is left
  expect((await alice.order()).status).toBe(202);
  time += 2 * 3_600_000;
});

const redemptions = () =>
  started.emulator.entra.requests().filter(({ grantType }) => grantType === 'refresh_token').length;
const alarmsSince = (before: number) =>
  started
    .logLines()
    .slice(before)
    .filter((line) => line['alarm'] === 'partner_credential_not_renewed');
const getMetric = async (pattern: RegExp): Promise<number> => {
  const { text } = await supertest(started.gateway.operationsUrl).get('/metrics');
  return Number(pattern.exec(text)?.[1]);
};

interface Expected {
  readonly failure: OrderedFailure;
  readonly status: number;
  readonly code: string;
  readonly state: string;
  readonly outcome: string;
  readonly says: RegExp;
  readonly level?: string;
}
const consent = {
  status: 503,
  code: 'partner_consent_required',
  state: 'consentRequired',
  outcome: 'consentRequired',
};
const mfa = { status: 503, code: 'partner_mfa_required', state: 'consentRequired', outcome: 'mfaRequired' };
const operator = {
  status: 502,
  code: 'upstream_rejected',
  state: 'operatorRequired',
  outcome: 'operatorRequired',
};
const down = {
  status: 503,
  code: 'identity_provider_unavailable',
  state: 'unreachable',
  outcome: 'unreachable',
};
const grant = (code: number): OrderedFailure => ({ error: 'invalid_grant', code });

const failures: readonly Expected[] = [
  { failure: grant(700082), ...consent, says: /90 days/ },
  { failure: grant(70008), ...consent, says: /not used/ },
  { failure: grant(50173), ...consent, says: /password/ },
  { failure: grant(65001), ...consent, says: /no consent/ },
  { failure: grant(53003), ...consent, says: /Conditional Access/ },
  { failure: grant(70043), ...consent, says: /sign-in frequency/ },
  { failure: grant(50076), ...mfa, says: /multi-factor/ },
  { failure: { error: 'interaction_required', code: 50076 }, ...mfa, says: /multi-factor/ },
  { failure: grant(50079), ...mfa, says: /second factor/ },
  { failure: grant(50078), ...mfa, says: /MFA/ },
  { failure: { error: 'invalid_client', code: 7000215 }, ...operator, says: /secret is wrong/ },
  { failure: { error: 'invalid_client', code: 7000222 }, ...operator, says: /secret has expired/ },
  {
    failure: { error: 'unauthorized_client', code: 700016 },
    ...operator,
    says: /does not know the application/,
  },
  {
    failure: { error: 'temporarily_unavailable', code: 90033 },
    ...down,
    says: /passing/,
    level: 'warn',
  },
];

describe('what a failure of the partner credential looks like from everywhere', () => {
  it.each(failures)('$failure.error $failure.code', async (expected) => {
    const { failure, status, code, state, outcome, says, level = 'error' } = expected;
    const lines = started.logLines().length;
    const asked = redemptions();
    const counter = new RegExp(`renewals_total\\{outcome="${outcome}"\\} (\\d+)`);
    const counted = await getMetric(counter);
    started.emulator.entra.next(failure, 2); // the credential before the current one is tried once, too

    // The caller.
    const response = await alice.order();
    expect([response.status, response.body.code]).toEqual([status, code]);
    expect(response.body.detail).toMatch(says);
    expect(response.body.upstream.code).toBe(`AADSTS${failure.code}`);
    // The doctor.
    const { body } = await admin.get('/v1/partner-consent');
    expect(body).toMatchObject({ state, failureCode: `AADSTS${failure.code}`, detail: response.body.detail });
    expect(body.whatToDo.length).toBeGreaterThan(20);
    // Readiness: degraded and still in service.
    const ready = await started.api.get('/health/ready');
    expect(ready.status).toBe(200);
    expect(ready.body.checks.partnerCredential.status).toBe('degraded');
    expect(ready.body.checks.partnerCredential.detail).toMatch(says);
    // The log: once, at the level that says whether a person must act.
    expect(alarmsSince(lines)).toEqual([expect.objectContaining({ level, kind: outcome })]);
    // The metrics.
    expect(await getMetric(new RegExp(`credential_state\\{state="${state}"\\} (\\d)`))).toBe(1);
    expect(await getMetric(counter)).toBeGreaterThan(counted);

    // Nobody hammers: many callers within the minute lead to no other attempt.
    const attempts = redemptions() - asked;
    expect(attempts).toBeLessThanOrEqual(2);
    time += 1_000;
    await Promise.all(Array.from({ length: 20 }, () => alice.order()));
    expect(redemptions() - asked).toBe(attempts);
    // What is left of the ordered failures is used up, for the next test.
    for (let rest = 0; rest < 3; rest += 1) {
      time += 61_000;
      await alice.order();
    }
  });

  it.each(['refuse-connections', 'server-error', 'not-json'] as const)(
    'Entra ID down (%s): the cached token is served to its end, then 503 with Retry-After',
    async (kind) => {
      expect((await alice.order()).status).toBe(202); // a new token, for an hour
      started.emulator.entra.outage(kind);
      time += 56 * 60_000;
      expect((await alice.order()).status).toBe(202);
      expect((await started.api.get('/health/ready')).status).toBe(200);
      time += 5 * 60_000;
      const response = await alice.order();
      expect([response.status, response.body.code]).toEqual([503, 'identity_provider_unavailable']);
      expect(response.headers['retry-after']).toMatch(/^\d+$/);
      expect((await admin.get('/v1/partner-consent')).body).toMatchObject({ state: 'unreachable' });
      started.emulator.entra.outage('none');
      time += 61_000;
      expect((await alice.order()).status).toBe(202);
      expect((await admin.get('/v1/partner-consent')).body).toMatchObject({ state: 'connected' });
    },
  );

  it('readiness answers in time, and keeps the gateway in service, while Entra ID never does', async () => {
    started.emulator.entra.outage('never-answers');
    const waiting = await startTestGateway({ besides: started });
    const first = await waiting.api.get('/health/ready'); // not ready: it cannot know its callers yet
    expect(first.body.checks.callerKeys.status).toBe('failing');
    expect(first.body.checks.partnerCredential.status).toBe('degraded');
    expect((await started.api.get('/health/ready')).status).toBe(200);
    started.emulator.entra.outage('none');
    await waiting.stop();
  });
});

describe('Partner Center wants MFA', () => {
  it.each(['mfa-required', 'mfa-required-empty'] as const)(
    '%s: the caller hears partner_mfa_required, no token is redeemed, and the doctor says it for an hour',
    async (scenario) => {
      await alice.order();
      const asked = redemptions();
      started.emulator.partnerCenter.next(scenario, { times: 5 });
      for (let call = 0; call < 5; call += 1) {
        const response = await alice.order();
        expect([response.status, response.body.code]).toEqual([503, 'partner_mfa_required']);
      }
      expect(redemptions()).toBe(asked);
      const { body } = await admin.get('/v1/partner-consent');
      expect(body).toMatchObject({ state: 'consentRequired', partnerCenter: { answer: 'mfaRequired' } });
      expect(body.whatToDo).toContain('MFA');
      const ready = await started.api.get('/health/ready');
      expect([ready.status, ready.body.checks.partnerCredential.status]).toEqual([200, 'degraded']);
      time += 3_600_000;
      expect((await admin.get('/v1/partner-consent')).body.state).toBe('connected');
    },
  );

  it('a credential without MFA is told by its token and by Partner Center’s own answer', async () => {
    const weak = await startTestGateway({ besides: started, mfa: false });
    const caller = as(await started.emulator.entra.issueCallerToken({ user: 'alice' }), weak);
    const operatorOf = as(await started.emulator.entra.issueCallerToken({ user: 'admin' }), weak);
    const response = await caller.order();
    expect([response.status, response.body.code]).toEqual([503, 'partner_mfa_required']);
    expect((await operatorOf.get('/v1/partner-consent')).body).toMatchObject({
      state: 'consentRequired',
      hasMfa: false,
      partnerCenter: { answer: 'mfaRequired', isMfaCompliant: false },
    });
    await weak.stop();
  });
});

describe('a store that was damaged', () => {
  it('is told in its own words to those who may know, and nothing is begun until it is mended', async () => {
    const damaged = await startTestGateway({ besides: started, now: () => time });
    const caller = as(await started.emulator.entra.issueCallerToken({ user: 'alice' }), damaged);
    const manager = as(await started.emulator.entra.issueCallerToken({ user: 'admin' }), damaged);
    expect((await caller.order()).status).toBe(202);
    await until(() => damaged.logLines().some(({ msg }) => msg === 'Redeemed the partner credential'));
    const path = (damaged.variables['CREDENTIAL_STORE'] ?? '').replace('file:', '');
    const whole = await readFile(path);
    await writeFile(path, whole.subarray(0, 100));
    time += 2 * 3_600_000;

    const request = upgradeRequest();
    const refused = await caller.order(request);
    expect([refused.status, refused.body.code]).toEqual([502, 'upstream_rejected']);
    expect(refused.body.detail).toContain('Restore it from a backup');
    const records = await caller.get(`/v1/product-upgrades?customerId=${request.customerId}`);
    expect(records.body.items).toEqual([]);
    const begun = await manager.post('/v1/partner-consent');
    expect([begun.status, begun.body.detail]).toEqual([502, refused.body.detail]);
    const { body } = await manager.get('/v1/partner-consent');
    expect(body).toMatchObject({ state: 'operatorRequired', detail: refused.body.detail });
    const ready = await damaged.api.get('/health/ready');
    expect(ready.body.checks.partnerCredential.status).toBe('degraded');
    expect(ready.text).not.toContain(path);

    await writeFile(path, whole);
    time += 5_000;
    expect((await caller.order(request)).status).toBe(202);
    expect((await manager.get('/v1/partner-consent')).body).toMatchObject({ state: 'connected' });
    await damaged.stop();
  });
});

it('one customer’s odd refusal does not make the gateway look broken', async () => {
  started.emulator.partnerCenter.next('wrong-audience');
  expect((await alice.order()).body.code).toBe('upstream_rejected');
  expect((await admin.get('/v1/partner-consent')).body).toMatchObject({
    state: 'connected',
    partnerCenter: { answer: 'accepted' },
  });
});

it('the doctor asks Partner Center with ValidateMfa, once a minute however often it is asked', async () => {
  await Promise.all(Array.from({ length: 5 }, () => admin.get('/v1/partner-consent')));
  const asked = () =>
    started.emulator.partnerCenter.requests().filter(({ operation }) => operation === 'profile');
  expect(asked()).toHaveLength(1);
  expect(asked()[0]?.headers).toMatchObject({ validatemfa: 'true' });
  time += 61_000;
  await admin.get('/v1/partner-consent');
  expect(asked()).toHaveLength(2);
});

it('a refusal that is the operator’s is shown by the doctor', async () => {
  started.emulator.partnerCenter.next('wrong-audience', { operation: 'profile' });
  const { body } = await admin.get('/v1/partner-consent');
  expect(body).toMatchObject({ state: 'operatorRequired', partnerCenter: { answer: 'refused' } });
  expect(body.detail).toContain('PARTNER_CENTER_SCOPE');
});

it('Partner Center being down does not make the credential look broken', async () => {
  started.emulator.partnerCenter.next('server-error', { operation: 'profile', times: 2 });
  const { body } = await admin.get('/v1/partner-consent');
  expect(body).toMatchObject({ state: 'connected', partnerCenter: { answer: 'unreachable' } });
});

it('metrics are served on the operations port, and nothing else is', async () => {
  const operations = supertest(started.gateway.operationsUrl);
  const { text, status, headers } = await operations.get('/metrics');
  expect(status).toBe(200);
  expect(headers['content-type']).toMatch(/^text\/plain; version=0\.0\.4/);
  started.secrets.read('the metrics', text);
  const gauges = ['age_seconds', 'remaining_seconds', 'has_mfa'];
  for (const gauge of gauges)
    expect(text).toMatch(new RegExp(`^upgrade_gateway_partner_credential_${gauge} \\d`, 'm'));
  expect(text).toMatch(/^process_cpu_seconds_total/m);
  expect(text).toMatch(/^nodejs_eventloop_lag_seconds/m);
  expect(text).not.toContain('client_certificate_remaining_seconds 0');
  const elsewhere = await operations.get('/v1/product-upgrades');
  expect([elsewhere.status, elsewhere.body.code]).toEqual([404, 'not_found']);
  expect(elsewhere.headers['ms-requestid']).toBe(elsewhere.body.requestId);
  const posted = await operations.post('/metrics');
  expect([posted.status, posted.body.code, posted.headers['allow']]).toEqual([
    405,
    'method_not_allowed',
    'GET, HEAD',
  ]);
  expect((await started.api.get('/metrics')).status).toBe(404);
});

it('the search for secrets looks at something, and finds what is there', async () => {
  const { secrets, texts } = started.secrets.size();
  expect(secrets).toBeGreaterThanOrEqual(2);
  expect(texts).toBeGreaterThan(50);
});
