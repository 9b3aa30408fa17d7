import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Emulator } from '../../../src/emulator/emulator.ts';
import type { ScenarioOptions } from '../../../src/emulator/partner-center/scenario-options.ts';
import type { ScenarioName } from '../../../src/emulator/partner-center/scenarios.ts';
import { partnerToken, startTrusted } from './entra-client.ts';
import {
  createPartnerCenterClient,
  customerId,
  order,
  type PartnerCenterClient,
  upgradeIdOf,
} from './partner-center-client.ts';

let emulator: Emulator;
let client: PartnerCenterClient;
beforeAll(async () => {
  emulator = await startTrusted({ pace: { pendingMs: 0, inProgressMs: 0 } });
  client = createPartnerCenterClient(emulator, await partnerToken(emulator));
});
beforeEach(() => emulator.partnerCenter.reset());
afterAll(() => emulator.stop());

const next = (name: ScenarioName, options?: ScenarioOptions) => emulator.partnerCenter.next(name, options);

describe('the order of scenarios', () => {
  it('is first in, first out, but each waits for its kind of call', async () => {
    next('unavailable', { operation: 'status' });
    next('server-error', { times: 2 });
    next('throttled', { operation: 'create' });
    expect((await client.eligibility()).status).toBe(500);
    expect((await client.create()).status).toBe(500);
    expect((await client.create()).status).toBe(429);
    const upgradeId = upgradeIdOf(await client.create());
    expect((await client.status(upgradeId)).status).toBe(503);
    expect((await client.status(upgradeId)).status).toBe(200);
  });

  it('does not change for a call without a good token, nor is a scenario lost on it', async () => {
    next('unavailable');
    expect((await createPartnerCenterClient(emulator, 'bad').create()).status).toBe(401);
    expect((await client.create()).status).toBe(503);
  });

  it('plays before the body is looked at', async () => {
    next('unavailable');
    expect((await client.create({}, { customerId })).status).toBe(503);
    expect((await client.create({}, { ...order, customerId: '' })).status).toBe(400);
  });

  it('wants scenarios that exist, with options that make sense', () => {
    const controls: { next(name: string, options?: object): void } = emulator.partnerCenter;
    expect(() => controls.next('not-json', { status: 'gone' })).toThrow('options.status');
    expect(() => controls.next('nonsense', { times: -1 })).toThrow(
      /scenario: must be one of throttled, .*options\.times/,
    );
  });
});
