import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { as, upgradeRequest } from '../support/requests.ts';

let started: TestGateway;
let alice: ReturnType<typeof as>;
beforeAll(async () => {
  started = await startTestGateway();
  alice = as(await started.emulator.entra.issueCallerToken({ user: 'alice' }), started);
});
afterAll(() => started.stop());
beforeEach(() => started.emulator.partnerCenter.reset());

const upstreamCalls = (operation: string) =>
  started.emulator.partnerCenter.requests().filter((request) => request.operation === operation);

describe('POST /v1/product-upgrades', () => {
  it('orders the upgrade and answers exactly its id and its status URL', async () => {
    const request = upgradeRequest();
    const response = await alice.order(request);

    const [upgrade] = started.emulator.partnerCenter.upgrades();
    const statusUrl = `https://upgrades.example.test/v1/product-upgrades/${upgrade?.upgradeId}/status`;
    expect(response.status).toBe(202);
    expect(response.body).toEqual({ upgradeId: upgrade?.upgradeId, statusUrl });
    expect(response.headers).toMatchObject({
      location: statusUrl,
      'operation-location': statusUrl,
      'retry-after': expect.stringMatching(/^[1-9]\d*$/),
    });
    expect(upgrade).toMatchObject({ customerId: request.customerId, productFamily: 'Azure' });
  });

  it('sends Partner Center the documented headers, with fresh ids and the caller’s correlation id', async () => {
    const correlationId = randomUUID();
    const response = await alice.order().set('MS-CorrelationId', correlationId);

    const [call] = upstreamCalls('create');
    expect(call?.headers).toMatchObject({
      accept: 'application/json',
      'content-type': 'application/json',
      'ms-correlationid': correlationId,
      'ms-requestid': expect.stringMatching(/^[0-9a-f-]{36}$/),
      'ms-contract-version': 'v1',
      'ms-partnercenter-application': 'Product Upgrade Gateway',
      'x-locale': 'en-US',
    });
    expect(response.headers['ms-correlationid']).toBe(correlationId);
    expect(response.headers['ms-requestid']).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('takes the product family and the customer id in any case', async () => {
    const customerId = randomUUID();
    const response = await alice.order({ customerId: customerId.toUpperCase(), productFamily: 'aZuRe' });
    expect(response.status).toBe(202);
    expect(upstreamCalls('create')[0]?.body).toEqual({ customerId, productFamily: 'Azure' });
  });

  it('builds addresses from PUBLIC_URL, whatever Host and X-Forwarded-* say', async () => {
    const response = await alice
      .order()
      .set({ Host: 'evil.example', 'X-Forwarded-Host': 'evil.example', 'X-Forwarded-Proto': 'http' });
    expect(response.body.statusUrl).toMatch(/^https:\/\/upgrades\.example\.test\/v1\//);
    expect(JSON.stringify([response.headers, response.body])).not.toContain('evil');
  });

  it('when an upgrade of the customer is in progress, names it and starts no second one', async () => {
    const request = upgradeRequest();
    const first = await alice.order(request);
    const second = await alice.order(request);

    expect(second.status).toBe(409);
    expect(second.body).toMatchObject({ code: 'upgrade_already_in_progress', ...first.body });
    expect(upstreamCalls('create')).toHaveLength(1);
  });

  it('when Partner Center says that an upgrade is in progress, names it and says what support asks for', async () => {
    const upgradeId = randomUUID();
    started.emulator.partnerCenter.next('in-progress', { upgradeId });
    const response = await alice.order();
    expect(response.status).toBe(409);
    expect(response.body).toMatchObject({ code: 'upgrade_already_in_progress', upgradeId });
    expect(response.body.upstream).toMatchObject({ status: 409, code: '900109', cv: expect.any(String) });
  });

  it('when the customer has been upgraded already, names the upgrade, whose status can then be asked for', async () => {
    const upgradeId = randomUUID();
    started.emulator.partnerCenter.next('completed', { upgradeId });
    const response = await alice.order();
    expect(response.status).toBe(409);
    expect(response.body).toMatchObject({ code: 'upgrade_already_completed', upgradeId });

    const status = await alice.getStatus(upgradeId);
    expect(upstreamCalls('status')[0]?.path).toContain(upgradeId);
    expect(status.body.code).toBe('upgrade_not_found'); // the emulator has never heard of the id it was told to name
  });

  it.each(['absolute-location', 'rooted-location', 'status-body'] as const)(
    'reads the upgrade id whatever the shape of the answer: %s',
    async (scenario) => {
      started.emulator.partnerCenter.next(scenario);
      const response = await alice.order();
      expect(response.status).toBe(202);
      expect(response.body.upgradeId).toBe(started.emulator.partnerCenter.upgrades()[0]?.upgradeId);
    },
  );

  it.each([
    'timeout-after-accept',
    'reset-after-accept',
    'server-error',
    'unavailable',
    'reset-before-accept',
  ] as const)(
    'after %s repeats the call with the same MS-RequestId and starts one upgrade',
    async (scenario) => {
      started.emulator.partnerCenter.next(scenario);
      const response = await alice.order();

      expect(response.status).toBe(202);
      const calls = upstreamCalls('create');
      expect(calls).toHaveLength(2);
      expect(calls[1]?.headers['ms-requestid']).toBe(calls[0]?.headers['ms-requestid']);
      expect(started.emulator.partnerCenter.upgrades()).toHaveLength(1);
      expect(response.body.upgradeId).toBe(started.emulator.partnerCenter.upgrades()[0]?.upgradeId);
    },
  );

  it('gives every logical call a request id of its own', async () => {
    await alice.order();
    await alice.order();
    const [first, second] = upstreamCalls('create').map(({ headers }) => headers['ms-requestid']);
    expect(first).not.toBe(second);
  });
});
