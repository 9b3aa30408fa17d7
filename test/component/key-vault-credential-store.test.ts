import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Emulator } from '../../src/emulator/emulator.ts';
import { partnerClientId, partnerClientSecret } from '../../src/emulator/identities.ts';
import type { KeyVaultFault, KeyVaultFaultOptions } from '../../src/emulator/key-vault/key-vault-controls.ts';
import {
  createKeyVaultCredentialStore,
  type KeyVaultCredentialStoreParts,
} from '../../src/partner-credential/key-vault-credential-store.ts';
import { toTags } from '../../src/partner-credential/key-vault-secret.ts';
import type { CredentialStore, PartnerCredential } from '../../src/partner-credential/ports.ts';
import { createVaultIdentity, credential, epoch, owner } from '../support/credential-stores.ts';
import { startTrusted } from '../unit/emulator/entra-client.ts';

const secretName = 'partner-refresh-token';
const otherTenant = '00000000-0000-4000-8000-000000000001';

let emulator: Emulator;
let store: CredentialStore;
const open = (parts: Partial<KeyVaultCredentialStoreParts> = {}) =>
  createKeyVaultCredentialStore({
    vaultUrl: emulator.keyVaultUrl,
    secretName,
    identity: createVaultIdentity(emulator),
    ...owner,
    ...parts,
  });
const versions = () => emulator.keyVault.versions(secretName);

beforeAll(async () => {
  emulator = await startTrusted();
});
beforeEach(() => {
  emulator.keyVault.reset();
  emulator.entra.outage('none');
  store = open();
});
afterAll(() => emulator.stop());

describe('the secret', () => {
  it('is the refresh token itself, with what is known of it in the tags', async () => {
    const first = credential(1);
    const whole = credential(2, { consentedAt: epoch, consentedBy: 'ada@partner.example', hasMfa: true });
    await store.save(first);
    await store.save(whole);
    const [older, newer] = versions();
    expect(newer).toMatchObject({
      value: whole.refreshToken,
      contentType: 'Partner Center refresh token',
      tags: {
        partnerTenantId: owner.partnerTenantId,
        clientId: owner.clientId,
        issuedAt: '2026-01-01T00:00:02.000Z',
        consentedAt: '2026-01-01T00:00:00.000Z',
        consentedBy: 'ada@partner.example',
        hasMfa: 'true',
        previousVersion: older?.version,
      },
      expires: epoch / 1000 + 2 + 90 * 86_400,
    });
  });

  it('leaves two versions that can be read, however often the credential is renewed', async () => {
    for (let day = 0; day < 12; day += 1) await store.save(credential(day));
    expect(versions()).toHaveLength(12);
    expect(versions().map(({ enabled }) => enabled)).toEqual([...Array(10).fill(false), true, true]);
    expect((await store.load())?.previous?.issuedAt).toBe(credential(10).issuedAt);
  });

  it('put there by hand is adopted as it is, and kept as the previous one of the first renewal', async () => {
    emulator.keyVault.put(secretName, '1.AXkA-put-there-by-hand\n');
    const putAt = (versions()[0]?.created ?? 0) * 1000;
    const adopted = { refreshToken: '1.AXkA-put-there-by-hand', issuedAt: putAt, consentedAt: putAt };
    expect(await store.load()).toEqual({ current: adopted });
    const renewed = { ...adopted, refreshToken: '1.AXkA-renewed', issuedAt: putAt + 1 };
    expect(await store.save(renewed)).toBe(true);
    expect(await open().load()).toEqual({ current: renewed, previous: adopted });
  });

  it('put there by hand over ours is the newer one; tags that were added to it stay', async () => {
    await store.save(credential(1));
    emulator.keyVault.put(secretName, 'by-hand', { tags: { team: 'billing' } });
    const adopted = (await store.load())?.current;
    expect(adopted).toEqual({
      refreshToken: 'by-hand',
      issuedAt: expect.any(Number),
      consentedAt: adopted?.issuedAt,
    });
    await store.save({ ...adopted, refreshToken: 'renewed', issuedAt: Date.now() + 1000 });
    expect(versions()[1]?.tags).toMatchObject({ team: 'billing' });
  });

  it('put there by hand: a renewal of it that was under way does not undo a consent', async () => {
    emulator.keyVault.put(secretName, 'by-hand');
    const adopted = (await store.load())?.current;
    const consentedAt = Date.now() + 2_000;
    const granted = { refreshToken: 'granted', issuedAt: consentedAt, consentedAt };
    expect(await open().save(granted)).toBe(true);
    expect(await store.save({ ...adopted, refreshToken: 'renewed', issuedAt: consentedAt + 1 })).toBe(false);
    expect((await store.load())?.current).toEqual(granted);
  });

  it.each([
    ['tenant', { partnerTenantId: otherTenant }],
    ['application', { clientId: otherTenant }],
  ])('of another %s is refused and left alone', async (_what, other) => {
    await open(other).save(credential(1));
    const failure = { fault: 'foreign', message: expect.stringContaining(otherTenant) };
    await expect(store.load()).rejects.toMatchObject(failure);
    await expect(store.save(credential(2))).rejects.toMatchObject(failure);
    expect(versions()).toHaveLength(1);
  });

  it.each(['{"refresh_token":"x"}', '', 'two words', '"quoted"'])(
    'that is no refresh token (%j) is refused and left alone',
    async (value) => {
      emulator.keyVault.put(secretName, value);
      await expect(store.load()).rejects.toMatchObject({ fault: 'damaged' });
      await expect(store.save(credential(2))).rejects.toMatchObject({ fault: 'damaged' });
      expect(versions()).toHaveLength(1);
    },
  );

  it('whose tags were edited into nonsense is read by what is certain', async () => {
    emulator.keyVault.put(secretName, 'token', {
      tags: { issuedAt: 'soon', consentedAt: '', hasMfa: 'maybe' },
    });
    const time = expect.any(Number);
    expect((await store.load())?.current).toEqual({
      refreshToken: 'token',
      issuedAt: time,
      consentedAt: time,
    });
  });

  it('whose previous version cannot be read still gives the current one', async () => {
    await store.save(credential(1));
    await store.save(credential(2));
    emulator.keyVault.update(secretName, { enabled: false }, versions()[0]?.version);
    expect(await store.load()).toEqual({
      current: expect.objectContaining({ issuedAt: credential(2).issuedAt }),
    });
  });

  it('too large for Key Vault is not sent', async () => {
    const tooLarge = credential(1, { refreshToken: 'x'.repeat(25_001) });
    await expect(store.save(tooLarge)).rejects.toMatchObject({ fault: 'damaged' });
    expect(emulator.keyVault.requests()).toHaveLength(0);
  });
});

