import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Emulator } from '../../../src/emulator/emulator.ts';
import {
  customerWithoutAzureId,
  failingCustomerId,
  failingLineItemCustomerId,
  recentBuyerCustomerId,
  suspendedCustomerId,
  unknownCustomerId,
  unrelatedCustomerId,
} from '../../../src/emulator/partner-center/customers.ts';
import { partnerToken, startTrusted } from './entra-client.ts';
import {
  createPartnerCenterClient,
  order,
  type PartnerCenterClient,
  upgradeIdOf,
} from './partner-center-client.ts';

let emulator: Emulator;
let client: PartnerCenterClient;
let clock = Date.parse('2026-01-31T12:00:00.000Z');
const guid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

beforeAll(async () => {
  emulator = await startTrusted({ now: () => clock, pace: { pendingMs: 1000, inProgressMs: 2000 } });
  client = createPartnerCenterClient(emulator, await partnerToken(emulator));
});
beforeEach(() => emulator.partnerCenter.reset());
afterAll(() => emulator.stop());

describe('create', () => {
  it('answers 202 with an empty body and a relative Location', async () => {
    const answer = await client.create();
    expect(answer).toMatchObject({ status: 202, text: '' });
    expect(answer.headers.get('content-length')).toBe('0');
    expect(answer.headers.get('location')).toMatch(/^productUpgrades\/[0-9a-f-]{36}$/);
    expect(emulator.partnerCenter.upgrades()).toEqual([
      {
        upgradeId: upgradeIdOf(answer),
        ...order,
        status: 'Pending',
        acceptedAt: clock,
        requestId: undefined,
      },
    ]);
  });

  it('takes the path in any case', async () => {
    expect((await client.post('productupgrades', order)).status).toBe(202);
  });

  it('echoes the ids, or makes them, and adds its own headers', async () => {
    const ids = { 'MS-RequestId': randomUUID(), 'MS-CorrelationId': randomUUID() };
    const echoed = (await client.create(ids)).headers;
    expect(echoed.get('ms-requestid')).toBe(ids['MS-RequestId']);
    expect(echoed.get('ms-correlationid')).toBe(ids['MS-CorrelationId']);
    expect(echoed.get('ms-cv')).toBeTruthy();
    expect(echoed.get('ms-serverid')).toBeTruthy();
    expect(echoed.get('x-locale')).toBe('en-US');
    const made = (await client.create({ 'MS-RequestId': 'no guid' })).headers;
    expect(made.get('ms-requestid')).toMatch(guid);
    expect(made.get('ms-correlationid')).toMatch(guid);
  });

  it('sent again with the same MS-RequestId, gets the first answer and starts nothing', async () => {
    const headers = { 'MS-RequestId': randomUUID() };
    const first = await client.create(headers);
    const again = await client.create(headers);
    expect(again.status).toBe(202);
    expect(upgradeIdOf(again)).toBe(upgradeIdOf(first));
    expect(emulator.partnerCenter.upgrades()).toHaveLength(1);
    expect(emulator.partnerCenter.upgrades()[0]?.requestId).toBe(headers['MS-RequestId']);
  });

  it('is refused while an upgrade is under way, and when it is completed, each time naming it', async () => {
    const upgradeId = upgradeIdOf(await client.create());
    const during = await client.create();
    expect(during.status).toBe(409);
    expect(during.isMarked).toBe(false);
    expect(during.json).toMatchObject({ code: 900109, data: [], source: 'PartnerFD' });
    expect(during.json?.['description']).toContain(`original upgrade ${upgradeId} is in progress`);
    clock += 3000;
    const after = await client.create();
    expect(after.status).toBe(400);
    expect(after.json).toMatchObject({ code: 900110, description: expect.stringContaining(upgradeId) });
  });

  it('is possible again after a failed upgrade', async () => {
    const body = { ...order, customerId: failingCustomerId };
    const failed = upgradeIdOf(await client.create({}, body));
    clock += 3000;
    expect((await client.status(failed, body)).json).toMatchObject({
      status: 'Failed',
      errorDetails: { code: '900119' },
    });
    expect((await client.create({}, body)).status).toBe(202);
  });

  it.each([
    [{ ...order, customerId: 'nobody' }, 900118],
    [{ ...order, productFamily: 'Office' }, 2000],
    [{}, 900118],
    ['{"customerId":', 900118],
  ])('refuses the body %j', async (body, code) => {
    const answer = await client.create({}, body);
    expect(answer.status).toBe(400);
    expect(answer.json?.['code']).toBe(code);
  });
});

