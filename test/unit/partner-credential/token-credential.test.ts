import { describe, expect, it } from '@jest/globals';
import {
  IdentityProviderUnavailableError,
  PartnerConsentRequiredError,
  PartnerMfaRequiredError,
  UpstreamRejectedError,
} from '../../../src/errors.ts';
import { CredentialStoreError } from '../../../src/partner-credential/credential-store-error.ts';
import type {
  PartnerCredential,
  RenewalOutcome,
  StoredCredential,
} from '../../../src/partner-credential/ports.ts';
import { createPartnerTokenCredential } from '../../../src/partner-credential/token-credential.ts';
import {
  createFakeClock,
  createFakeEntra,
  createFakeLog,
  createFakeStore,
  hourMs,
  minuteMs,
} from '../../support/fake-entra.ts';

function start({ amr }: { amr?: readonly string[] } = {}, initial?: (token: string) => StoredCredential) {
  const clock = createFakeClock();
  const entra = createFakeEntra(clock, amr ? { amr } : {});
  const first = entra.issueRefreshToken();
  const store = createFakeStore(
    initial?.(first) ?? { current: { refreshToken: first, issuedAt: clock.now() } },
  );
  const log = createFakeLog();
  const outcomes: RenewalOutcome[] = [];
  const parts = { store, redeem: entra.redeem, log, now: clock.now, random: () => 1 };
  const credential = createPartnerTokenCredential({
    ...parts,
    onRenewal: (outcome) => void outcomes.push(outcome),
  });
  return { clock, entra, first, store, log, outcomes, credential, parts };
}
const down = new IdentityProviderUnavailableError('down');
const wrongSecret = new UpstreamRejectedError('wrong secret');

describe('redeeming', () => {
  it('happens once for a thousand callers at a time, and once more when the token is about to expire', async () => {
    const { credential, entra, clock } = start();
    const tokens = await Promise.all(Array.from({ length: 1000 }, () => credential.getToken()));
    expect(new Set(tokens.map(({ token }) => token)).size).toBe(1);
    expect(entra.tried).toHaveLength(1);
    clock.pass(hourMs - 2 * minuteMs);
    await Promise.all(Array.from({ length: 1000 }, () => credential.getToken()));
    await credential.renew(); // nobody waited for it: it is under way
    expect(entra.tried).toHaveLength(2);
  });

  it('stores the successor, keeps the one before it, and notes who consented and whether with MFA', async () => {
    const { credential, store, first, clock } = start();
    clock.pass(minuteMs);
    await credential.getToken();
    expect(store.stored()).toEqual({
      current: {
        refreshToken: 'refresh-token-2',
        issuedAt: clock.now(),
        consentedBy: 'ada@partner.example',
        hasMfa: true,
      },
      previous: expect.objectContaining({ refreshToken: first }),
    });
  });

  it('stores the successor also where this machine’s clock is behind the one that stored the last', async () => {
    const { credential, store } = start({}, (refreshToken) => ({
      current: { refreshToken, issuedAt: Date.UTC(2026, 0, 2) },
    }));
    await credential.getToken();
    expect(store.stored()?.current).toMatchObject({
      refreshToken: 'refresh-token-2',
      issuedAt: Date.UTC(2026, 0, 2),
    });
  });

  it('never lets a token without MFA replace one with MFA', async () => {
    const { credential, store, first, clock } = start({ amr: ['pwd'] }, (refreshToken) => ({
      current: { refreshToken, issuedAt: 0, hasMfa: true },
    }));
    clock.pass(minuteMs);
    await expect(credential.getToken()).resolves.toBeDefined();
    expect(store.stored()?.current.refreshToken).toBe(first);
    expect(credential.facts()).toMatchObject({
      inUse: { hasMfa: false },
      failure: { error: expect.any(PartnerMfaRequiredError), refreshToken: first },
    });
  });

  it('alarms once where renewals lack the MFA of the stored credential, until one has it again', async () => {
    const { credential, entra, clock, log } = start({}, (refreshToken) => ({
      current: { refreshToken, issuedAt: 0, hasMfa: true },
    }));
    entra.issueWith(['pwd']);
    for (let hour = 0; hour < 3; hour += 1) {
      await credential.renew();
      clock.pass(hourMs);
    }
    expect(log.lines.filter(({ facts }) => facts['alarm'])).toMatchObject([
      { level: 'error', facts: { kind: 'mfaRequired' } },
    ]);
    entra.issueWith(['pwd', 'mfa']);
    await credential.renew();
    expect(credential.facts()).toMatchObject({ inUse: { hasMfa: true } });
    expect(credential.facts().failure).toBeUndefined();
  });

  it('is no failure where it lacks MFA and another instance has stored a newer credential meanwhile', async () => {
    const { parts, store, entra, clock } = start({ amr: ['pwd'] }, (refreshToken) => ({
      current: { refreshToken, issuedAt: 0, hasMfa: true },
    }));
    const credential = createPartnerTokenCredential({
      ...parts,
      async redeem(refreshToken) {
        const newer = { refreshToken: entra.issueRefreshToken(), issuedAt: clock.now() + 1, hasMfa: true };
        await store.save(newer);
        return entra.redeem(refreshToken);
      },
    });
    await credential.getToken();
    expect(credential.facts().failure).toBeUndefined();
  });
});