describe('what is wrong is said in words', () => {
  it.each<[KeyVaultFault, KeyVaultFaultOptions, object]>([
    ['forbidden', {}, { fault: 'forbidden', message: expect.stringMatching(/ForbiddenByRbac.*Grant it/) }],
    ['forbidden-by-firewall', {}, { fault: 'forbidden', message: expect.stringMatching(/network address/) }],
    ['throttled', { retryAfterSeconds: 57 }, { fault: 'busy', retryAfterSeconds: 57, isTransient: true }],
    ['throttled', {}, { fault: 'busy', retryAfterSeconds: undefined }],
    ['unavailable', { retryAfterSeconds: 120, times: 3 }, { fault: 'unreachable', retryAfterSeconds: 120 }],
    ['unavailable', { times: 3 }, { fault: 'unreachable', message: expect.stringContaining('HTTP 503') }],
    ['server-error', { times: 3 }, { fault: 'unreachable', message: expect.stringContaining('HTTP 500') }],
    ['reset-before', { times: 3 }, { fault: 'unreachable', isTransient: true }],
    ['not-json', {}, { fault: 'unreachable' }],
  ])('%s %j', async (fault, options, expected) => {
    await store.save(credential(1));
    emulator.keyVault.next(fault, options);
    const startedAt = performance.now();
    await expect(store.load()).rejects.toMatchObject({ name: 'CredentialStoreError', ...expected });
    expect(performance.now() - startedAt).toBeLessThan(4_000);
    expect((await store.load())?.current.issuedAt).toBe(credential(1).issuedAt);
  });

  it('a secret that is deleted, before anyone consents in vain', async () => {
    await store.save(credential(1));
    emulator.keyVault.remove(secretName);
    const failure = { fault: 'deleted', message: expect.stringContaining('Recover or purge') };
    await expect(store.load()).rejects.toMatchObject(failure);
    await expect(store.save(credential(2))).rejects.toMatchObject(failure);
    emulator.keyVault.recover(secretName);
    expect((await store.load())?.current.issuedAt).toBe(credential(1).issuedAt);
  });

  it('a secret that is deleted between looking and writing', async () => {
    await store.save(credential(1));
    emulator.keyVault.remove(secretName);
    emulator.keyVault.next('forbidden', { method: 'GET', after: 1 }); // looking for deleted ones is not permitted
    await expect(store.save(credential(2))).rejects.toMatchObject({ fault: 'deleted' });
  });

  it('a version that is disabled', async () => {
    await store.save(credential(1));
    emulator.keyVault.update(secretName, { enabled: false });
    await expect(store.load()).rejects.toMatchObject({
      fault: 'deleted',
      message: expect.stringContaining('disabled'),
    });
  });

  it('an identity that may not use the vault', async () => {
    const identity = createVaultIdentity(emulator, {
      clientId: partnerClientId,
      clientSecret: partnerClientSecret,
    });
    await expect(open({ identity }).load()).rejects.toMatchObject({ fault: 'forbidden' });
  });

  it('an identity whose secret is wrong', async () => {
    const identity = createVaultIdentity(emulator, {
      clientId: partnerClientId,
      clientSecret: 'not-the-secret',
    });
    await expect(open({ identity }).load()).rejects.toMatchObject({
      fault: 'unauthenticated',
      message: expect.stringMatching(/AADSTS7000215.*managed identity/),
    });
  });

  it.each(['refuse-connections', 'server-error', 'not-json'] as const)(
    'Entra ID down: %s',
    async (outage) => {
      emulator.entra.outage(outage);
      await expect(store.load()).rejects.toMatchObject({ fault: 'unreachable', isTransient: true });
    },
  );

  it.each<[string, string, string]>([
    ['a token for another audience', 'aud', 'https://management.azure.com'],
    ['a token of another tenant', 'iss', `https://sts.windows.net/${otherTenant}/`],
  ])('%s', async (_what, claim, value) => {
    const payload = {
      aud: 'https://vault.azure.net',
      exp: Date.now() / 1000 + 3600,
      oid: 'x',
      [claim]: value,
    };
    const token = await emulator.entra.sign(payload);
    const identity = { getToken: async () => ({ token, expiresOnTimestamp: Date.now() + 3_600_000 }) };
    await expect(open({ identity }).load()).rejects.toMatchObject({ fault: 'unauthenticated' });
  });

  it('a vault that is not there', async () => {
    const failure = { fault: 'unreachable', message: expect.stringContaining('ECONNREFUSED') };
    await expect(open({ vaultUrl: 'https://localhost:1' }).load()).rejects.toMatchObject(failure);
  });

  it('a vault of another domain that asks for Key Vault’s token does not get one', async () => {
    const asked: unknown[] = [];
    const identity = {
      async getToken(scope: unknown) {
        asked.push(scope);
        return null;
      },
    };
    // An address that leads to this machine, and is, by its looks, no loopback address.
    const elsewhere = await startTrusted({ hostname: '0.0.0.0' });
    await expect(open({ identity, vaultUrl: elsewhere.keyVaultUrl }).load()).rejects.toMatchObject({
      name: 'CredentialStoreError',
    });
    expect(elsewhere.keyVault.requests().map(({ answered }) => answered)).toEqual([401]);
    expect(asked).toEqual([]);
    await elsewhere.stop();
  });

  it('silence, in time', async () => {
    const quick = open({ callTimeoutMs: 150 });
    emulator.keyVault.next('never-answers');
    const startedAt = performance.now();
    await expect(quick.load()).rejects.toMatchObject({
      fault: 'unreachable',
      message: expect.stringMatching(/in time/),
    });
    expect(performance.now() - startedAt).toBeLessThan(2_000);
  });

  it('an identity that never comes, in time', async () => {
    const identity = { getToken: () => new Promise<null>(() => undefined) };
    await expect(open({ identity, callTimeoutMs: 50 }).load()).rejects.toMatchObject({
      fault: 'unreachable',
    });
  });
});

