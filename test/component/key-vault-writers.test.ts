import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Emulator } from '../../src/emulator/emulator.ts';
import type { PartnerCredential } from '../../src/partner-credential/ports.ts';
import { createVaultPlace, credential, epoch } from '../support/credential-stores.ts';
import { chooseSeed, createSeededRandom } from '../support/seeded-random.ts';
import { startTrusted } from '../unit/emulator/entra-client.ts';

// Key Vault has no conditional write: whatever order the calls of several writers take effect in, the strongest stays.

let emulator: Emulator;
beforeAll(async () => {
  emulator = await startTrusted();
});
afterAll(() => emulator.stop());

const rounds = Number(process.env['KEY_VAULT_ROUNDS'] ?? 25);

const saved: Record<string, readonly PartnerCredential[]> = {
  'renewals on three instances': [1, 2, 3].map((second) => credential(second, { consentedAt: 1 })),
  'a consent with MFA and renewals without': [
    credential(2, { hasMfa: true, consentedAt: 2 }),
    credential(1, { hasMfa: false, consentedAt: 1 }),
    credential(3, { hasMfa: false, consentedAt: 1 }),
  ],
  'an import with MFA and newer renewals known to lack it': [
    credential(2, { hasMfa: true }),
    credential(1, { hasMfa: false }),
    credential(3, { hasMfa: false }),
  ],
};
// A renewal without MFA that came first is newer, and may stay; one that came second must not replace MFA.
const accepted: Record<string, readonly number[]> = {
  'renewals on three instances': [3],
  'a consent with MFA and renewals without': [2],
  'an import with MFA and newer renewals known to lack it': [2, 3],
};

it.each(Object.keys(saved))(
  'of %s the strongest stays, in any order of their calls',
  async (name) => {
    const random = createSeededRandom(chooseSeed('KEY_VAULT_SEED'));
    const all = saved[name] ?? [];
    for (let round = 0; round < rounds; round += 1) {
      const place = createVaultPlace(emulator);
      await place.open().save(credential(0, { hasMfa: false, consentedAt: 1 }));
      const stores = all.map(() => place.open());
      await Promise.all(stores.map((store) => store.load())); // each has its token, so that only the calls race
      emulator.keyVault.slowDown(() => random() * 12);
      await Promise.all(all.map((each, index) => stores[index]?.save(each)));
      emulator.keyVault.slowDown(undefined);
      const current = (await place.open().load())?.current;
      expect(accepted[name]).toContain(((current?.issuedAt ?? 0) - epoch) / 1000);
    }
  },
  120_000,
);