describe('a store that cannot be read', () => {
  const away = new CredentialStoreError('unreachable', 'The vault does not answer in time.');
  const damaged = new CredentialStoreError('damaged', 'The file was cut short.');

  it('for now does not fail callers while a refresh token is known that works', async () => {
    const { credential, store, entra, clock } = start();
    await credential.getToken();
    store.failReadsWith(away);
    store.failWith(away);
    for (let hour = 0; hour < 3; hour += 1) {
      clock.pass(hourMs);
      await expect(credential.getToken()).resolves.toBeDefined();
    }
    expect(entra.tried).toEqual(['refresh-token-1', 'refresh-token-2', 'refresh-token-3', 'refresh-token-4']);
    store.failReadsWith(undefined);
    store.failWith(undefined);
    await credential.reconcile();
    expect(store.stored()?.current.refreshToken).toBe('refresh-token-5');
  });

  it('for now is told as an outage with a time to wait, where nothing is known yet', async () => {
    const { credential, store } = start();
    store.failReadsWith(new CredentialStoreError('busy', 'The vault throttles.', { retryAfterSeconds: 57 }));
    await expect(credential.getToken()).rejects.toMatchObject({
      code: 'identity_provider_unavailable',
      message: 'The vault throttles.',
      facts: { retryAfterSeconds: 57 },
    });
  });

  it('until somebody mends it is told as the operator’s, in its own words', async () => {
    const { credential, store, clock } = start();
    await credential.getToken();
    store.failReadsWith(damaged);
    clock.pass(hourMs);
    await expect(credential.getToken()).rejects.toMatchObject({
      code: 'upstream_rejected',
      message: damaged.message,
      cause: damaged,
    });
  });

  it('is read again after five seconds, however many ask', async () => {
    const { credential, store, clock } = start();
    store.failReadsWith(away);
    for (let call = 0; call < 101; call += 1) {
      await expect(credential.getToken()).rejects.toThrow(away.message);
      clock.pass(100);
    }
    expect(store.reads()).toBe(3);
    expect(credential.facts().failure?.count).toBe(3);
  });
});

describe('a store that cannot be written', () => {
  it('does not fail the call: it alarms once, the successor is used, and stored as soon as that works', async () => {
    const { credential, store, entra, clock, log } = start();
    store.failWith(new Error('disk full'));
    await expect(credential.getToken()).resolves.toBeDefined();
    expect(credential.facts().isUnstored).toBe(true);
    await credential.reconcile();
    const alarms = log.lines.filter(({ facts }) => facts['alarm'] === 'partner_credential_not_stored');
    expect(alarms.map(({ level }) => level)).toEqual(['error', 'warn']);

    clock.pass(hourMs);
    await credential.getToken();
    expect(entra.tried.at(-1)).toBe('refresh-token-2');
    store.failWith(undefined);
    await credential.reconcile();
    expect(credential.facts().isUnstored).toBe(false);
    expect(store.stored()?.current.refreshToken).toBe('refresh-token-3');
  });
});

describe('a store that is slow', () => {
  it('leads to no token that expired while the refresh token was written', async () => {
    const { store, parts, clock, entra } = start();
    const saving = Promise.withResolvers<void>();
    const written = Promise.withResolvers<void>();
    const slow = {
      ...store,
      async save(credential: PartnerCredential) {
        saving.resolve();
        await written.promise;
        return store.save(credential);
      },
    };
    const credential = createPartnerTokenCredential({ ...parts, store: slow });
    const first = credential.getToken();
    await saving.promise;
    clock.pass(2 * hourMs);
    const second = credential.getToken();
    written.resolve();
    await first;
    expect((await second).expiresOnTimestamp).toBeGreaterThan(clock.now());
    expect(entra.tried).toHaveLength(2);
  });
});

