import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Emulator } from '../../../src/emulator/emulator.ts';
import { partnerToken, startTrusted } from './entra-client.ts';
import { createPartnerCenterClient, type PartnerCenterClient, upgradeIdOf } from './partner-center-client.ts';

let emulator: Emulator;
let client: PartnerCenterClient;
let clock = Date.parse('2026-01-31T12:00:00.000Z');

beforeAll(async () => {
  emulator = await startTrusted({
    now: () => clock,
    pace: { pendingMs: 60_000, inProgressMs: 60_000 },
    recall: { requestIdsMs: 3_000, createBlindMs: 30_000, eligibilityBlindMs: 300 },
    capacity: 4,
  });
  client = createPartnerCenterClient(emulator, await partnerToken(emulator));
});
beforeEach(() => emulator.partnerCenter.reset());
afterAll(() => emulator.stop());

describe('a Partner Center of little recall', () => {
  it('knows a create call again by its MS-RequestId for a while only', async () => {
    const ids = { 'MS-RequestId': randomUUID() };
    const first = upgradeIdOf(await client.create(ids));
    clock += 2_999;
    expect(upgradeIdOf(await client.create(ids))).toBe(first);
    clock += 1;
    expect(upgradeIdOf(await client.create(ids))).not.toBe(first);
    expect(emulator.partnerCenter.upgrades()).toHaveLength(2);
  });

  it('starts a second upgrade as long as it does not see the first', async () => {
    await client.create();
    clock += 29_999;
    expect((await client.create()).status).toBe(202);
    clock += 30_000;
    expect((await client.create()).json).toMatchObject({ code: 900109 });
  });

  it('names an upgrade in eligibility answers a little later', async () => {
    const upgradeId = upgradeIdOf(await client.create());
    expect((await client.eligibility()).json).toMatchObject({ isEligible: true });
    clock += 300;
    expect((await client.eligibility()).json).toMatchObject({ isEligible: false, upgradeId });
  });

  it('remembers as many upgrades and calls as it shall', async () => {
    for (let count = 0; count < 6; count += 1)
      await client.create({}, { customerId: randomUUID(), productFamily: 'Azure' });
    expect(emulator.partnerCenter.upgrades()).toHaveLength(4);
    expect(emulator.partnerCenter.requests()).toHaveLength(4);
  });
});
