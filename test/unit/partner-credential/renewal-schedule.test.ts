import { describe, expect, it } from '@jest/globals';
import { UpstreamRejectedError } from '../../../src/errors.ts';
import { createAccessMonitor } from '../../../src/partner-credential/access-monitor.ts';
import { CredentialStoreError } from '../../../src/partner-credential/credential-store-error.ts';
import { createDiagnose } from '../../../src/partner-credential/diagnosis.ts';
import { createExpiryWarnings } from '../../../src/partner-credential/expiry-warnings.ts';
import type { PartnerCredential } from '../../../src/partner-credential/ports.ts';
import { createRenewalSchedule } from '../../../src/partner-credential/renewal-schedule.ts';
import { createPartnerTokenCredential } from '../../../src/partner-credential/token-credential.ts';
import {
  createFakeClock,
  createFakeEntra,
  createFakeLog,
  createFakeStore,
  dayMs,
  type FakeClock,
  type FakeEntra,
  type FakeStore,
  hourMs,
  minuteMs,
} from '../../support/fake-entra.ts';

interface World {
  readonly clock: FakeClock;
  readonly entra: FakeEntra;
  readonly store: FakeStore;
}

function createWorld(known: Partial<PartnerCredential> = {}): World {
  const clock = createFakeClock();
  const entra = createFakeEntra(clock);
  const store = createFakeStore({
    current: { refreshToken: entra.issueRefreshToken(), issuedAt: clock.now(), ...known },
  });
  return { clock, entra, store };
}

/** One instance: what the gateway runs, with the timer's ticks taken by hand. */
function startInstance(
  { clock, entra, store }: World,
  { clientCertificateExpiresAt = 0, random = Math.random } = {},
) {
  const log = createFakeLog();
  const { now } = clock;
  const credential = createPartnerTokenCredential({ store, redeem: entra.redeem, log, now, random });
  const access = createAccessMonitor({
    credential,
    checkAccess: async () => ({ isMfaCompliant: true }),
    log,
    now,
  });
  const schedule = createRenewalSchedule({
    credential,
    access,
    warnOfExpiry: createExpiryWarnings({ log, now }),
    ...(clientCertificateExpiresAt && { clientCertificateExpiresAt }),
    log,
    now,
    random,
  });
  const diagnose = createDiagnose({ store, credential, access, publicUrl: 'https://gateway', now });
  return { credential, schedule, diagnose, log };
}

/** Takes a tick of the schedule each `stepMs`. */
async function pass(
  { clock }: World,
  instances: readonly { schedule: { tick(): Promise<void> } }[],
  {
    ms,
    stepMs = minuteMs,
    each = async () => {},
  }: { ms: number; stepMs?: number; each?: () => Promise<void> },
) {
  for (let passed = 0; passed < ms; passed += stepMs) {
    clock.pass(stepMs);
    for (const { schedule } of instances) await schedule.tick();
    await each();
  }
}

