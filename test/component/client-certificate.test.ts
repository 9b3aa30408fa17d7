import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import supertest from 'supertest';
import { openCertificateAuthority, openServerCertificate } from '../../src/emulator/certificates.ts';
import { createConsentBrowser } from '../support/consent-browser.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { as } from '../support/requests.ts';

// The application proves itself with a certificate instead of a secret; the emulator checks the assertion's signature,
// audience and SHA-256 thumbprint, and knows no secret.

const dayMs = 86_400_000;
let folder: string;
let started: TestGateway;
let registered: { cert: string; key: string };
let time = Date.now();
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'client-certificate-'));
  const authority = await openCertificateAuthority(folder);
  registered = await openServerCertificate(folder, authority, ['gateway.example.test']);
  const path = join(folder, 'client.pem');
  await writeFile(path, `${registered.key}${registered.cert}`, { mode: 0o600 });
  started = await startTestGateway({
    now: () => time,
    emulator: { partnerClientCertificate: registered.cert },
    variables: { PARTNER_CLIENT_CERTIFICATE: path, PARTNER_CENTER_TIMEOUT_MS: '10000' },
  });
});
afterAll(async () => {
  await started.stop();
  await rm(folder, { recursive: true, force: true });
});

it('renews and consents with the certificate', async () => {
  expect(started.variables['PARTNER_CLIENT_SECRET']).toBeUndefined();
  const alice = as(await started.emulator.entra.issueCallerToken({ user: 'alice' }), started);
  expect((await alice.order()).status).toBe(202);
  const admin = as(await started.emulator.entra.issueCallerToken({ user: 'admin' }), started);
  const { body } = await admin.post('/v1/partner-consent');
  const callback = await createConsentBrowser().signIn(body.authorizationUrl, 'ada');
  expect((await started.api.get(`${callback.pathname}${callback.search}`)).status).toBe(200);
});

it('a certificate that is not registered is the operator’s to fix', async () => {
  const other = await openServerCertificate(folder, await openCertificateAuthority(folder), ['other.test']);
  const path = join(folder, 'other.pem');
  await writeFile(path, `${other.key}${other.cert}`, { mode: 0o600 });
  const wrong = await startTestGateway({ besides: started, variables: { PARTNER_CLIENT_CERTIFICATE: path } });
  const alice = as(await started.emulator.entra.issueCallerToken({ user: 'alice' }), wrong);
  const response = await alice.order();
  expect([response.status, response.body.code]).toEqual([502, 'upstream_rejected']);
  expect(response.body.detail).toContain('PARTNER_CLIENT_CERTIFICATE');
  await wrong.stop();
});

it('the doctor and the metrics know when it ends, and say so in time', async () => {
  const admin = as(await started.emulator.entra.issueCallerToken({ user: 'admin' }), started);
  const { body } = await admin.get('/v1/partner-consent');
  expect(body.state).toBe('connected');
  const end = Date.parse(body.clientCertificateExpiresAt);
  expect(end).toBeGreaterThan(time + 300 * dayMs);
  const { text } = await supertest(started.gateway.operationsUrl).get('/metrics');
  expect(text).toMatch(/^upgrade_gateway_partner_client_certificate_remaining_seconds \d{7,}/m);

  time = end - 10 * dayMs;
  const alice = as(await started.emulator.entra.issueCallerToken({ user: 'alice' }), started);
  await alice.order();
  const { body: later } = await admin.get('/v1/partner-consent');
  expect(later).toMatchObject({ state: 'expiring', detail: expect.stringContaining('10 days') });
  const ready = await started.api.get('/health/ready');
  expect([ready.status, ready.body.checks.partnerCredential.status]).toEqual([200, 'degraded']);
});
