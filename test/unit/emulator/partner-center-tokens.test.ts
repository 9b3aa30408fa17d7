import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Emulator } from '../../../src/emulator/emulator.ts';
import { partnerClientId, partnerClientSecret } from '../../../src/emulator/identities.ts';
import { partnerToken, postToken, startTrusted } from './entra-client.ts';
import { createPartnerCenterClient, customerId, type PartnerCenterClient } from './partner-center-client.ts';

let emulator: Emulator;
let client: PartnerCenterClient;
const clock = Date.parse('2026-01-31T12:00:00.000Z');

beforeAll(async () => {
  emulator = await startTrusted({ now: () => clock, pace: { pendingMs: 1000, inProgressMs: 2000 } });
  client = createPartnerCenterClient(emulator, await partnerToken(emulator));
});
beforeEach(() => emulator.partnerCenter.reset());
afterAll(() => emulator.stop());

describe('a token', () => {
  const withToken = (token: string) => createPartnerCenterClient(emulator, token).create();

  it('is needed, for Partner Center, from the partner’s tenant', async () => {
    const wrong = [
      'nonsense',
      await emulator.entra.issueCallerToken({ user: 'alice' }),
      await emulator.entra.sign({ aud: emulator.partnerCenterUrl, scp: 'user_impersonation', amr: ['mfa'] }),
    ];
    for (const token of wrong) {
      expect(await withToken(token)).toMatchObject({ status: 401, json: { code: 800001 }, isMarked: false });
    }
    expect(emulator.partnerCenter.upgrades()).toEqual([]);
  });

  it('without MFA is refused, unless only MFA is asked about', async () => {
    const weak = createPartnerCenterClient(emulator, await partnerToken(emulator, { mfa: false }));
    expect(await weak.eligibility()).toMatchObject({ status: 401, json: { code: 900421 } });
    const asked = await weak.eligibility({ ValidateMfa: 'true' });
    expect(asked.status).toBe(200);
    expect(asked.headers.get('ismfacompliant')).toBe('false');
    expect((await client.eligibility({ ValidateMfa: 'true' })).headers.get('ismfacompliant')).toBe('true');
  });

  it('of the application alone is refused', async () => {
    const { body } = await postToken(emulator, {
      grant_type: 'client_credentials',
      client_id: partnerClientId,
      client_secret: partnerClientSecret,
      scope: `${emulator.partnerCenterUrl}/.default`,
    });
    expect(await withToken(body.access_token)).toMatchObject({ status: 403, json: { code: 900150 } });
  });

  it('signed before the keys rolled is still taken', async () => {
    await emulator.entra.rollSigningKeys();
    expect((await client.create()).status).toBe(202);
  });
});

describe('what is recorded', () => {
  it('shows each call with its answer, without the token', async () => {
    await client.create({ 'X-Locale': 'de-DE' });
    await client.post('customers', {});
    expect(emulator.partnerCenter.requests()).toMatchObject([
      { at: clock, operation: 'create', path: '/v1/productUpgrades', body: { customerId }, answered: 202 },
      { operation: 'unknown', path: '/v1/customers', answered: 404 },
    ]);
    const [first] = emulator.partnerCenter.requests();
    expect(first?.headers).toMatchObject({ authorization: 'Bearer ***', 'x-locale': 'de-DE' });
  });
});
