import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { openDatabase } from '../../src/database/database.ts';
import type { OrderPoint } from '../../src/product-upgrades/types.ts';
import { createCallerTokens, secondsFromNow } from '../support/caller-tokens.ts';
import { startTestGateway, type TestGateway, type TestGatewayOptions } from '../support/gateway.ts';
import { as, upgradeRequest } from '../support/requests.ts';
import { until } from '../support/until.ts';

const hour = 3_600_000;
let emulating: TestGateway;
let token: string;
let folder: string;
let databases = 0;
let databaseUrl: string;
let running: TestGateway[] = [];

beforeAll(async () => {
  // Slow enough that an upgrade is in flight for as long as a test lasts.
  emulating = await startTestGateway({ emulator: { pace: { pendingMs: 60_000, inProgressMs: 60_000 } } });
  token = await createCallerTokens(emulating.emulator).user({ exp: secondsFromNow(200_000) });
  folder = await mkdtemp(join(tmpdir(), 'recovery-test-'));
});
afterAll(async () => {
  await emulating.stop();
  await rm(folder, { recursive: true, force: true });
});
beforeEach(() => {
  emulating.emulator.partnerCenter.reset();
  databases += 1;
  databaseUrl = `sqlite:${join(folder, `${databases}.db`)}`;
});
afterEach(async () => {
  await Promise.all(running.map((gateway) => gateway.stop()));
  running = [];
});

/** A gateway on this test's database; its clock runs ahead by `aheadMs`. */
async function start(options: TestGatewayOptions & { aheadMs?: number } = {}) {
  const { aheadMs = 0, ...rest } = options;
  const gateway = await startTestGateway({
    besides: emulating,
    variables: { DATABASE_URL: databaseUrl, PARTNER_CENTER_TIMEOUT_MS: '700' },
    recoveryIntervalMs: 20,
    now: () => Date.now() + aheadMs,
    ...rest,
  });
  running.push(gateway);
  return gateway;
}
/** A gateway that leaves recovery alone after its start. */
const startIdle = (options: TestGatewayOptions = {}) => start({ recoveryIntervalMs: 600_000, ...options });

const upstream = () => emulating.emulator.partnerCenter;
const operations = () =>
  upstream()
    .requests()
    .map(({ operation }) => operation);
const creates = () =>
  upstream()
    .requests()
    .filter(({ operation }) => operation === 'create');
const order = (gateway: TestGateway, request: object, key: string) =>
  as(token, gateway).order(request).set('Idempotency-Key', key);

const listed = async (gateway: TestGateway, customerId: string) =>
  (await as(token, gateway).get(`/v1/product-upgrades?customerId=${customerId}`)).body.items;

describe('after a crash', () => {
  const dyingAt = (where: OrderPoint) => (point: OrderPoint) =>
    point === where ? new Promise<void>(() => undefined) : undefined;

  it.each(['after-intent', 'after-send', 'after-answer', 'before-reply'] as const)(
    '%s another gateway finds out what happened, and the retried key gets its upgrade',
    async (point) => {
      const dying = await startIdle({ atPoint: dyingAt(point) });
      const request = upgradeRequest();
      const key = randomUUID();
      await expect(order(dying, request, key).timeout({ response: 250 })).rejects.toThrow(/timeout/i);
      const survivor = await start({ aheadMs: 60_000 });
      const [upgrade] = await until(async () => {
        const items = await listed(survivor, request.customerId);
        return items.length > 0 && items;
      });
      expect(
        upstream()
          .upgrades()
          .map(({ upgradeId }) => upgradeId),
      ).toEqual([upgrade.upgradeId]);
      expect(new Set(creates().map(({ headers }) => headers['ms-requestid'])).size).toBe(1);

      const retried = await order(survivor, request, key);
      expect([retried.status, retried.body.upgradeId]).toEqual([202, upgrade.upgradeId]);
      expect(upstream().upgrades()).toHaveLength(1);
    },
  );

  it('before the intent there is nothing to recover, and the retried key orders afresh', async () => {
    const dying = await startIdle({ atPoint: dyingAt('before-intent') });
    const request = upgradeRequest();
    const key = randomUUID();
    await expect(order(dying, request, key).timeout({ response: 250 })).rejects.toThrow(/timeout/i);
    const survivor = await start({ aheadMs: 60_000 });
    expect(operations()).toEqual([]);
    expect((await order(survivor, request, key)).status).toBe(202);
    expect(upstream().upgrades()).toHaveLength(1);
  });

  it('the retried key finishes the work itself as soon as the lease has run out, and not before', async () => {
    const dying = await startIdle({ atPoint: dyingAt('after-answer') });
    let aheadMs = 0;
    const survivor = await startIdle({ now: () => Date.now() + aheadMs });
    const request = upgradeRequest();
    const key = randomUUID();
    await expect(order(dying, request, key).timeout({ response: 250 })).rejects.toThrow(/timeout/i);
    const early = await order(survivor, request, key);
    expect([early.status, early.body.code]).toEqual([409, 'idempotency_key_in_use']);

    aheadMs = 60_000;
    const late = await order(survivor, request, key);
    expect([late.status, late.body.upgradeId]).toEqual([202, upstream().upgrades()[0]?.upgradeId]);
    expect(upstream().upgrades()).toHaveLength(1);
  });
});

