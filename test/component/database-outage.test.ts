import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { OrderPoint } from '../../src/product-upgrades/types.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { startPostgres, type TestPostgres } from '../support/postgres.ts';
import { as, upgradeRequest } from '../support/requests.ts';
import { until } from '../support/until.ts';

let postgres: TestPostgres;
let databaseUrl: string;
let started: TestGateway;
let alice: ReturnType<typeof as>;
let reached: (point: OrderPoint) => void | Promise<void> = () => undefined;
beforeAll(async () => {
  postgres = await startPostgres();
  databaseUrl = await postgres.createDatabase();
  started = await startTestGateway({
    variables: { DATABASE_URL: databaseUrl },
    emulator: { pace: { pendingMs: 300, inProgressMs: 60_000 } },
    recoveryIntervalMs: 50,
    orderLeaseMs: 600,
    atPoint: (point) => reached(point),
  });
  alice = as(await started.emulator.entra.issueCallerToken({ user: 'alice' }), started);
});
afterAll(async () => {
  await started.stop();
  await postgres.stop();
});
beforeEach(() => {
  started.emulator.partnerCenter.reset();
});
afterEach(async () => {
  reached = () => undefined;
  await postgres.halt();
  await postgres.resume();
  await until(async () => (await started.api.get('/health/ready')).status === 200);
});

const creates = () =>
  started.emulator.partnerCenter.requests().filter(({ operation }) => operation === 'create');
const upgrades = () => started.emulator.partnerCenter.upgrades();

describe('while the database is away', () => {
  it('consent cannot begin, and a browser that comes back gets a page that says so', async () => {
    const admin = as(await started.emulator.entra.issueCallerToken({ user: 'admin' }), started);
    await postgres.halt();
    const begun = await admin.post('/v1/partner-consent');
    expect([begun.status, begun.body.code]).toEqual([503, 'ledger_unavailable']);
    const page = await started.api.get(`/v1/partner-consent/callback?state=${'A'.repeat(43)}&code=any`);
    expect([page.status, page.type]).toEqual([503, 'text/html']);
    expect(page.text).toContain('Wait a few minutes');
  });

  it('orders answer 503 before anything is sent, and work again when it is back', async () => {
    await postgres.halt();
    const responses = await Promise.all(Array.from({ length: 5 }, () => alice.order()));
    for (const response of responses) {
      expect([response.status, response.body.code]).toEqual([503, 'ledger_unavailable']);
      expect(response.headers['retry-after']).toMatch(/^[1-9]\d*$/);
    }
    expect(started.emulator.partnerCenter.requests()).toHaveLength(0);

    await postgres.resume();
    await until(async () => (await alice.order()).status === 202);
  });

  it('readiness says so by name, and the process stays alive', async () => {
    await postgres.halt();
    const { status, body } = await started.api.get('/health/ready');
    expect(status).toBe(503);
    expect(body.checks.ledger).toEqual({ status: 'failing', detail: expect.stringMatching(/database/) });
    expect((await started.api.get('/health/live')).status).toBe(200);
  });

  it('the status of an upgrade that was looked at before is still served, and goes on', async () => {
    const { body } = await alice.order();
    expect((await alice.getStatus(body.upgradeId)).body.status).toBe('NotStarted');
    await postgres.halt();
    expect((await alice.getStatus(body.upgradeId)).status).toBe(200);
    await until(async () => (await alice.getStatus(body.upgradeId)).body.status === 'Running');

    const unknown = await alice.getStatus(randomUUID());
    expect([unknown.status, unknown.body.code]).toEqual([503, 'ledger_unavailable']);
    for (const path of ['/v1/product-upgrades', `/v1/product-upgrades/${body.upgradeId}`])
      expect((await alice.get(path)).body.code).toBe('ledger_unavailable');
  });

  it('recovery waits, says so once, and goes on by itself', async () => {
    started.emulator.partnerCenter.next('server-error', { operation: 'create', times: 4 });
    const halting = postgres.halt(); // at the same time: whichever comes first, the order must not be lost
    const request = upgradeRequest();
    const key = randomUUID();
    const first = await alice.order(request).set('Idempotency-Key', key);
    expect(first.status).toBe(503);
    await halting;
    const linesBefore = started.logLines().length;
    await sleep(400);
    const lines = started.logLines().slice(linesBefore);
    expect(lines.filter(({ level }) => level === 'error')).toEqual([]);
    expect(lines.filter(({ msg }) => /recovery waits/.test(msg)).length).toBeLessThanOrEqual(1);

    await postgres.resume();
    await until(async () => (await alice.order(request).set('Idempotency-Key', key)).status === 202);
    expect(upgrades()).toHaveLength(1);
  });
});

