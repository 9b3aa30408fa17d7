import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { failingCustomerId, failingLineItemCustomerId } from '../../src/emulator/partner-center/customers.ts';
import { startTestGateway, type TestGateway, testStatusIntervalMs } from '../support/gateway.ts';
import { as, upgradeRequest } from '../support/requests.ts';
import { until } from '../support/until.ts';

let started: TestGateway;
let alice: ReturnType<typeof as>;
let bob: ReturnType<typeof as>;
beforeAll(async () => {
  started = await startTestGateway();
  alice = as(await started.emulator.entra.issueCallerToken({ user: 'alice' }), started);
  bob = as(await started.emulator.entra.issueCallerToken({ user: 'bob' }), started);
});
afterAll(() => started.stop());
beforeEach(() => started.emulator.partnerCenter.reset());

const statusCalls = () =>
  started.emulator.partnerCenter.requests().filter(({ operation }) => operation === 'status');

/** Long-polls as a caller would, until nothing changes any more. */
async function followToTheEnd(upgradeId: string) {
  const seen: string[] = [];
  for (let response = await bob.getStatus(upgradeId); ; ) {
    seen.push(response.body.status);
    if (response.body.isFinal) return { seen, response };
    response = await bob
      .getStatus(upgradeId)
      .set({ Prefer: 'wait=10', 'If-None-Match': String(response.headers['etag']) });
  }
}

