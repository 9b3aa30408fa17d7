import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Emulator } from '../../../src/emulator/emulator.ts';
import { internalText } from '../../../src/emulator/partner-center/refusals.ts';
import type { ScenarioOptions } from '../../../src/emulator/partner-center/scenario-options.ts';
import type { ScenarioName } from '../../../src/emulator/partner-center/scenarios.ts';
import { partnerToken, startTrusted } from './entra-client.ts';
import { createPartnerCenterClient, type PartnerCenterClient, upgradeIdOf } from './partner-center-client.ts';

let emulator: Emulator;
let client: PartnerCenterClient;
beforeAll(async () => {
  emulator = await startTrusted({ pace: { pendingMs: 0, inProgressMs: 0 } });
  client = createPartnerCenterClient(emulator, await partnerToken(emulator));
});
beforeEach(() => emulator.partnerCenter.reset());
afterAll(() => emulator.stop());

const next = (name: ScenarioName, options?: ScenarioOptions) => emulator.partnerCenter.next(name, options);

describe('a refusal', () => {
  const named = '42d075a4-bfe7-43e7-af6d-7c68a57edcb4';
  it.each<[ScenarioName, ScenarioOptions, number, number, string]>([
    ['server-error', {}, 500, 800003, ''],
    ['mfa-required', {}, 401, 900421, ''],
    ['unauthorized', {}, 401, 800001, ''],
    ['wrong-audience', {}, 401, 900420, ''],
    ['forbidden', {}, 403, 900150, ''],
    ['conditional-access', {}, 403, 900309, ''],
    ['not-eligible', {}, 403, 900108, 'no Azure subscriptions'],
    ['not-eligible', { code: 900107, status: 400 }, 400, 900107, ''],
    ['customer-unknown', {}, 404, 60003, ''],
    ['customer-unknown', { code: 900118 }, 400, 900118, ''],
    ['customer-unknown', { code: 20002 }, 403, 20002, ''],
    ['in-progress', { upgradeId: named }, 409, 900109, `original upgrade ${named} is in progress`],
    ['completed', { upgradeId: named }, 400, 900110, named],
    ['unknown-error', {}, 400, 999999, internalText],
    ['unknown-error', { status: 418, code: 7 }, 418, 7, internalText],
  ])('%s %j', async (name, options, status, code, text) => {
    next(name, options);
    const answer = await client.create();
    expect(answer).toMatchObject({ status, isMarked: false, json: { code, data: [], source: 'PartnerFD' } });
    expect(answer.json?.['description']).toContain(text);
    expect(emulator.partnerCenter.upgrades()).toEqual([]);
  });

  it.each<[ScenarioName, number, number]>([
    ['upgrade-not-found', 404, 900106],
    ['wrong-customer', 400, 900111],
  ])('of a status: %s', async (name, status, code) => {
    const upgradeId = upgradeIdOf(await client.create());
    next(name, { upgradeId: named });
    expect(await client.status(upgradeId)).toMatchObject({ status, json: { code } });
  });

  it('for want of MFA can come without a body', async () => {
    next('mfa-required-empty');
    expect(await client.create()).toMatchObject({
      status: 401,
      statusText: 'Unauthorized - MFA required',
      text: '',
    });
  });
});

describe('what stands in front of the API', () => {
  it('throttles in its own dialect', async () => {
    next('throttled');
    const answer = await client.create();
    expect(answer).toMatchObject({ status: 429, isMarked: false });
    expect(answer.json).toEqual({
      statusCode: 429,
      message: 'Rate limit is exceeded. Try again in 57 seconds.',
    });
    expect(answer.headers.get('retry-after')).toBe('57');
    expect([...answer.headers.keys()].filter((name) => name.startsWith('ms-'))).toEqual([]);
  });

  it('can be unavailable', async () => {
    next('unavailable');
    expect(await client.create()).toMatchObject({ status: 503, text: '' });
  });

  it('can answer with a page, under a status of choice', async () => {
    next('not-json');
    next('not-json', { status: 502 });
    for (const status of [200, 502]) {
      const answer = await client.create();
      expect(answer).toMatchObject({ status, json: undefined });
      expect(answer.headers.get('content-type')).toContain('text/html');
    }
  });

  it('can redirect', async () => {
    next('redirect');
    const answer = await client.create();
    expect(answer.status).toBe(302);
    expect(answer.headers.get('location')).toMatch(/^https:\/\/elsewhere\./);
  });
});