describe('a current credential that is refused and has never worked', () => {
  const damaged = (refreshToken: string): StoredCredential => ({
    current: { refreshToken: 'damaged', issuedAt: Date.UTC(2026, 0, 1) },
    previous: { refreshToken, issuedAt: Date.UTC(2025, 11, 31) },
  });

  it('gives way to the one before it, whose successor is stored', async () => {
    const { credential, entra, store, first } = start({}, damaged);
    await expect(credential.getToken()).resolves.toBeDefined();
    expect(entra.tried).toEqual(['damaged', first]);
    expect(store.stored()?.current.refreshToken).toBe('refresh-token-2');
    expect(credential.facts().failure).toBeUndefined();
  });

  it('of a newer consent gives way as well; that is reported, and nothing is hammered', async () => {
    const { credential, entra, store, clock, log } = start({}, (refreshToken) => ({
      current: { refreshToken: 'damaged', issuedAt: Date.UTC(2026, 0, 1), consentedAt: Date.UTC(2026, 0, 1) },
      previous: { refreshToken, issuedAt: Date.UTC(2025, 11, 31), consentedAt: Date.UTC(2025, 11, 31) },
    }));
    for (let minute = 0; minute < 50; minute += 1) {
      await expect(credential.getToken()).resolves.toBeDefined();
      await credential.reconcile();
      clock.pass(minuteMs);
    }
    expect(entra.tried).toEqual(['damaged', 'refresh-token-1']);
    expect(store.stored()?.current.refreshToken).toBe('damaged');
    expect(credential.facts().failure).toMatchObject({
      error: expect.any(PartnerConsentRequiredError),
      refreshToken: 'damaged',
      isBridged: true,
    });
    expect(log.lines.filter(({ facts }) => facts['alarm'])).toMatchObject([
      { facts: { kind: 'consentRequired' } },
    ]);

    const refreshToken = entra.issueRefreshToken();
    await store.save({ refreshToken, issuedAt: clock.now(), consentedAt: clock.now() });
    await credential.reconcile();
    await credential.getToken();
    expect(entra.tried.at(-1)).toBe(refreshToken);
    expect(credential.facts().failure).toBeUndefined();
  });

  it('is reported where that one is refused too, which is then not tried again', async () => {
    const { credential, entra, first, clock } = start({}, damaged);
    entra.revoke(first);
    await expect(credential.getToken()).rejects.toThrow(PartnerConsentRequiredError);
    for (let minute = 0; minute < 10; minute += 1) {
      clock.pass(minuteMs);
      await expect(credential.getToken()).rejects.toThrow(PartnerConsentRequiredError);
    }
    expect(entra.tried.filter((token) => token === first)).toHaveLength(1);
    expect(entra.tried.filter((token) => token === 'damaged')).toHaveLength(11);
  });

  it('is not taken for that where Entra ID refuses the application or is down', async () => {
    for (const error of [down, wrongSecret]) {
      const { credential, entra } = start({}, damaged);
      entra.failWith(error);
      await expect(credential.getToken()).rejects.toBe(error);
      expect(entra.tried).toEqual(['damaged']);
    }
  });
});

