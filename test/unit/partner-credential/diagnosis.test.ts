import { X509Certificate } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { openCertificateAuthority } from '../../../src/emulator/certificates.ts';
import { PartnerMfaRequiredError, UpstreamRejectedError } from '../../../src/errors.ts';
import { createAccessMonitor } from '../../../src/partner-credential/access-monitor.ts';
import { CredentialStoreError } from '../../../src/partner-credential/credential-store-error.ts';
import { createDiagnose } from '../../../src/partner-credential/diagnosis.ts';
import type { CheckAccess, PartnerCredential } from '../../../src/partner-credential/ports.ts';
import { checkCredential } from '../../../src/partner-credential/readiness.ts';
import { toPartnerConsent } from '../../../src/partner-credential/schemas.ts';
import { createPartnerTokenCredential } from '../../../src/partner-credential/token-credential.ts';
import {
  createFakeClock,
  createFakeEntra,
  createFakeLog,
  createFakeStore,
  dayMs,
  minuteMs,
} from '../../support/fake-entra.ts';

let certificate: X509Certificate;
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'diagnosis-'));
  certificate = new X509Certificate((await openCertificateAuthority(folder)).cert);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function start(
  current?: Partial<PartnerCredential>,
  {
    startAt,
    clientCertificate,
    checkAccess = async () => ({}),
  }: { startAt?: number; clientCertificate?: X509Certificate; checkAccess?: CheckAccess } = {},
) {
  const clock = createFakeClock(startAt);
  const entra = createFakeEntra(clock);
  const refreshToken = entra.issueRefreshToken();
  const store = createFakeStore(current && { current: { refreshToken, issuedAt: clock.now(), ...current } });
  const { now } = clock;
  const credential = createPartnerTokenCredential({ store, redeem: entra.redeem, log: createFakeLog(), now });
  const access = createAccessMonitor({
    credential,
    checkAccess,
    log: createFakeLog(),
    now,
  });
  const diagnose = createDiagnose({
    store,
    credential,
    access,
    publicUrl: 'https://gateway.example.test',
    now,
    ...(clientCertificate && { clientCertificate }),
  });
  return { clock, entra, store, credential, access, diagnose };
}

describe('the diagnosis', () => {
  it.each([
    { age: 0, state: 'connected' },
    { age: 59, state: 'connected' },
    { age: 61, state: 'expiring' },
    { age: 89.5, state: 'expiring' },
    { age: 90, state: 'consentRequired' },
    { age: 500, state: 'consentRequired' },
  ])('of a credential that was last renewed $age days ago is $state', async ({ age, state }) => {
    const { clock, diagnose } = start({});
    clock.pass(age * dayMs);
    expect((await diagnose()).state).toBe(state);
  });

  it('says how to consent where there is no credential', async () => {
    const { state, whatToDo } = await start().diagnose();
    expect(state).toBe('consentRequired');
    expect(whatToDo).toContain('https://gateway.example.test/v1/partner-consent');
    expect(whatToDo).toContain('npm run credential -- consent');
  });

  it('asks for MFA where the credential has none, unless Partner Center counts it as one with MFA', async () => {
    expect(await start({ hasMfa: false }).diagnose()).toMatchObject({ state: 'consentRequired' });
    expect(await start({ hasMfa: true }).diagnose()).toMatchObject({ state: 'connected' });
    expect(await start({}).diagnose()).toMatchObject({ state: 'connected' });
  });

  it('names a store that cannot be read as the operator’s, without the store’s own words', async () => {
    const { store, diagnose } = start({});
    store.load = () => Promise.reject(new Error('/var/lib/secret-path is gone'));
    const { state, detail } = await diagnose({ isFresh: true });
    expect(state).toBe('operatorRequired');
    expect(detail).not.toContain('/var/lib');
  });

  it.each([
    { daysLeft: 31, state: 'connected' },
    { daysLeft: 29, state: 'expiring' },
    { daysLeft: -1, state: 'operatorRequired' },
  ])('of a client certificate with $daysLeft days left is $state', async ({ daysLeft, state }) => {
    const startAt = certificate.validToDate.getTime() - daysLeft * dayMs;
    const { diagnose } = start({}, { startAt, clientCertificate: certificate });
    expect((await diagnose()).state).toBe(state);
  });

  it('takes MFA refusals that calls met into account, until a consent here or at another instance', async () => {
    const { access, credential, store, entra, clock, diagnose } = start({});
    const refusal = new PartnerMfaRequiredError('MFA is missing');
    await credential.getToken();
    access.noteRefusal(refusal);
    expect(await diagnose()).toMatchObject({ state: 'consentRequired', detail: 'MFA is missing' });
    access.forget();
    expect(await diagnose()).toMatchObject({ state: 'connected' });

    access.noteRefusal(refusal);
    clock.pass(minuteMs);
    const consent = { issuedAt: clock.now(), consentedAt: clock.now() };
    await store.save({ refreshToken: entra.issueRefreshToken(), ...consent });
    expect(await diagnose({ isFresh: true })).toMatchObject({ state: 'connected' });
    await credential.reconcile();
    expect(await diagnose()).toMatchObject({ state: 'connected' });
    await credential.getToken();
    access.noteRefusal(refusal); // of the new one
    expect(await diagnose()).toMatchObject({ state: 'consentRequired' });
  });

  it('forgets what a check found once another instance has got a later consent', async () => {
    const { access, store, entra, clock, diagnose } = start(
      {},
      { checkAccess: () => Promise.reject(new UpstreamRejectedError('no rights')) },
    );
    await access.check();
    expect(await diagnose()).toMatchObject({ state: 'operatorRequired', detail: 'no rights' });
    clock.pass(minuteMs);
    const consent = { issuedAt: clock.now(), consentedAt: clock.now() };
    await store.save({ refreshToken: entra.issueRefreshToken(), ...consent });
    const fresh = await diagnose({ isFresh: true });
    expect(fresh).toMatchObject({ state: 'connected' });
    expect(fresh.partnerCenter).toBeUndefined();
  });

  it('shows that renewals lack the MFA which the stored credential was granted with', async () => {
    const { credential, entra, diagnose } = start({ hasMfa: true });
    entra.issueWith(['pwd']);
    await credential.getToken();
    const { state, whatToDo, hasMfa } = await diagnose({ isFresh: true });
    expect({ state, hasMfa }).toEqual({ state: 'consentRequired', hasMfa: false });
    expect(whatToDo).toContain('must use MFA');
  });

  it('of a revoked credential is no better for a date in the future', async () => {
    const { credential, entra, clock, diagnose } = start({ issuedAt: Date.UTC(2030, 0, 1) });
    entra.revoke('refresh-token-1');
    await credential.getToken().catch(() => undefined);
    const { state, lastRenewedAt } = await diagnose();
    expect(state).toBe('consentRequired');
    expect(lastRenewedAt).toBeLessThanOrEqual(clock.now());
  });

  it('asks for consent where only the credential before the current one works, and says that it does', async () => {
    const { credential, entra, store, diagnose } = start({ consentedAt: 1 });
    await store.save({ refreshToken: 'damaged', issuedAt: Date.UTC(2026, 0, 1), consentedAt: 2 });
    await credential.getToken();
    expect(entra.tried).toEqual(['damaged', 'refresh-token-1']);
    const { state, detail, failingSince } = await diagnose();
    expect(state).toBe('consentRequired');
    expect(detail).toContain('the credential before it works');
    expect(failingSince).toBeDefined();
  });
});

