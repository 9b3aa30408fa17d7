import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { as, pathOf, upgradeRequest } from '../support/requests.ts';

let started: TestGateway;
let alice: ReturnType<typeof as>;
let bob: ReturnType<typeof as>;
beforeAll(async () => {
  started = await startTestGateway();
  alice = as(await started.emulator.entra.issueCallerToken({ user: 'alice' }), started);
  bob = as(await started.emulator.entra.issueCallerToken({ user: 'bob' }), started);
});
afterAll(() => started.stop());

describe('GET /v1/product-upgrades/{upgradeId}', () => {
  it('says who asked, when, for whom, the upstream ids and the last known status, without asking upstream', async () => {
    const request = upgradeRequest();
    const ordered = await alice.order(request);
    const before = started.emulator.partnerCenter.requests();
    const { status, body } = await bob.get(`/v1/product-upgrades/${ordered.body.upgradeId}`);
    const [create] = before;
    expect(status).toBe(200);
    expect(body).toMatchObject({
      ...ordered.body,
      ...request,
      status: 'NotStarted',
      isFinal: false,
      requestedAt: expect.stringMatching(/^\d{4}-/),
      order: {
        orderedBy: {
          tenantId: expect.any(String),
          applicationId: expect.any(String),
          objectId: expect.any(String),
        },
        state: 'accepted',
        changes: [
          { state: 'intended', changedAt: expect.any(String) },
          { state: 'accepted', changedAt: expect.any(String) },
        ],
        requestId: create?.headers['ms-requestid'],
        correlationId: ordered.headers['ms-correlationid'],
        upstream: { status: 202, cv: expect.any(String) },
      },
    });
    expect(started.emulator.partnerCenter.requests()).toHaveLength(before.length);

    await bob.get(pathOf(body.statusUrl));
    const later = await bob.get(`/v1/product-upgrades/${ordered.body.upgradeId}`);
    expect(later.body.checkedAt).toMatch(/^\d{4}-/);
  });

  it('has no order for an upgrade that was only heard of, and 404 for one that was not', async () => {
    const upgradeId = randomUUID();
    started.emulator.partnerCenter.next('completed', { upgradeId });
    await alice.order();
    const { body } = await bob.get(`/v1/product-upgrades/${upgradeId}`);
    expect(body.order).toBeUndefined();
    const unknown = await bob.get(`/v1/product-upgrades/${randomUUID()}`);
    expect([unknown.status, unknown.body.code]).toEqual([404, 'upgrade_not_found']);
  });
});

describe('GET /v1/product-upgrades', () => {
  it('pages through the upgrades, newest first, each once', async () => {
    const ordered: string[] = [];
    for (let index = 0; index < 5; index += 1) ordered.push((await alice.order()).body.upgradeId);
    const seen: string[] = [];
    let path = '/v1/product-upgrades?limit=2';
    for (;;) {
      const { body } = await bob.get(path);
      expect(body.items.length).toBeLessThanOrEqual(2);
      seen.push(...body.items.map(({ upgradeId }: { upgradeId: string }) => upgradeId));
      if (body.nextCursor === undefined) break;
      path = `/v1/product-upgrades?limit=2&cursor=${body.nextCursor}`;
      await alice.order(); // newer than the cursor: it must not shift what follows
    }
    expect(new Set(seen).size).toBe(seen.length);
    expect(seen.slice(0, 5)).toEqual(ordered.toReversed());
  });

  it('filters by customer and by status', async () => {
    const request = upgradeRequest();
    const { body } = await alice.order(request);
    const ids = async (query: string) =>
      (await bob.get(`/v1/product-upgrades?${query}`)).body.items.map(
        ({ upgradeId }: { upgradeId: string }) => upgradeId,
      );
    expect(await ids(`customerId=${request.customerId.toUpperCase()}`)).toEqual([body.upgradeId]);
    expect(await ids(`customerId=${request.customerId}&status=NotStarted`)).toEqual([body.upgradeId]);
    expect(await ids(`customerId=${request.customerId}&status=Failed`)).toEqual([]);
  });

  it.each([
    ['limit=0', 'limit'],
    ['limit=101', 'limit'],
    ['limit=1e1', 'limit'],
    ['status=completed', 'status'],
    ['customerId=me', 'customerId'],
    ['cursor=abc', 'cursor'],
    [`cursor=${Buffer.from('[1,"x"]').toString('base64url')}`, 'cursor'],
    [`cursor=${Buffer.from('{"a":1}').toString('base64url')}`, 'cursor'],
    [`cursor=${'x'.repeat(300)}`, 'cursor'],
    ['page=2', 'page'],
  ])('refuses %s', async (query, path) => {
    const response = await bob.get(`/v1/product-upgrades?${query}`);
    expect(response.status).toBe(400);
    expect(response.body.errors).toEqual([{ path, message: expect.any(String) }]);
  });
});
