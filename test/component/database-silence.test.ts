import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { type DatabaseLink, startDatabaseLink } from '../support/database-link.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { startPostgres, type TestPostgres } from '../support/postgres.ts';
import { as, upgradeRequest } from '../support/requests.ts';
import { until } from '../support/until.ts';

// A network that swallows everything: nothing fails by itself, and only time-outs help.

let postgres: TestPostgres;
let link: DatabaseLink;
let started: TestGateway;
let alice: ReturnType<typeof as>;
beforeAll(async () => {
  postgres = await startPostgres();
  link = await startDatabaseLink(await postgres.createDatabase());
  started = await startTestGateway({
    variables: { DATABASE_URL: link.url },
    recoveryIntervalMs: 200,
    orderLeaseMs: 1_000,
  });
  alice = as(await started.emulator.entra.issueCallerToken({ user: 'alice' }), started);
});
afterAll(async () => {
  link.thaw();
  await started.stop();
  await link.stop();
  await postgres.stop();
});
beforeEach(() => started.emulator.partnerCenter.reset());

it('when the database falls silent, everybody gets 503 in bounded time, nothing is sent, and it recovers', async () => {
  expect((await alice.order()).status).toBe(202);
  started.emulator.partnerCenter.reset();
  link.freeze();
  const orders = Array.from({ length: 15 }, () => alice.order());
  expect((await started.api.get('/health/live')).status).toBe(200);
  const ready = await started.api.get('/health/ready');
  expect([ready.status, ready.body.checks.ledger.status]).toEqual([503, 'failing']);
  for (const { status, body } of await Promise.all(orders))
    expect([status, body.code]).toEqual([503, 'ledger_unavailable']);
  expect(started.emulator.partnerCenter.requests()).toEqual([]);

  link.thaw();
  await until(async () => (await alice.order()).status === 202);
});

it('an order that was recorded in the last moment is carried out, once, and its key leads to it', async () => {
  const request = upgradeRequest();
  const key = randomUUID();
  link.freezeAfter('commit');
  const first = await alice.order(request).set('Idempotency-Key', key);
  expect([first.status, first.body.code]).toEqual([503, 'ledger_unavailable']);
  expect(first.body.detail).toMatch(/carried out.*same Idempotency-Key/);

  link.thaw();
  await until(() => started.emulator.partnerCenter.upgrades().length === 1);
  await until(async () => (await alice.order(request).set('Idempotency-Key', key)).status === 202);
  expect(started.emulator.partnerCenter.upgrades()).toEqual([
    expect.objectContaining({ customerId: request.customerId }),
  ]);
});