describe('saving', () => {
  it('outlives a hiccup', async () => {
    await store.save(credential(1));
    for (const fault of ['unavailable', 'server-error', 'reset-after'] as const) {
      emulator.keyVault.next(fault, { method: 'PUT' });
      const second = versions().length + 1;
      expect(await store.save(credential(second))).toBe(true);
      expect((await open().load())?.current.issuedAt).toBe(credential(second).issuedAt);
    }
  });

  it.each(['forbidden', 'throttled'] as const)('that fails (%s) changes nothing', async (fault) => {
    await store.save(credential(1));
    emulator.keyVault.next(fault, { method: 'PUT' });
    await expect(store.save(credential(2))).rejects.toMatchObject({ name: 'CredentialStoreError' });
    expect(versions()).toHaveLength(1);
    expect(await store.save(credential(2))).toBe(true);
  });

  it.each(['forbidden', 'server-error'] as const)(
    'succeeds although the tidying up does not (%s)',
    async (fault) => {
      for (const second of [1, 2]) await store.save(credential(second));
      emulator.keyVault.next(fault, { method: 'PATCH', times: 6 });
      expect(await store.save(credential(3))).toBe(true);
      expect((await open().load())?.current.issuedAt).toBe(credential(3).issuedAt);
    },
  );

  it('interrupted at any of its calls, leaves the credential before or after, and can be repeated', async () => {
    for (const second of [1, 2]) await store.save(credential(second));
    const sent = emulator.keyVault.requests().length;
    await store.save(credential(3));
    const calls = emulator.keyVault.requests().length - sent;
    expect(calls).toBe(7);
    for (let call = 0; call < calls; call += 1)
      for (const fault of ['reset-before', 'reset-after'] as const) {
        emulator.keyVault.reset();
        const [older, before, after] = [credential(1), credential(2), credential(3)];
        await open().save(older);
        await open().save(before);
        const interrupted = open({ callTimeoutMs: 60 });
        await interrupted.load();
        // What comes after the interruption does not happen either, as with a process that was killed.
        emulator.keyVault.next(fault, { after: call });
        emulator.keyVault.next('never-answers', { times: 100 });
        await interrupted.save(after).catch(() => undefined);
        emulator.keyVault.calm();
        const found = await open().load();
        expect([before.refreshToken, after.refreshToken]).toContain(found?.current.refreshToken);
        expect(await open().save(after)).toBe(true);
        expect((await open().load())?.current).toEqual(after);
      }
  });
});

