import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Emulator } from '../../src/emulator/emulator.ts';
import type { CredentialStore, PartnerCredential } from '../../src/partner-credential/ports.ts';
import {
  createFilePlace,
  createVaultPlace,
  credential,
  type StorePlace,
} from '../support/credential-stores.ts';
import { startTrusted } from '../unit/emulator/entra-client.ts';

let emulator: Emulator;
beforeAll(async () => {
  emulator = await startTrusted();
});
afterAll(() => emulator.stop());

const places: Record<string, () => Promise<StorePlace>> = {
  'the encrypted file': () => createFilePlace(),
  'Key Vault': async () => createVaultPlace(emulator),
};

describe.each(Object.keys(places))('%s as a credential store', (name) => {
  let place: StorePlace;
  let store: CredentialStore;
  beforeEach(async () => {
    // The names come from the table itself.
    place = await (places[name] as () => Promise<StorePlace>)();
    store = place.open();
  });
  afterEach(() => place.close());

  it('holds nothing at first', async () => {
    expect(await store.load()).toBeUndefined();
  });

  it('keeps a credential with all that is known of it, for every process that opens the store', async () => {
    const whole = credential(1, {
      consentedAt: 1_767_225_600_123,
      consentedBy: 'Ada Ädmin <ada@partner.example>',
      hasMfa: true,
    });
    expect(await store.save(whole)).toBe(true);
    expect(await store.load()).toEqual({ current: whole });
    expect(await place.open().load()).toEqual({ current: whole });
  });

  it('keeps what is unknown unknown', async () => {
    const adopted = credential(1);
    await store.save(adopted);
    expect(await place.open().load()).toEqual({ current: adopted });
  });

  it('keeps the credential before the current one, and none older', async () => {
    const [first, second, third] = [
      credential(1),
      credential(2, { hasMfa: true }),
      credential(3, { hasMfa: true }),
    ];
    await store.save(first);
    await store.save(second);
    expect(await store.load()).toEqual({ current: second, previous: first });
    await store.save(third);
    expect(await place.open().load()).toEqual({ current: third, previous: second });
  });

  it('changes nothing where the same is saved again, as after an answer that was lost', async () => {
    const [first, second] = [credential(1), credential(2)];
    await store.save(first);
    await store.save(second);
    expect(await store.save(second)).toBe(true);
    expect(await store.load()).toEqual({ current: second, previous: first });
  });

  it('does not make a token the fallback of itself, where Entra ID gave no new one', async () => {
    const [first, second] = [credential(1), credential(2)];
    const later = { ...second, issuedAt: second.issuedAt + 1000 };
    await store.save(first);
    await store.save(second);
    expect(await store.save(later)).toBe(true);
    expect(await store.load()).toEqual({ current: later, previous: first });
  });

  it.each<[string, PartnerCredential, PartnerCredential]>([
    ['newer by older', credential(5), credential(4)],
    ['MFA by no MFA', credential(5, { hasMfa: true }), credential(6, { hasMfa: false })],
    [
      'a later consent by a renewal of an earlier one',
      credential(5, { consentedAt: 5000 }),
      credential(6, { consentedAt: 1000 }),
    ],
  ])('never replaces %s', async (_what, current, weaker) => {
    await store.save(current);
    expect(await store.save(weaker)).toBe(false);
    expect(await place.open().load()).toEqual({ current });
  });

  it.each<[string, PartnerCredential, PartnerCredential]>([
    ['older by newer', credential(5), credential(6)],
    ['no MFA by MFA', credential(5, { hasMfa: false }), credential(6, { hasMfa: true })],
    [
      'a renewal by a later consent that was under way meanwhile',
      credential(6, { consentedAt: 1000 }),
      credential(5, { consentedAt: 5000 }),
    ],
    ['MFA by what is not known to lack it', credential(5, { hasMfa: true }), credential(6)],
  ])('replaces %s', async (_what, current, stronger) => {
    await store.save(current);
    expect(await store.save(stronger)).toBe(true);
    expect(await place.open().load()).toEqual({ current: stronger, previous: current });
  });

  it('ends with the newest, whoever of several processes saves first and last', async () => {
    await store.save(credential(0));
    const credentials = [3, 7, 1, 8, 5, 2, 6, 4].map((second) => credential(second));
    const saved = await Promise.all(credentials.map((each) => place.open().save(each)));
    const found = await store.load();
    expect(found?.current.issuedAt).toBe(credential(8).issuedAt);
    expect(found?.previous?.issuedAt).toBeLessThan(credential(8).issuedAt);
    expect(saved[3]).toBe(true); // the newest was told that it is kept
  });

  it('ends with the consent that has MFA, though renewals without it are saved at the same moment', async () => {
    for (let round = 0; round < 5; round += 1) {
      const other = await (places[name] as () => Promise<StorePlace>)(); // as above
      await other.open().save(credential(0, { hasMfa: false, consentedAt: 1000 }));
      const consent = credential(4, { hasMfa: true, consentedAt: 4000 });
      const renewals = [3, 5, 6].map((second) => credential(second, { hasMfa: false, consentedAt: 1000 }));
      await Promise.all([...renewals, consent].map((each) => other.open().save(each)));
      expect((await other.open().load())?.current).toEqual(consent);
      await other.close();
    }
  });

  it('takes many saves and loads of one process at once', async () => {
    await store.save(credential(0));
    const loads: Promise<unknown>[] = [];
    const saves = Array.from({ length: 20 }, (_, second) => {
      loads.push(store.load());
      return store.save(credential(second + 1));
    });
    expect(await Promise.all(saves)).toEqual(Array(20).fill(true));
    expect(await Promise.all(loads)).toHaveLength(20);
    expect((await store.load())?.current.issuedAt).toBe(credential(20).issuedAt);
  });
});