describe('failures', () => {
  it.each([
    ['a refusal', new PartnerConsentRequiredError('consent')],
    ['a wrong secret', wrongSecret],
  ])('%s is tried again once a minute at most, however many ask', async (_name, error) => {
    const { credential, entra, clock } = start();
    entra.failWith(error);
    for (let second = 0; second < 600; second += 1) {
      await expect(credential.getToken()).rejects.toBe(error);
      clock.pass(1000);
    }
    expect(entra.tried).toHaveLength(10);
  });

  it.each([
    ['within five seconds', async ({ clock }: ReturnType<typeof start>) => clock.pass(5_000)],
    ['at once after a look into it', ({ credential }: ReturnType<typeof start>) => credential.reconcile()],
  ])('a new credential in the store is tried %s', async (_when, wait) => {
    const started = start();
    const { credential, entra, store, clock } = started;
    entra.revoke('refresh-token-1');
    await expect(credential.getToken()).rejects.toThrow(PartnerConsentRequiredError);
    await store.save({
      refreshToken: entra.issueRefreshToken(),
      issuedAt: clock.now(),
      consentedAt: clock.now(),
    });
    await wait(started);
    await expect(credential.getToken()).resolves.toBeDefined();
  });

  it('callers that are held off do not cause a look into the store each', async () => {
    const { credential, entra, store, clock } = start();
    entra.revoke('refresh-token-1');
    for (let call = 0; call < 100; call += 1) {
      await expect(credential.getToken()).rejects.toThrow(PartnerConsentRequiredError);
      clock.pass(100);
    }
    expect(store.reads()).toBe(2);
  });

  it('while Entra ID is down the cached token is served to its end, and attempts back off', async () => {
    const { credential, entra, clock, outcomes, log } = start();
    const { token } = await credential.getToken();
    entra.failWith(down);
    for (let second = 0; second < 3570; second += 1) {
      expect((await credential.getToken()).token).toBe(token);
      clock.pass(1000);
    }
    await expect(credential.getToken()).rejects.toBe(down);
    // From five minutes before the end: 5, 10, 20, 40, then every 60 seconds.
    expect(outcomes.filter((outcome) => outcome === 'unreachable').length).toBeLessThanOrEqual(9);
    expect(log.lines.filter(({ facts }) => facts['alarm'])).toHaveLength(1);
    entra.failWith(undefined);
    clock.pass(minuteMs);
    await expect(credential.getToken()).resolves.toBeDefined();
    expect(credential.facts().failure).toBeUndefined();
  });

  it('says the moment it stops working, and that it works again, each once', async () => {
    const { credential, entra, clock, log } = start();
    await credential.getToken();
    entra.failWith(wrongSecret);
    for (let minute = 0; minute < 120; minute += 1) {
      await credential.renew().catch(() => undefined);
      clock.pass(minuteMs);
    }
    entra.failWith(undefined);
    await credential.renew();
    const told = log.lines.filter(({ level, message }) => level !== 'info' || /again/.test(message));
    expect(told.map(({ level, message }) => [level, message])).toEqual([
      ['error', 'The partner credential can no longer be renewed'],
      ['info', 'The partner credential is renewed again'],
    ]);
  });
});

describe('a token that Partner Center rejects', () => {
  it('is replaced once, and no more than once a minute when the new ones are rejected too', async () => {
    const { credential, entra, clock } = start();
    let { token } = await credential.getToken();
    for (let second = 0; second < 120; second += 1) {
      token = (await credential.getToken({ rejectedToken: token })).token;
      clock.pass(1000);
    }
    expect(entra.tried).toHaveLength(1 + 2);
  });

  it('that has been replaced already leads to no other redemption', async () => {
    const { credential, entra } = start();
    const { token } = await credential.getToken();
    await Promise.all(Array.from({ length: 100 }, () => credential.getToken({ rejectedToken: token })));
    await credential.getToken({ rejectedToken: token });
    expect(entra.tried).toHaveLength(2);
  });
});

describe('a consent at another instance', () => {
  it('takes effect at the next look into the store, though the cached token lasts', async () => {
    const { credential, entra, store, clock } = start();
    await credential.getToken();
    const refreshToken = entra.issueRefreshToken();
    await store.save({ refreshToken, issuedAt: clock.now(), consentedAt: clock.now() });
    await credential.reconcile();
    await credential.getToken();
    expect(entra.tried.at(-1)).toBe(refreshToken);
  });

  it('is not undone by a renewal that was under way', async () => {
    const { store, entra, clock, parts } = start({}, (refreshToken) => ({
      current: { refreshToken, issuedAt: 0, consentedAt: 0 },
    }));
    const consented = {
      refreshToken: entra.issueRefreshToken(),
      issuedAt: clock.now(),
      consentedAt: clock.now(),
    };
    const credential = createPartnerTokenCredential({
      ...parts,
      async redeem(refreshToken) {
        if (refreshToken === 'refresh-token-1') await store.save(consented);
        clock.pass(1000);
        return entra.redeem(refreshToken);
      },
    });
    await credential.getToken();
    expect(store.stored()?.current).toEqual(consented);
    await credential.getToken();
    expect(entra.tried.at(-1)).toBe(consented.refreshToken);
  });
});
