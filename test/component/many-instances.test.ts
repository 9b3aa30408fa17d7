import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { createPartnerCredentialParts } from '../../src/connect-partner.ts';
import { createHttpClient } from '../../src/http-client.ts';
import { loadSettings } from '../../src/settings.ts';
import { createConsentBrowser } from '../support/consent-browser.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { as } from '../support/requests.ts';

let time = Date.now();
let first: TestGateway;
let instances: readonly TestGateway[];
beforeAll(async () => {
  const now = () => time;
  first = await startTestGateway({ now });
  const { CREDENTIAL_STORE = '', CREDENTIAL_KEY = '' } = first.variables;
  const shared = {
    besides: first,
    now,
    hasCredential: false,
    variables: { CREDENTIAL_STORE, CREDENTIAL_KEY },
  };
  instances = [first, await startTestGateway(shared), await startTestGateway(shared)];
});
afterAll(async () => {
  for (const instance of instances.toReversed()) await instance.stop();
});

const redemptions = () =>
  first.emulator.entra.requests().filter(({ grantType }) => grantType === 'refresh_token').length;

it('three gateways on one store that renew at the same time: each race costs a call, and no credential', async () => {
  const token = await first.emulator.entra.issueCallerToken({ user: 'alice' });
  for (const instance of instances) expect((await as(token, instance).order()).status).toBe(202);
  const rounds = 15;
  for (let round = 0; round < rounds; round += 1) {
    const before = redemptions();
    time += 2 * 3_600_000; // all three need a new token
    const responses = await Promise.all(
      Array.from({ length: 9 }, (_, index) => as(token, instances[index % 3] ?? first).order()),
    );
    expect(responses.map(({ status }) => status)).toEqual(Array(9).fill(202));
    expect(redemptions() - before).toBeLessThanOrEqual(3); // one for each instance, however many called
  }
  // What the races have left in the store works.
  const { store, redeem } = createPartnerCredentialParts(
    loadSettings({ variables: first.variables }),
    createHttpClient(),
    () => time,
  );
  const stored = await store.load();
  expect(stored?.current.issuedAt).toBe(time);
  await expect(redeem(stored?.current.refreshToken ?? '')).resolves.toBeDefined();
  for (const instance of instances)
    expect(instance.logLines().filter((line) => line['alarm'] !== undefined)).toEqual([]);
});

it('a thousand callers at one gateway cause one redemption', async () => {
  const token = await first.emulator.entra.issueCallerToken({ user: 'bob' });
  const bob = as(token, first);
  const customers = Array.from({ length: 1000 }, () => crypto.randomUUID());
  await bob.getEligibility(crypto.randomUUID());
  time += 2 * 3_600_000;
  const before = redemptions();
  const responses = await Promise.all(customers.map((customerId) => bob.getEligibility(customerId)));
  expect(new Set(responses.map(({ status }) => status))).toEqual(new Set([200]));
  expect(redemptions() - before).toBe(1);
}, 60_000);

it('a consent at one gateway ends at once what the doctors of the others say of the one before it', async () => {
  const [other = first, consenting = first] = instances;
  const { partnerCenter, entra } = first.emulator;
  const alice = as(await entra.issueCallerToken({ user: 'alice' }), other);
  const token = await entra.issueCallerToken({ user: 'admin' });
  await alice.order();
  time += 2 * 60_000; // no look into the store is held back
  partnerCenter.next('mfa-required');
  expect((await alice.order()).body.code).toBe('partner_mfa_required');
  const doctor = () => as(token, other).get('/v1/partner-consent');
  expect((await doctor()).body.state).toBe('consentRequired');
  time += 1_000;
  const { body } = await as(token, consenting).post('/v1/partner-consent');
  const callback = await createConsentBrowser().signIn(body.authorizationUrl, 'ada');
  expect((await consenting.api.get(`${callback.pathname}${callback.search}`)).status).toBe(200);
  expect((await doctor()).body.state).toBe('connected');
});