describe('the schedule', () => {
  it('100 days without a caller: renewed at least daily, and the token still works', async () => {
    const world = createWorld();
    const instance = startInstance(world);
    await instance.credential.getToken();
    let oldest = 0;
    await pass(world, [instance], {
      ms: 100 * dayMs,
      each: async () => {
        oldest = Math.max(oldest, world.clock.now() - (world.store.stored()?.current.issuedAt ?? 0));
      },
    });
    expect(oldest).toBeLessThanOrEqual(dayMs);
    expect(world.entra.tried.length).toBeGreaterThanOrEqual(100);
    expect(world.entra.tried.length).toBeLessThanOrEqual(135); // after 18 hours at the earliest
    expect(await instance.diagnose()).toMatchObject({ state: 'connected' });
    expect(instance.log.lines.filter(({ level }) => level !== 'info')).toEqual([]);
    await expect(instance.credential.renew()).resolves.toBeDefined();
  }, 60_000);

  it('without it, 100 idle days kill the credential (or the test above would show nothing)', async () => {
    const world = createWorld();
    const instance = startInstance(world);
    await instance.credential.getToken();
    world.clock.pass(100 * dayMs);
    await expect(instance.credential.getToken()).rejects.toThrow('90 days');
  });

  it('90 days of traffic: one redemption per token’s life, none by the schedule on top, never a bad token', async () => {
    const world = createWorld();
    const instance = startInstance(world);
    await pass(world, [instance], {
      ms: 90 * dayMs,
      each: async () => {
        const { expiresOnTimestamp } = await instance.credential.getToken();
        if (expiresOnTimestamp <= world.clock.now()) throw new Error('An expired token was served');
      },
    });
    // A token of an hour is renewed five minutes before its end.
    const expected = (90 * dayMs) / (55 * minuteMs);
    expect(world.entra.tried.length).toBeGreaterThan(expected * 0.95);
    expect(world.entra.tried.length).toBeLessThan(expected * 1.05);
    expect(await instance.diagnose()).toMatchObject({ state: 'connected' });
  }, 60_000);

  it('three idle instances on one store renew it about once a day between them', async () => {
    const world = createWorld();
    const instances = [startInstance(world), startInstance(world), startInstance(world)];
    for (const { credential } of instances) await credential.getToken();
    const before = world.entra.tried.length;
    await pass(world, instances, { ms: 30 * dayMs });
    expect(world.entra.tried.length - before).toBeGreaterThanOrEqual(30);
    expect(world.entra.tried.length - before).toBeLessThanOrEqual(41);
  }, 60_000);

  it('finds a credential that was put into the store later, and one that failed, without a caller', async () => {
    const world = createWorld();
    world.entra.revoke('refresh-token-1');
    const instance = startInstance(world);
    await instance.credential.getToken().catch(() => undefined);
    await pass(world, [instance], { ms: hourMs });
    await world.store.save({
      refreshToken: world.entra.issueRefreshToken(),
      issuedAt: world.clock.now(),
      consentedAt: world.clock.now(),
    });
    await pass(world, [instance], { ms: 2 * hourMs });
    expect(await instance.diagnose()).toMatchObject({ state: 'connected' });
  });

  it('tries a broken credential less and less often, down to once an hour', async () => {
    const world = createWorld();
    const instance = startInstance(world);
    await instance.credential.getToken();
    world.entra.failWith(new UpstreamRejectedError('wrong secret'));
    await pass(world, [instance], { ms: 3 * dayMs });
    expect(world.entra.tried.length).toBeLessThan(3 * 24 + 12);
    expect(world.entra.tried.length).toBeGreaterThan(40);
  });

  it('renews a credential that is dated in the future about daily all the same, and warns once', async () => {
    const world = createWorld({ issuedAt: Date.UTC(2030, 0, 1) });
    const instance = startInstance(world);
    await instance.credential.getToken();
    await pass(world, [instance], { ms: 100 * dayMs, stepMs: 10 * minuteMs });
    expect(world.entra.tried.length).toBeGreaterThanOrEqual(99);
    expect(world.entra.tried.length).toBeLessThanOrEqual(135);
    expect(await instance.diagnose()).toMatchObject({ state: 'connected' });
    const warnings = instance.log.lines.filter(({ level }) => level !== 'info');
    expect(warnings.map(({ message }) => message)).toEqual([expect.stringContaining('in the future')]);
  }, 60_000);

  it('does not renew at every tick where renewals come back without MFA', async () => {
    const world = createWorld({ hasMfa: true });
    const instance = startInstance(world);
    world.entra.issueWith(['pwd']);
    await pass(world, [instance], {
      ms: dayMs,
      each: async () => void (await instance.credential.getToken()),
    });
    expect(world.entra.tried.length).toBeLessThan(60);
    expect(await instance.diagnose()).toMatchObject({ state: 'consentRequired', hasMfa: false });
    const alarms = instance.log.lines.filter(({ facts }) => facts['alarm'] !== undefined);
    expect(alarms).toHaveLength(1);
  });

  it('uses a store soon after it can be read again, however long it could not', async () => {
    const world = createWorld();
    const instance = startInstance(world);
    world.store.failReadsWith(new CredentialStoreError('unreachable', 'The vault does not answer in time.'));
    await pass(world, [instance], {
      ms: 5 * hourMs,
      each: async () => void (await instance.credential.getToken().catch(() => undefined)),
    });
    world.store.failReadsWith(undefined);
    await pass(world, [instance], { ms: 2 * minuteMs });
    expect(world.entra.tried).toHaveLength(1);
    expect(await instance.diagnose()).toMatchObject({ state: 'connected' });
  });

  it('writes to the store again once it can be written, without a caller', async () => {
    const world = createWorld();
    const instance = startInstance(world);
    world.store.failWith(new Error('disk full'));
    await instance.credential.getToken();
    expect(await instance.diagnose()).toMatchObject({ state: 'operatorRequired' });
    world.store.failWith(undefined);
    await pass(world, [instance], { ms: minuteMs });
    expect(world.store.stored()?.current.refreshToken).toBe('refresh-token-2');
    expect(await instance.diagnose()).toMatchObject({ state: 'connected' });
  });
});

describe('warnings', () => {
  it('come at 30, 14, 7 and 1 days, once each, and the moment renewal stops working', async () => {
    const world = createWorld();
    const instance = startInstance(world);
    await instance.credential.getToken();
    const startedAt = world.clock.now();
    world.entra.failWith(new UpstreamRejectedError('wrong secret'));
    const states: string[] = [];
    await pass(world, [instance], {
      ms: 91 * dayMs,
      stepMs: 10 * minuteMs,
      each: async () => {
        const { state } = await instance.diagnose();
        if (state !== states.at(-1)) states.push(state);
      },
    });
    const alarms = instance.log.lines.filter(({ facts }) => facts['alarm'] !== undefined);
    expect(alarms.map(({ level, facts, message }) => [level, facts['thresholdDays'] ?? message])).toEqual([
      ['error', 'The partner credential can no longer be renewed'],
      ['warn', 30],
      ['warn', 14],
      ['error', 7],
      ['error', 1],
    ]);
    expect(alarms[1]?.facts['expiresAt']).toBe(new Date(startedAt + 90 * dayMs).toISOString());
    expect(states).toEqual(['connected', 'operatorRequired']);
  }, 60_000);

  it('come for the client certificate as well, and begin anew with the next one', () => {
    const clock = createFakeClock();
    const log = createFakeLog();
    const warn = createExpiryWarnings({ log, now: clock.now });
    const end = clock.now() + 40 * dayMs;
    for (let day = 0; day < 45; day += 1) {
      warn('client certificate', end);
      clock.pass(dayMs);
    }
    expect(log.lines.map(({ facts }) => facts['thresholdDays'])).toEqual([30, 14, 7, 1]);
    warn('client certificate', clock.now() + 365 * dayMs);
    warn('client certificate', clock.now() + 20 * dayMs);
    expect(log.lines.map(({ facts }) => facts['thresholdDays'])).toEqual([30, 14, 7, 1, 30]);
  });
});
