import { X509Certificate } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { openCertificateAuthority } from '../../../src/emulator/certificates.ts';
import { UpstreamRejectedError } from '../../../src/errors.ts';
import { createAccessMonitor } from '../../../src/partner-credential/access-monitor.ts';
import { createDiagnose } from '../../../src/partner-credential/diagnosis.ts';
import type { PartnerCredential } from '../../../src/partner-credential/ports.ts';
import { createPartnerTokenCredential } from '../../../src/partner-credential/token-credential.ts';
import {
  createFakeClock,
  createFakeEntra,
  createFakeLog,
  createFakeStore,
  dayMs,
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
  { startAt, clientCertificate }: { startAt?: number; clientCertificate?: X509Certificate } = {},
) {
  const clock = createFakeClock(startAt);
  const entra = createFakeEntra(clock);
  const refreshToken = entra.issueRefreshToken();
  const store = createFakeStore(current && { current: { refreshToken, issuedAt: clock.now(), ...current } });
  const { now } = clock;
  const credential = createPartnerTokenCredential({ store, redeem: entra.redeem, log: createFakeLog(), now });
  const access = createAccessMonitor({
    credential,
    checkAccess: async () => ({}),
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
  return { clock, store, access, diagnose };
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

  it('takes a refusal by Partner Center that a call met into account, until a new consent', async () => {
    const { access, diagnose } = start({});
    access.noteRefusal(new UpstreamRejectedError('no rights'));
    expect(await diagnose()).toMatchObject({ state: 'operatorRequired', detail: 'no rights' });
    access.forget();
    expect(await diagnose()).toMatchObject({ state: 'connected' });
  });
});