describe('a refusal that a call met and that is ours to fix', () => {
  it('has Partner Center asked, once a minute at most, and counts by that answer alone', async () => {
    let asked = 0;
    let answer: Error | undefined;
    const { access, credential, clock, diagnose } = start(
      {},
      {
        async checkAccess() {
          asked += 1;
          if (answer) throw answer;
          return {};
        },
      },
    );
    await credential.getToken();
    for (let second = 0; second < 120; second += 1) {
      access.noteRefusal(new UpstreamRejectedError('odd'));
      await new Promise(setImmediate);
      clock.pass(1_000);
    }
    expect(asked).toBe(2);
    expect(await diagnose()).toMatchObject({ state: 'connected', partnerCenter: { answer: 'accepted' } });

    answer = new UpstreamRejectedError('no rights');
    access.noteRefusal(new UpstreamRejectedError('odd'));
    await new Promise(setImmediate);
    expect(await diagnose()).toMatchObject({ state: 'operatorRequired', detail: 'no rights' });
  });
});

describe('a store that cannot be read', () => {
  const damaged = new CredentialStoreError('damaged', '/data/credential was cut short. Restore it.');
  const away = new CredentialStoreError('unreachable', 'https://my.vault.example does not answer in time.');

  it.each([
    { error: damaged, state: 'operatorRequired' },
    { error: away, state: 'unreachable' },
  ])('is $state, in its own words for those who may know', async ({ error, state }) => {
    const { store, credential, diagnose } = start({});
    store.failReadsWith(error);
    for (const isFresh of [true, false]) {
      const diagnosis = await diagnose({ isFresh });
      expect(diagnosis).toMatchObject({ state, detail: error.message });
      expect(toPartnerConsent(diagnosis)).not.toHaveProperty('publicDetail');
    }
    const { status, detail } = await checkCredential({ credential, diagnose });
    expect(status).toBe('degraded');
    expect(detail).not.toMatch(/data|vault/);
    expect((await diagnose()).detail).toBe(error.message);
  });

  it('is asked again after five seconds, however often the diagnosis is', async () => {
    const { store, clock, diagnose } = start({});
    store.failReadsWith(away);
    for (let call = 0; call < 100; call += 1) {
      await diagnose();
      clock.pass(100);
    }
    expect(store.reads()).toBe(2);
  });

  it('is over as soon as it can be read', async () => {
    const { store, clock, credential, diagnose } = start({});
    store.failReadsWith(away);
    await credential.getToken().catch(() => undefined);
    expect(await diagnose()).toMatchObject({ state: 'unreachable' });
    store.failReadsWith(undefined);
    clock.pass(5_000);
    expect(await diagnose()).toMatchObject({ state: 'connected' });
  });
});