describe('when the database goes away in the middle of an order', () => {
  const haltAt = (where: OrderPoint) => {
    reached = async (point) => {
      if (point === where) await postgres.halt();
    };
  };

  it('the caller gets the id that Partner Center gave, and so does the retried key', async () => {
    haltAt('after-answer');
    const request = upgradeRequest();
    const key = randomUUID();
    const first = await alice.order(request).set('Idempotency-Key', key);
    expect(first.status).toBe(202);
    expect(first.body.upgradeId).toBe(upgrades()[0]?.upgradeId);

    reached = () => undefined;
    await postgres.resume();
    await until(async () => {
      const again = await alice.order(request).set('Idempotency-Key', key);
      if (again.status === 202) expect(again.body).toEqual(first.body);
      return again.status === 202;
    });
    const { body: record } = await alice.get(`/v1/product-upgrades/${first.body.upgradeId}`);
    expect(record.order.state).toBe('accepted');
    expect(upgrades()).toHaveLength(1);
  });

  it('the status that it was sent to is served at once, and the ledger has the upgrade before recovery looks', async () => {
    const patient = await startTestGateway({
      besides: started,
      variables: { DATABASE_URL: databaseUrl },
      orderLeaseMs: 600_000,
      atPoint: (point) => (point === 'after-answer' ? postgres.halt() : undefined),
    });
    try {
      const caller = as(await started.emulator.entra.issueCallerToken({ user: 'alice' }), patient);
      const { status, body } = await caller.order();
      expect(status).toBe(202);
      expect((await caller.getStatus(body.upgradeId)).body).toMatchObject({
        upgradeId: body.upgradeId,
        isFinal: false,
      });

      await postgres.resume();
      await until(async () => {
        expect((await caller.getStatus(body.upgradeId)).status).toBe(200);
        return (await alice.getStatus(body.upgradeId)).status === 200; // by the other gateway
      });
      const { body: record } = await alice.get(`/v1/product-upgrades/${body.upgradeId}`);
      expect(record.order.changes.map((change: { state: string }) => change.state)).toEqual([
        'intended',
        'accepted',
      ]);
    } finally {
      await patient.stop();
    }
  });

  it('a gateway stops although an acceptance cannot be recorded', async () => {
    const leaving = await startTestGateway({
      besides: started,
      variables: { DATABASE_URL: databaseUrl },
      atPoint: (point) => (point === 'after-answer' ? postgres.halt() : undefined),
    });
    const caller = as(await started.emulator.entra.issueCallerToken({ user: 'alice' }), leaving);
    expect((await caller.order()).status).toBe(202);
    const startedAt = performance.now();
    await leaving.stop();
    expect(performance.now() - startedAt).toBeLessThan(4_000);
  });

  it('a refusal that cannot be recorded is not told, since recovery may find otherwise', async () => {
    haltAt('after-answer');
    started.emulator.partnerCenter.next('not-eligible', { operation: 'create' });
    const response = await alice.order();
    expect([response.status, response.body.code]).toEqual([503, 'ledger_unavailable']);
    expect(response.body.detail).toMatch(/being found out.*same Idempotency-Key/);
  });

  it('before the intent is durable nothing is sent', async () => {
    haltAt('before-intent');
    const request = upgradeRequest();
    expect((await alice.order(request)).body.code).toBe('ledger_unavailable');
    // Orders of the tests before may be recovered meanwhile; this one must not have been sent.
    expect(creates().map(({ body }) => body)).not.toContainEqual(
      expect.objectContaining({ customerId: request.customerId }),
    );
  });
});

describe('a gateway that starts while the database is away', () => {
  it('starts, is not ready, and becomes ready by itself', async () => {
    await postgres.halt();
    const early = await startTestGateway({ besides: started, variables: { DATABASE_URL: databaseUrl } });
    try {
      expect((await early.api.get('/health/ready')).status).toBe(503);
      await postgres.resume();
      await until(async () => (await early.api.get('/health/ready')).status === 200);
    } finally {
      await early.stop();
    }
  });

  it('does not start where the database refuses it: a person must change the setting', async () => {
    const wrong = databaseUrl.replace(/:[^:@]+@/, ':not-the-password@');
    await expect(startTestGateway({ besides: started, variables: { DATABASE_URL: wrong } })).rejects.toThrow(
      /database cannot be opened/,
    );
  });
});
