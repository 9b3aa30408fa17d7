import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, expect, it } from '@jest/globals';
import pg from 'pg';
import { openDatabase } from '../../src/database/database.ts';
import { createLedger } from '../../src/product-upgrades/ledger.ts';
import { type DatabaseLink, startDatabaseLink } from '../support/database-link.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { startPostgres, type TestPostgres } from '../support/postgres.ts';
import { as, upgradeRequest } from '../support/requests.ts';
import { until } from '../support/until.ts';

// A network that swallows everything: nothing fails by itself, and only time-outs help.

/** Less than the product's own, which would only take longer. */
const databasePatienceMs = 2_000;

let postgres: TestPostgres;
let databaseUrl: string;
let link: DatabaseLink;
let started: TestGateway;
let alice: ReturnType<typeof as>;
beforeAll(async () => {
  postgres = await startPostgres();
  databaseUrl = await postgres.createDatabase();
  link = await startDatabaseLink(databaseUrl);
  started = await startTestGateway({
    variables: { DATABASE_URL: link.url },
    recoveryIntervalMs: 200,
    orderLeaseMs: 1_000,
    databasePatienceMs,
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

const silent = { warn: () => undefined, error: () => undefined };
const upgradeOf = (customerId: string) => ({ customerId, productFamily: 'Azure' as const });

it.each(['begin', 'insert into'])(
  'a connection that fell silent after “%s” is never used again, so that nothing is acknowledged and lost',
  async (statement) => {
    const ownLink = await startDatabaseLink(databaseUrl);
    const opened = await openDatabase({ kind: 'postgres', url: ownLink.url }, silent, databasePatienceMs);
    const ledger = createLedger(opened);
    const direct = new pg.Client({ connectionString: databaseUrl });
    await direct.connect();
    try {
      await ledger.check();
      ownLink.freezeAfter(statement);
      const order = {
        ...{ orderId: randomUUID(), requestId: randomUUID(), correlationId: randomUUID(), requestedAt: 1 },
        ...{ ...upgradeOf(randomUUID()), bodyFingerprint: 'body' },
        orderedBy: { tenantId: 'tenant', applicationId: 'application', objectId: 'user' },
      };
      const lease = { owner: randomUUID(), until: Date.now() + 60_000 };
      await expect(ledger.openOrder(order, lease, 0)).rejects.toMatchObject({ code: 'ledger_unavailable' });

      ownLink.thaw();
      const upgradeId = randomUUID();
      await ledger.adoptUpgrade(upgradeId, upgradeOf(randomUUID()), 5);
      const seen = await direct.query('select 1 from product_upgrades where upgrade_id = $1', [upgradeId]);
      expect(seen.rowCount).toBe(1);
      await sleep(500);
      const { rows } = await direct.query(
        "select query from pg_stat_activity where application_name = 'product-upgrade-gateway' and state like 'idle in transaction%'",
      );
      expect(rows).toEqual([]);
    } finally {
      await direct.end();
      await opened.destroy();
      await ownLink.stop();
    }
  },
  20_000,
);

it('a gateway whose database falls silent while the schema is looked at starts, answers 503, and becomes ready', async () => {
  const ownLink = await startDatabaseLink(await postgres.createDatabase());
  ownLink.freezeAfter('pg_advisory_lock');
  const early = await startTestGateway({
    besides: started,
    variables: { DATABASE_URL: ownLink.url },
    databasePatienceMs,
  });
  try {
    expect(early.logLines()).toContainEqual(
      expect.objectContaining({ level: 'warn', msg: expect.stringMatching(/cannot be reached/) }),
    );
    const [first, ready] = await Promise.all([
      as(await started.emulator.entra.issueCallerToken({ user: 'alice' }), early).order(),
      early.api.get('/health/ready'),
    ]);
    expect([first.status, first.body.code]).toEqual([503, 'ledger_unavailable']);
    expect([ready.status, ready.body.checks.ledger.status]).toEqual([503, 'failing']);

    ownLink.thaw();
    await until(async () => (await early.api.get('/health/ready')).status === 200);
  } finally {
    await early.stop();
    await ownLink.stop();
  }
}, 30_000);

it('a gateway stops while its database is silent, be it that the schema is still being looked at', async () => {
  const ownLink = await startDatabaseLink(await postgres.createDatabase());
  ownLink.freezeAfter('pg_advisory_lock');
  const early = await startTestGateway({
    besides: started,
    variables: { DATABASE_URL: ownLink.url },
    databasePatienceMs,
  });
  const stopped = early.stop().then(() => 'stopped');
  expect(await Promise.race([stopped, sleep(15_000, 'still waiting', { ref: false })])).toBe('stopped');
  await ownLink.stop();
}, 30_000);