describe('an order of unknown outcome', () => {
  /** Nobody knows what came of it: Partner Center gave no usable answer to any attempt, and started nothing. */
  async function loseOrder(gateway: TestGateway, request = upgradeRequest(), key: string = randomUUID()) {
    upstream().next('server-error', { operation: 'create', times: 4 });
    const response = await order(gateway, request, key);
    expect(response.status).toBe(503);
    return { request, key };
  }

  it('is asked about before it is sent again, with its first MS-RequestId', async () => {
    const gateway = await start();
    const { request, key } = await loseOrder(gateway);
    await until(() => upstream().upgrades().length === 1);
    expect(operations()).toEqual(['create', 'create', 'create', 'create', 'eligibility', 'create']);
    expect(new Set(creates().map(({ headers }) => headers['ms-requestid'])).size).toBe(1);
    const retried = await until(async () => {
      const response = await order(gateway, request, key);
      return response.status === 202 ? response : false;
    });
    expect(retried.body.upgradeId).toBe(upstream().upgrades()[0]?.upgradeId);
  });

  it('that had been accepted is found by eligibility alone', async () => {
    const gateway = await start();
    upstream().next('no-location');
    const request = upgradeRequest();
    expect((await as(token, gateway).order(request)).status).toBe(502);
    const [record] = await until(async () => {
      const items = await listed(gateway, request.customerId);
      return items.length > 0 && items;
    });
    expect(record).toMatchObject({
      upgradeId: upstream().upgrades()[0]?.upgradeId,
      order: { state: 'accepted', requestId: creates()[0]?.headers['ms-requestid'] },
    });
    expect(operations()).toEqual(['create', 'eligibility']);

    const { body } = await as(token, gateway).get(`/v1/product-upgrades/${record.upgradeId}`);
    expect(body.order.changes.map(({ state }: { state: string }) => state)).toEqual([
      'intended',
      'unknown',
      'accepted',
    ]);
  });

  it.each(['in-progress', 'completed'] as const)(
    'adopts the upgrade that the refusal of the repeated call names: %s',
    async (scenario) => {
      const gateway = await start();
      const upgradeId = randomUUID();
      upstream().next('server-error', { operation: 'create', times: 4 });
      upstream().next(scenario, { upgradeId });
      const request = upgradeRequest();
      const key = randomUUID();
      expect((await order(gateway, request, key)).status).toBe(503);
      const retried = await until(async () => {
        const response = await order(gateway, request, key);
        return response.status === 202 ? response : false;
      });
      expect(retried.body.upgradeId).toBe(upgradeId);
      expect(upstream().upgrades()).toHaveLength(0);
    },
  );

  it('does not take somebody’s earlier upgrade for its own', async () => {
    const gateway = await startIdle();
    const request = upgradeRequest();
    upstream().next('completed', { upgradeId: randomUUID() });
    const { body } = await order(gateway, request, randomUUID());
    expect(body.code).toBe('upgrade_already_completed');
    const { key } = await loseOrder(gateway, request);
    upstream().next('completed', { upgradeId: body.upgradeId });
    const retried = await order(gateway, request, key);
    expect(retried.body).toMatchObject({ code: 'upgrade_already_completed', upgradeId: body.upgradeId });
  });

  it('takes an upgrade that a user’s question made known meanwhile for its own', async () => {
    const gateway = await startIdle();
    upstream().next('no-location');
    const request = upgradeRequest();
    const key = randomUUID();
    expect((await order(gateway, request, key)).status).toBe(502);
    const { body } = await as(token, gateway).getEligibility(request.customerId);
    expect(body.upgradeId).toBe(upstream().upgrades()[0]?.upgradeId);
    const retried = await order(gateway, request, key);
    expect([retried.status, retried.body.upgradeId]).toEqual([202, body.upgradeId]);
    const [record] = await listed(gateway, request.customerId);
    expect(record.order.state).toBe('accepted');
  });

  it('starts no second upgrade where somebody else’s has come first', async () => {
    const gateway = await startIdle();
    const { request, key } = await loseOrder(gateway);
    const stranger = await startTestGateway({ besides: emulating }); // another ledger: another system
    running.push(stranger);
    const theirs = await as(token, stranger).order(request);
    expect(theirs.status).toBe(202);

    const retried = await order(gateway, request, key);
    expect(retried.body.upgradeId).toBe(theirs.body.upgradeId);
    expect(upstream().upgrades()).toHaveLength(1);
    expect(creates()).toHaveLength(5); // four lost ones and the stranger's
  });

  it('that is found to be refused lets go of its key', async () => {
    const gateway = await start();
    upstream().next('server-error', { operation: 'create', times: 4 });
    upstream().next('not-eligible', { operation: 'create' });
    const request = upgradeRequest();
    const key = randomUUID();
    expect((await order(gateway, request, key)).status).toBe(503);
    await until(() => creates().length === 5);
    await until(async () => (await order(gateway, upgradeRequest(), key)).status === 202);
  });

  it('is sent again until it is an hour old', async () => {
    const gateway = await startIdle();
    const { request } = await loseOrder(gateway);
    await start({ aheadMs: hour - 30_000 });
    await until(() =>
      upstream()
        .upgrades()
        .some(({ customerId }) => customerId === request.customerId),
    );
    expect(upstream().upgrades()).toHaveLength(1);
    expect(new Set(creates().map(({ headers }) => headers['ms-requestid'])).size).toBe(1);
  });

  it('that is an hour old is only asked about, given up, and its key may be used again', async () => {
    const gateway = await startIdle();
    const { request, key } = await loseOrder(gateway);
    const before = creates();
    const survivor = await start({ aheadMs: hour });
    await until(() => operations().includes('eligibility'));
    await until(async () => (await order(survivor, request, key)).status === 202);
    expect(operations().filter((each) => each === 'eligibility')).toHaveLength(1);
    expect(creates()).toHaveLength(before.length + 1);
    expect(creates().at(-1)?.headers['ms-requestid']).not.toBe(before[0]?.headers['ms-requestid']);
  });

  it('that is an hour old and had been accepted is found all the same', async () => {
    const gateway = await startIdle();
    upstream().next('no-location');
    const request = upgradeRequest();
    await as(token, gateway).order(request);
    const survivor = await start({ aheadMs: 30 * hour });
    await until(async () => (await listed(survivor, request.customerId)).length === 1);
    expect(operations()).toEqual(['create', 'eligibility']);
  });

  it('that cannot be resolved in an hour is one ERROR with all that Microsoft’s support asks for, and goes on', async () => {
    const gateway = await startIdle();
    const { request } = await loseOrder(gateway);
    upstream().next('server-error', { operation: 'eligibility', times: 40 });
    const survivor = await start({ aheadMs: hour });
    const errors = () =>
      survivor.logLines().filter(({ level, msg }) => level === 'error' && /outcome of an order/.test(msg));
    await until(() => errors().length > 0);
    expect(errors()[0]).toMatchObject({
      orderId: expect.any(String),
      customerId: request.customerId,
      requestId: creates()[0]?.headers['ms-requestid'],
      correlationId: creates()[0]?.headers['ms-correlationid'],
      upstream: { status: 500, code: '800003', cv: expect.any(String) },
      requestedAt: expect.any(String),
      triedUntil: expect.any(String),
      code: 'upstream_unavailable',
    });
    await until(() => operations().filter((each) => each === 'eligibility').length >= 8);
    expect(errors()).toHaveLength(1);
    expect(creates()).toHaveLength(4);
  });

  it('waits as long as Partner Center asks for, and so do the others and the caller', async () => {
    const gateway = await startIdle();
    const { request, key } = await loseOrder(gateway);
    await loseOrder(gateway);
    upstream().next('throttled', { operation: 'eligibility', retryAfterSeconds: 57 });
    await start({ aheadMs: 1_500_000 });
    await until(() => operations().includes('eligibility'));
    await sleep(300);
    // The workers that had already taken an order finish it; nobody takes another one, and the throttled one waits.
    expect(operations().filter((each) => each === 'eligibility').length).toBeLessThanOrEqual(2);
    const retried = await order(running[1] ?? gateway, request, key);
    if (retried.status !== 202) {
      expect(retried.status).toBe(409);
      expect(Number(retried.headers['retry-after'])).toBeGreaterThanOrEqual(57);
    }
  });

  it('is worked at by one of several gateways', async () => {
    const gateway = await startIdle();
    const lost = [];
    for (let index = 0; index < 12; index += 1) lost.push(await loseOrder(gateway));
    const before = operations().length;
    await Promise.all([1, 2, 3].map(() => start({ aheadMs: 1_500_000 })));
    await until(() => upstream().upgrades().length === lost.length);
    await sleep(100);
    const sinceThen = operations().slice(before);
    expect(sinceThen.filter((each) => each === 'eligibility')).toHaveLength(lost.length);
    expect(sinceThen.filter((each) => each === 'create')).toHaveLength(lost.length);
  });

  it('that another gateway has taken over is not sent again by the first one', async () => {
    const path = databaseUrl.replace('sqlite:', '');
    const taking = await openDatabase({ kind: 'sqlite', path }, { warn() {}, error() {} });
    const takeOver = () =>
      taking.database
        .updateTable('product_upgrade_orders')
        .set({ lease_owner: 'another', lease_until: Date.now() + 60_000 })
        .execute();
    const gateway = await startIdle({
      orderLeaseMs: 150,
      atPoint: async (point) => void (point === 'after-send' && (await takeOver())),
    });
    upstream().next('throttled', { operation: 'create', retryAfterSeconds: 1 });
    const response = await as(token, gateway).order();
    expect([response.status, response.body.code]).toEqual([504, 'upstream_timeout']);
    expect(response.body.detail).toMatch(/being found out/);
    expect(creates()).toHaveLength(1);
    await taking.destroy();
  });
});