describe('a call that gets no answer', () => {
  it.each<[ScenarioName, number]>([
    ['timeout-after-accept', 1],
    ['timeout-before-accept', 0],
    ['reset-after-accept', 1],
    ['reset-before-accept', 0],
  ])('%s leaves %i upgrade(s), and the same request id finds out', async (name, count) => {
    const headers = { 'MS-RequestId': randomUUID() };
    next(name);
    await expect(client.create(headers)).rejects.toThrow();
    expect(emulator.partnerCenter.upgrades()).toHaveLength(count);
    expect(emulator.partnerCenter.requests()[0]?.answered).toBeUndefined();
    expect((await client.create(headers)).status).toBe(202);
    expect(emulator.partnerCenter.upgrades()).toHaveLength(1);
  });

  it('slow answers as usual, later', async () => {
    next('slow', { delayMs: 150 });
    const startedAt = performance.now();
    expect((await client.create()).status).toBe(202);
    expect(performance.now() - startedAt).toBeGreaterThan(140);
  });
});

describe('the Location of an accepted upgrade', () => {
  const upgradeId = () => emulator.partnerCenter.upgrades()[0]?.upgradeId;
  it.each<[ScenarioName, () => string | null]>([
    ['no-location', () => null],
    ['absolute-location', () => `https://api.partnercenter.microsoft.com/v1/productUpgrades/${upgradeId()}`],
    ['rooted-location', () => `/v1/productUpgrades/${upgradeId()}`],
    ['garbage-location', () => 'productUpgrades/not-a-guid'],
  ])('%s', async (name, expected) => {
    next(name);
    const answer = await client.create();
    expect(answer.status).toBe(202);
    expect(upgradeId()).toBeDefined();
    expect(answer.headers.get('location')).toBe(expected());
  });

  it('can come with a status body', async () => {
    next('status-body');
    const answer = await client.create();
    expect(answer).toMatchObject({
      status: 202,
      isMarked: true,
      json: { id: upgradeIdOf(answer), status: 'Pending' },
    });
  });
});

describe('a status', () => {
  it.each<[ScenarioName, ScenarioOptions, object]>([
    ['unknown-status', {}, { status: 'Hibernating' }],
    ['unknown-status', { status: 'Brooding' }, { status: 'Brooding' }],
    [
      'description-error-details',
      {},
      { status: 'Failed', errorDetails: { code: '900120', description: expect.any(String) } },
    ],
    ['wrong-upgrade-id', { upgradeId: 'another' }, { id: 'another', status: 'Completed' }],
  ])('%s %j, asked once; then as usual', async (name, options, expected) => {
    next(name, options);
    const upgradeId = upgradeIdOf(await client.create());
    expect((await client.status(upgradeId)).json).toMatchObject(expected);
    expect((await client.status(upgradeId)).json).toMatchObject({ id: upgradeId, status: 'Completed' });
  });

  it.each<[ScenarioName, object]>([
    [
      'upgrade-failed',
      { status: 'Failed', errorDetails: { code: expect.any(String), message: expect.any(String) } },
    ],
    ['line-item-failed', { status: 'Completed', lineItems: [{ status: 'Completed' }, { status: 'Failed' }] }],
  ])('%s is decided by the create and stays', async (name, expected) => {
    next(name);
    await client.eligibility();
    const upgradeId = upgradeIdOf(await client.create());
    expect((await client.status(upgradeId)).json).toMatchObject(expected);
    expect((await client.status(upgradeId)).json).toMatchObject(expected);
  });
});

describe('a body that cannot be used', () => {
  it('broken-json, empty-body and huge-body', async () => {
    const upgradeId = upgradeIdOf(await client.create());
    next('broken-json');
    next('empty-body');
    next('huge-body');
    const broken = await client.status(upgradeId);
    expect(broken).toMatchObject({ status: 200, json: undefined, isMarked: true });
    expect(broken.text).not.toBe('');
    expect(await client.status(upgradeId)).toMatchObject({ status: 200, text: '' });
    expect((await client.status(upgradeId)).text.length).toBeGreaterThan(5 * 1024 * 1024);
  });

  it('cut-body: the headers arrive, the work is done, and the body breaks off', async () => {
    next('cut-body');
    await expect(client.create()).rejects.toThrow();
    expect(emulator.partnerCenter.upgrades()).toHaveLength(1);
  });
});