describe('a write that takes effect after a consent has overtaken it', () => {
  const [before, granted, late] = [
    credential(1, { consentedAt: 1, hasMfa: true }),
    credential(3, { consentedAt: 3, hasMfa: true }),
    credential(2, { consentedAt: 1, hasMfa: true }),
  ];
  const current = async () => (await open().load())?.current;

  /** What a renewal puts there that has read the first version, in its own time; nobody goes on after it. */
  const arriveLate = (credentialOfRenewal: PartnerCredential = late) =>
    emulator.keyVault.put(secretName, credentialOfRenewal.refreshToken, {
      tags: toTags(credentialOfRenewal, owner, versions()[0]?.version),
    });

  beforeEach(async () => {
    await store.save(before);
    emulator.keyVault.next('reset-before', { method: 'PUT', times: 3 });
    await expect(open().save(late)).rejects.toMatchObject({ fault: 'unreachable' });
    await store.save(granted);
  });

  it('does not hide the consent', async () => {
    arriveLate();
    expect(await current()).toEqual(granted);
    expect((await open().load())?.previous).toEqual(before);
  });

  it('is told so when it is repeated, and the consent is put on top again', async () => {
    arriveLate();
    expect(await open().save(late)).toBe(false);
    expect(versions().at(-1)?.value).toBe(granted.refreshToken);
    expect(await current()).toEqual(granted);
  });

  it('does not let a further renewal of the earlier consent pass', async () => {
    arriveLate();
    expect(await open().save(credential(4, { consentedAt: 1, hasMfa: true }))).toBe(false);
    expect(await current()).toEqual(granted);
  });

  it('does not keep the consent’s own renewal, or its repetition, away', async () => {
    arriveLate();
    expect(await store.save(granted)).toBe(true);
    arriveLate();
    const renewed = credential(5, { consentedAt: 3, hasMfa: true });
    expect(await store.save(renewed)).toBe(true);
    expect(versions().at(-1)?.value).toBe(renewed.refreshToken);
    expect(await current()).toEqual(renewed);
  });

  it.each([1, 2, 3])('does not hide %i renewals of the consent either', async (renewals) => {
    const renewed = Array.from({ length: renewals }, (_, index) =>
      credential(4 + index, { consentedAt: 3, hasMfa: true }),
    );
    for (const each of renewed) await store.save(each);
    arriveLate();
    expect(await current()).toEqual(renewed.at(-1));
    expect(await open().save(late)).toBe(false);
    expect(versions().at(-1)?.value).toBe(renewed.at(-1)?.refreshToken);
    expect(await current()).toEqual(renewed.at(-1));
  });

  it('stays where it is the stronger one', async () => {
    const stronger = credential(6, { consentedAt: 6, hasMfa: true });
    arriveLate(stronger);
    expect(await current()).toEqual(stronger);
    expect(await open().save(stronger)).toBe(true);
    expect(await current()).toEqual(stronger);
  });
});

it('a save that is repeated marks what the writer that died did not', async () => {
  const [first, second] = [credential(1), credential(2)];
  await store.save(first);
  emulator.keyVault.next('server-error', { method: 'PATCH', times: 3 });
  await store.save(second);
  expect(versions()[0]?.tags['supersededBy']).toBeUndefined();
  expect(await open().save(second)).toBe(true);
  expect(versions()).toHaveLength(2);
  expect(versions()[0]?.tags['supersededBy']).toBe(versions()[1]?.version);
});