describe('a path that cannot be read', () => {
  it('is the caller’s fault', async () => {
    expect((await client.post('productUpgrades/%zz/status', order)).status).toBe(400);
  });
});

describe('status', () => {
  it('moves from Pending over InProgress to Completed and echoes the product family as sent', async () => {
    const upgradeId = upgradeIdOf(await client.create());
    const seen: unknown[] = [];
    for (const stepMs of [0, 1000, 2000]) {
      clock += stepMs;
      seen.push((await client.status(upgradeId)).json?.['status']);
    }
    expect(seen).toEqual(['Pending', 'InProgress', 'Completed']);
    const answer = await client.status(upgradeId, { ...order, productFamily: 'aZuRe' });
    expect(answer.isMarked).toBe(true);
    expect(answer.json).toEqual({
      id: upgradeId,
      status: 'Completed',
      productFamily: 'aZuRe',
      lineItems: [
        {
          sourceProduct: { id: expect.stringMatching(guid), name: 'AzureSubscription' },
          targetProduct: { id: expect.stringMatching(guid), name: 'Microsoft Azure plan' },
          upgradedDate: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}Z$/),
          status: 'Completed',
        },
      ],
    });
  });

  it('of a line item can be Failed while the upgrade is Completed', async () => {
    const body = { ...order, customerId: failingLineItemCustomerId };
    const upgradeId = upgradeIdOf(await client.create({}, body));
    clock += 3000;
    const lineItems = [
      { status: 'Completed' },
      { status: 'Failed', errorDetails: { message: expect.any(String) } },
    ];
    expect((await client.status(upgradeId, body)).json).toMatchObject({ status: 'Completed', lineItems });
  });

  it('of an unknown upgrade is 404, of another customer’s 400', async () => {
    const unknown = await client.status(randomUUID());
    expect(unknown).toMatchObject({ status: 404, json: { code: 900106 } });
    const upgradeId = upgradeIdOf(await client.create());
    const other = randomUUID();
    const wrong = await client.status(upgradeId, { ...order, customerId: other });
    expect(wrong).toMatchObject({ status: 400, json: { code: 900111 } });
    expect(wrong.json?.['description']).toContain(other);
    expect(wrong.json?.['description']).toContain(upgradeId);
  });
});

describe('eligibility', () => {
  it('is given to any customer, and names the upgrade once one is in place', async () => {
    const before = await client.eligibility();
    expect(before).toMatchObject({ status: 200, isMarked: true, json: { ...order, isEligible: true } });
    expect(before.json).not.toHaveProperty('upgradeId');
    const upgradeId = upgradeIdOf(await client.create());
    const after = await client.eligibility();
    expect(after.json).toEqual({ ...order, isEligible: false, upgradeId, reason: expect.any(String) });
  });

  it.each([
    [unknownCustomerId, 404, 60003, 404],
    [unrelatedCustomerId, 403, 20002, 403],
    [customerWithoutAzureId, 403, 900108, 200],
    [suspendedCustomerId, 403, 900105, 200],
    [recentBuyerCustomerId, 403, 900130, 200],
  ])('and create tell the story of customer %s', async (id, createStatus, code, eligibilityStatus) => {
    const body = { ...order, customerId: id };
    expect(await client.create({}, body)).toMatchObject({ status: createStatus, json: { code } });
    const eligibility = await client.eligibility({}, body);
    expect(eligibility.status).toBe(eligibilityStatus);
    if (eligibilityStatus === 200) {
      expect(eligibility.json).toMatchObject({ isEligible: false, reason: expect.any(String) });
    }
  });
});