describe('GET /v1/product-upgrades/{upgradeId}/status', () => {
  it('follows an upgrade from NotStarted through Running to Succeeded', async () => {
    const request = upgradeRequest();
    const { body } = await alice.order(request);
    const { seen, response } = await followToTheEnd(body.upgradeId);

    expect(seen).toEqual(['NotStarted', 'Running', 'Succeeded']);
    expect(response.body).toMatchObject({
      upgradeId: body.upgradeId,
      customerId: request.customerId,
      productFamily: 'Azure',
      status: 'Succeeded',
      partnerCenterStatus: 'Completed',
      isFinal: true,
      lineItems: [
        {
          sourceProduct: { id: expect.any(String), name: 'AzureSubscription' },
          targetProduct: { id: expect.any(String), name: 'Microsoft Azure plan' },
          status: 'Succeeded',
          partnerCenterStatus: 'Completed',
          upgradedAt: expect.stringMatching(/\.\d{7}Z$/),
        },
      ],
    });
    expect(response.headers['retry-after']).toBeUndefined();
    expect(Date.parse(response.body.checkedAt)).toBeGreaterThanOrEqual(Date.parse(response.body.requestedAt));
  });

  it('tells pollers how long to wait while the upgrade is not final', async () => {
    const { body } = await alice.order();
    const response = await bob.getStatus(body.upgradeId);
    expect(response.body.isFinal).toBe(false);
    expect(response.headers['retry-after']).toMatch(/^[1-9]\d*$/);
  });

  it('sends Partner Center the customer and the family that were ordered', async () => {
    const request = upgradeRequest();
    const { body } = await alice.order(request);
    await bob.getStatus(body.upgradeId);
    expect(statusCalls()[0]).toMatchObject({
      path: `/v1/productUpgrades/${body.upgradeId}/status`,
      body: { customerId: request.customerId, productFamily: 'Azure' },
    });
  });

  it('asks Partner Center once for many who watch, and never again once the upgrade is final', async () => {
    const { body } = await alice.order();
    await Promise.all(Array.from({ length: 50 }, () => bob.getStatus(body.upgradeId)));
    await followToTheEnd(body.upgradeId);
    const askedAt = statusCalls().map(({ at }) => at);
    expect(askedAt.length).toBeGreaterThanOrEqual(3); // one for each status at least
    // Each call takes its own time on the way, so it is their number within the whole time that tells.
    const lastedMs = (askedAt.at(-1) ?? 0) - (askedAt[0] ?? 0);
    expect((askedAt.length - 1) * testStatusIntervalMs).toBeLessThanOrEqual(
      lastedMs + testStatusIntervalMs / 2,
    );

    const callsUntilFinal = statusCalls().length;
    await Promise.all(Array.from({ length: 10 }, () => bob.getStatus(body.upgradeId)));
    expect(statusCalls()).toHaveLength(callsUntilFinal);
  });

  it('answers 304 to a caller who has seen the current state, and a new ETag after a change', async () => {
    const { body } = await alice.order();
    const { response } = await followToTheEnd(body.upgradeId);
    const etag = String(response.headers['etag']);

    const same = await bob.getStatus(body.upgradeId).set('If-None-Match', etag);
    expect(same.status).toBe(304);
    expect(same.text).toBe('');
    const other = await bob.getStatus(body.upgradeId).set('If-None-Match', 'W/"something-else"');
    expect(other.status).toBe(200);
    expect(other.headers['etag']).toBe(etag);

    // As `fetch` sends it, in Node and in browsers.
    const fetched = await bob
      .getStatus(body.upgradeId)
      .set({ 'If-None-Match': `"x", ${etag}`, 'Cache-Control': 'no-cache', Pragma: 'no-cache' });
    expect(fetched.status).toBe(304);
  });

  it('holds a long poll of a caller who knows several states', async () => {
    const { body } = await alice.order();
    const first = await bob.getStatus(body.upgradeId);
    const second = await bob
      .getStatus(body.upgradeId)
      .set({ Prefer: 'wait=10', 'If-None-Match': `W/"something-else", ${first.headers['etag']}` });
    expect([first.body.status, second.body.status]).toEqual(['NotStarted', 'Running']);
  });

  it('varies by what it depends on, and by the origin that a browser may read it from', async () => {
    const { body } = await alice.order();
    const { headers } = await bob.getStatus(body.upgradeId);
    expect(headers['vary']?.split(', ').sort()).toEqual(['Authorization', 'Origin', 'Prefer']);
  });

  it('holds a long poll until something changes', async () => {
    const { body } = await alice.order();
    const first = await bob.getStatus(body.upgradeId);
    const second = await bob.getStatus(body.upgradeId).set('Prefer', 'wait=10');
    expect([first.body.status, second.body.status]).toEqual(['NotStarted', 'Running']);
    expect(second.headers['preference-applied']).toBe('wait=10');
  });

  it('ends a long poll after the time that the caller gave, with what is known', async () => {
    started.emulator.partnerCenter.next('unknown-status', { times: 1000 });
    const { body } = await alice.order();
    // Its line items change for a while, though the upgrade's own status says nothing that is known.
    await until(async () => (await bob.getStatus(body.upgradeId)).body.lineItems[0]?.status === 'Succeeded');
    const startedAt = performance.now();
    const response = await bob.getStatus(body.upgradeId).set('Prefer', 'wait=1');
    const waitedMs = performance.now() - startedAt;
    expect(waitedMs).toBeGreaterThan(900);
    expect(waitedMs).toBeLessThan(5_000);
    expect(response.status).toBe(200);
    expect(response.body.isFinal).toBe(false);
  });

  it('shows an upgrade that failed, with what it means', async () => {
    const { body } = await alice.order(upgradeRequest({ customerId: failingCustomerId }));
    const { seen, response } = await followToTheEnd(body.upgradeId);
    expect(seen.at(-1)).toBe('Failed');
    expect(response.body.error).toEqual({ code: expect.any(String), message: expect.any(String) });
  });

  it('shows a line item that failed while the upgrade as a whole succeeded', async () => {
    const { body } = await alice.order(upgradeRequest({ customerId: failingLineItemCustomerId }));
    const { response } = await followToTheEnd(body.upgradeId);
    expect(response.body.status).toBe('Succeeded');
    expect(response.body.lineItems).toEqual(
      expect.arrayContaining([
        expect.objectContaining({
          status: 'Failed',
          error: { code: expect.any(String), message: expect.any(String) },
        }),
      ]),
    );
  });

  it('shows a status that nobody knows as Running with the raw word, and logs it once', async () => {
    const { body } = await alice.order();
    started.emulator.partnerCenter.next('unknown-status', { status: 'Pondering', times: 3 });
    const first = await bob.getStatus(body.upgradeId);
    expect(first.body).toMatchObject({ status: 'Running', partnerCenterStatus: 'Pondering', isFinal: false });

    await followToTheEnd(body.upgradeId);
    const warnings = started.logLines().filter((line) => line['partnerCenterStatus'] === 'Pondering');
    expect(warnings).toHaveLength(1);
  });

  it('reads error details in the words of the SDKs as well as of the pages, without showing an unknown text', async () => {
    const { body } = await alice.order(upgradeRequest({ customerId: failingCustomerId }));
    started.emulator.partnerCenter.next('description-error-details');
    const response = await bob.getStatus(body.upgradeId);
    expect(response.status).toBe(200);
    expect(response.body.error?.message ?? '').not.toMatch(/description/i);
  });

  it('does not know an upgrade that was never ordered here, and asks nobody about it', async () => {
    const response = await bob.getStatus(randomUUID());
    expect(response.status).toBe(404);
    expect(response.body.code).toBe('upgrade_not_found');
    expect(statusCalls()).toHaveLength(0);
  });

  it.each(['upgrade-not-found', 'wrong-customer'] as const)(
    'when Partner Center answers %s, says that the upgrade is not known and names no other',
    async (scenario) => {
      const { body } = await alice.order();
      const otherUpgradeId = randomUUID();
      started.emulator.partnerCenter.next(scenario, { upgradeId: otherUpgradeId, operation: 'status' });
      const response = await bob.getStatus(body.upgradeId);
      expect(response.status).toBe(404);
      expect(response.body.code).toBe('upgrade_not_found');
      expect(response.text).not.toContain(otherUpgradeId);
    },
  );

  it('once throttled, leaves Partner Center alone until its Retry-After is over, however many poll', async () => {
    const { body } = await alice.order();
    started.emulator.partnerCenter.next('throttled', { operation: 'status', retryAfterSeconds: 57 });
    const first = await bob.getStatus(body.upgradeId);
    expect(first.status).toBe(503);
    expect(first.headers['retry-after']).toBe('57');

    const later = await Promise.all(Array.from({ length: 10 }, () => bob.getStatus(body.upgradeId)));
    expect(later.map(({ status }) => status)).toEqual(Array(10).fill(503));
    expect(Number(later[9]?.headers['retry-after'])).toBeLessThanOrEqual(57);
    expect(statusCalls()).toHaveLength(1);
  });
});
