import { randomUUID } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { createProductUpgradeOperations } from '../../../src/partner-center/product-upgrade-operations.ts';

const customerId = randomUUID();
const ids = { requestId: randomUUID(), correlationId: randomUUID() };

/** Asks for eligibility, and gets this answer. */
const checkEligibility = (body: object) =>
  createProductUpgradeOperations({
    post: async () => ({ status: 200, reasonPhrase: '', headers: {}, body: { customerId, ...body } }),
  }).checkEligibility({ customerId, productFamily: 'Azure' }, ids);

describe('an eligibility answer', () => {
  it('names the upgrade that is in place, in lower case', async () => {
    const upgradeId = randomUUID();
    await expect(
      checkEligibility({ isEligible: false, upgradeId: upgradeId.toUpperCase() }),
    ).resolves.toMatchObject({ upgradeId });
  });

  it.each([null, '', undefined])('names none: %j', async (upgradeId) => {
    await expect(checkEligibility({ isEligible: true, upgradeId })).resolves.toEqual({ isEligible: true });
  });

  it.each([randomUUID().replaceAll('-', ''), 'upgrade', 17])(
    'that names one by something else than its id is not read as none: %j',
    async (upgradeId) => {
      await expect(checkEligibility({ isEligible: false, upgradeId })).rejects.toMatchObject({
        code: 'upstream_contract_violated',
      });
    },
  );
});
