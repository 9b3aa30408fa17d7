import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { sql } from 'kysely';
import { type DatabaseLocation, type OpenDatabase, openDatabase } from '../../src/database/database.ts';
import { LedgerUnavailableError } from '../../src/errors.ts';
import { createLedger, selectPage } from '../../src/product-upgrades/ledger.ts';
import type { Ledger } from '../../src/product-upgrades/ports.ts';
import type { OrderIntent } from '../../src/product-upgrades/types.ts';
import { databaseKinds, startDatabases, type TestDatabases } from '../support/databases.ts';

let databases: TestDatabases;
beforeAll(async () => {
  databases = await startDatabases();
});
afterAll(() => databases.stop());
const silent = { warn: () => undefined, error: () => undefined };

const intentOf = (changes: Partial<OrderIntent> = {}): OrderIntent => ({
  orderId: randomUUID(),
  customerId: randomUUID(),
  productFamily: 'Azure',
  orderedBy: { tenantId: 'tenant', applicationId: 'application', objectId: 'alice' },
  bodyFingerprint: 'body',
  requestId: randomUUID(),
  correlationId: randomUUID(),
  requestedAt: 1_000,
  ...changes,
});
const leaseOf = (until = 2_000) => ({ owner: randomUUID(), until });
const upstream = { status: 202, requestId: randomUUID(), cv: 'abc.0' };
const running = { partnerCenterStatus: 'InProgress', lineItems: [] };

describe.each(databaseKinds)('the ledger over %s', (kind) => {
  let location: DatabaseLocation;
  let opened: OpenDatabase;
  let other: OpenDatabase;
  let ledger: Ledger;
  let otherInstance: Ledger;
  beforeAll(async () => {
    location = await databases.create(kind);
    opened = await openDatabase(location, silent);
    other = await openDatabase(location, silent);
    ledger = createLedger(opened);
    otherInstance = createLedger(other);
  });
  afterAll(async () => {
    await opened.destroy();
    await other.destroy();
  });

  const open = (intent: OrderIntent, lease = leaseOf(), on = ledger) => on.openOrder(intent, lease, 0);

  it('keeps an order as it was intended', async () => {
    const intent = intentOf({ idempotencyKey: randomUUID() });
    expect(await open(intent)).toMatchObject({ kind: 'opened' });
    expect(await otherInstance.findOrder(intent.orderId)).toEqual({
      ...intent,
      state: 'intended',
      leaseUntil: 2_000,
      nextAttemptAt: 1_000,
      attempts: 0,
    });
  });

  it('opens one order for a customer and family, however many instances try at once', async () => {
    const customerId = randomUUID();
    const tries = Array.from({ length: 20 }, (_, index) =>
      open(intentOf({ customerId }), leaseOf(), index % 2 ? ledger : otherInstance),
    );
    const kinds = (await Promise.all(tries)).map((result) => result.kind);
    expect(kinds.filter((each) => each === 'opened')).toHaveLength(1);
    expect(kinds.filter((each) => each === 'customer-busy')).toHaveLength(19);
  });

  it('opens one order for a key, and names the order that holds it', async () => {
    const idempotencyKey = randomUUID();
    const tries = Array.from({ length: 20 }, (_, index) =>
      open(intentOf({ idempotencyKey }), leaseOf(), index % 2 ? ledger : otherInstance),
    );
    const results = await Promise.all(tries);
    const [first] = results.filter((result) => result.kind === 'opened');
    const others = results.filter((result) => result.kind === 'key-known');
    expect(others).toHaveLength(19);
    expect(new Set(others.map(({ order }) => order.orderId))).toEqual(new Set([first?.order.orderId]));
  });

  it.each([
    ['tenant', { tenantId: 'other', applicationId: 'application', objectId: 'alice' }],
    ['application', { tenantId: 'tenant', applicationId: 'other', objectId: 'alice' }],
    ['user', { tenantId: 'tenant', applicationId: 'application', objectId: 'bob' }],
  ])('lets another %s use the same key', async (_, orderedBy) => {
    const idempotencyKey = randomUUID();
    await open(intentOf({ idempotencyKey }));
    expect((await open(intentOf({ idempotencyKey, orderedBy }))).kind).toBe('opened');
  });

  it('holds a key while the order is open or accepted, and lets go of it when nothing was started', async () => {
    const idempotencyKey = randomUUID();
    const refused = intentOf({ idempotencyKey });
    const lease = leaseOf();
    await open(refused, lease);
    expect(await ledger.recordRefused(refused.orderId, lease.owner, { problemCode: 'x' }, 1)).toBe(true);

    const second = intentOf({ idempotencyKey });
    const secondLease = leaseOf();
    expect((await open(second, secondLease)).kind).toBe('opened');
    await ledger.recordUnknown(second.orderId, secondLease.owner, { problemCode: 'y', nextAttemptAt: 5 }, 1);
    expect(await open(intentOf({ idempotencyKey }))).toMatchObject({
      kind: 'key-known',
      order: { orderId: second.orderId, state: 'unknown' },
    });

    const claim = leaseOf(9_000);
    expect(await ledger.claimOrder(second.orderId, claim, 10)).toMatchObject({ attempts: 1 });
    expect(await ledger.recordNotStarted(second.orderId, claim.owner, 11)).toBe(true);
    const third = intentOf({ idempotencyKey });
    expect((await open(third)).kind).toBe('opened');
    await ledger.recordAccepted(third.orderId, { upgradeId: randomUUID(), upstream }, 12);
    expect((await open(intentOf({ idempotencyKey }))).kind).toBe('key-known');
  });

  it('after an acceptance stands in the way of another order until the upgrade has ended, or time has passed', async () => {
    const first = intentOf();
    const upgradeId = randomUUID();
    await open(first);
    await ledger.recordAccepted(first.orderId, { upgradeId, upstream }, 5_000);
    const next = () => intentOf({ customerId: first.customerId });
    const blocked = next();
    expect(await ledger.openOrder(blocked, leaseOf(), 4_999)).toEqual({ kind: 'just-accepted', upgradeId });
    expect(await ledger.findOrder(blocked.orderId)).toBeUndefined();
    expect(await ledger.findChanges(blocked.orderId)).toEqual([]);

    const later = next();
    const lease = leaseOf();
    expect((await ledger.openOrder(later, lease, 5_000)).kind).toBe('opened');
    await ledger.recordRefused(later.orderId, lease.owner, { problemCode: 'x' }, 1);

    const ended = { partnerCenterStatus: 'Failed', lineItems: [] };
    await ledger.recordReport(upgradeId, ended, { checkedAt: 5_001, nextCheckAt: 5_002 });
    expect((await ledger.openOrder(next(), leaseOf(), 4_999)).kind).toBe('opened');
  });

  it('gives a lease to one of many, and to another one once it has run out', async () => {
    const intent = intentOf();
    const first = leaseOf(2_000);
    await open(intent, first);
    expect(await ledger.claimOrder(intent.orderId, leaseOf(9_000), 1_999)).toBeUndefined();

    expect(await otherInstance.renewLease(intent.orderId, { ...first, until: 3_000 })).toBe(true);
    expect(await ledger.claimOrder(intent.orderId, leaseOf(9_000), 2_000)).toBeUndefined();

    const claims = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        (index % 2 ? ledger : otherInstance).claimOrder(intent.orderId, leaseOf(9_000), 3_000),
      ),
    );
    expect(claims.filter(Boolean)).toHaveLength(1);
    expect(await ledger.renewLease(intent.orderId, { ...first, until: 99_000 })).toBe(false);
  });

  it('lets only the holder of the lease settle an order, but for an acceptance, which is a fact', async () => {
    const intent = intentOf();
    const lost = leaseOf(2_000);
    await open(intent, lost);
    await ledger.claimOrder(intent.orderId, leaseOf(9_000), 2_000);

    expect(await ledger.recordRefused(intent.orderId, lost.owner, { problemCode: 'x' }, 1)).toBe(false);
    expect(await ledger.recordNotStarted(intent.orderId, lost.owner, 1)).toBe(false);
    const unknown = { problemCode: 'x', nextAttemptAt: 0 };
    expect(await ledger.recordUnknown(intent.orderId, lost.owner, unknown, 1)).toBe(false);

    const upgradeId = randomUUID();
    expect(await ledger.recordAccepted(intent.orderId, { upgradeId, upstream }, 3_000)).toMatchObject({
      state: 'accepted',
      upgradeId,
    });
  });

  it('remembers an upgrade that was accepted after its order had been given up', async () => {
    const intent = intentOf();
    const lease = leaseOf();
    await open(intent, lease);
    await ledger.recordNotStarted(intent.orderId, lease.owner, 2_000);
    const upgradeId = randomUUID();
    expect(await ledger.recordAccepted(intent.orderId, { upgradeId, upstream }, 3_000)).toMatchObject({
      state: 'not-started',
    });
    expect(await ledger.findUpgrade(upgradeId)).toMatchObject({ customerId: intent.customerId });
  });

  it('tells every state that an order has been in, with its time', async () => {
    const intent = intentOf();
    const lease = leaseOf();
    await open(intent, lease);
    const unknown = { problemCode: 'upstream_timeout', upstream, nextAttemptAt: 1_600 };
    await ledger.recordUnknown(intent.orderId, lease.owner, unknown, 1_500);
    await ledger.recordAccepted(intent.orderId, { upgradeId: randomUUID(), upstream }, 1_700);
    expect(await ledger.findChanges(intent.orderId)).toEqual([
      { state: 'intended', changedAt: 1_000 },
      { state: 'unknown', changedAt: 1_500 },
      { state: 'accepted', changedAt: 1_700 },
    ]);
  });

  it('finds the open orders that are due and that nobody works at, the longest waiting first', async () => {
    const due = intentOf({ requestedAt: 10 });
    const longerDue = intentOf({ requestedAt: 9 });
    const leased = intentOf({ requestedAt: 8 });
    const settled = intentOf({ requestedAt: 7 });
    const waiting = intentOf({ requestedAt: 6 });
    for (const intent of [due, longerDue, settled]) await open(intent, leaseOf(15));
    await open(leased, leaseOf(21));
    await ledger.recordAccepted(settled.orderId, { upgradeId: randomUUID(), upstream }, 16);
    const lease = leaseOf(15);
    await open(waiting, lease);
    await ledger.recordUnknown(waiting.orderId, lease.owner, { problemCode: 'x', nextAttemptAt: 21 }, 16);

    const mine = new Set([due, longerDue, leased, settled, waiting].map(({ orderId }) => orderId));
    const found = await ledger.findDueOrders(20, 1_000);
    expect(found.filter((orderId) => mine.has(orderId))).toEqual([longerDue.orderId, due.orderId]);
    expect(await ledger.findDueOrders(20, 1)).toHaveLength(1);
  });

  it('adopts an upgrade that it has only heard of, and knows its order once there is one', async () => {
    const upgradeId = randomUUID();
    const intent = intentOf();
    await ledger.adoptUpgrade(upgradeId, intent, 4_000);
    await ledger.adoptUpgrade(upgradeId, { ...intent, customerId: randomUUID() }, 5_000);
    expect(await ledger.findUpgrade(upgradeId)).toEqual({
      upgradeId,
      customerId: intent.customerId,
      productFamily: 'Azure',
      requestedAt: 4_000,
    });

    await open(intent);
    await ledger.recordAccepted(intent.orderId, { upgradeId, upstream }, 6_000);
    expect(await ledger.findUpgradeRecord(upgradeId)).toMatchObject({
      orderId: intent.orderId,
      requestedAt: 4_000, // a row that moved would be on two pages of somebody's list
      order: { orderedBy: intent.orderedBy, upstream, state: 'accepted' },
    });
  });

  it('notes once that a person was told of an order', async () => {
    const intent = intentOf();
    await open(intent);
    const told = [ledger, otherInstance].map((each) => each.recordReported(intent.orderId, 5_000));
    expect((await Promise.all(told)).toSorted()).toEqual([false, true]);
    expect(await ledger.findOrder(intent.orderId)).toMatchObject({ reportedAt: 5_000 });
  });

  it('gives the next status call to one of many, until its time is over', async () => {
    const upgradeId = randomUUID();
    await ledger.adoptUpgrade(upgradeId, intentOf(), 1);
    const claim = (now: number) =>
      Promise.all(
        Array.from({ length: 12 }, (_, index) =>
          (index % 2 ? ledger : otherInstance).claimCheck(upgradeId, { now, until: now + 100 }),
        ),
      );
    expect((await claim(1_000)).filter(Boolean)).toHaveLength(1);
    expect((await claim(1_099)).filter(Boolean)).toHaveLength(0);
    expect((await claim(1_100)).filter(Boolean)).toHaveLength(1);

    await ledger.recordReport(upgradeId, running, { checkedAt: 1_150, nextCheckAt: 1_250 });
    expect((await claim(1_249)).filter(Boolean)).toHaveLength(0);
    await ledger.postponeCheck(upgradeId, 9_000);
    expect((await claim(8_999)).filter(Boolean)).toHaveLength(0);
  });

  it('does not let an answer that took its time undo a later one', async () => {
    const upgradeId = randomUUID();
    await ledger.adoptUpgrade(upgradeId, intentOf(), 1);
    const ended = { partnerCenterStatus: 'Completed', lineItems: [] };
    await ledger.recordReport(upgradeId, ended, { checkedAt: 2_000, nextCheckAt: 2_100 });
    await ledger.recordReport(upgradeId, running, { checkedAt: 1_999, nextCheckAt: 2_099 });
    expect(await ledger.findUpgrade(upgradeId)).toMatchObject({ report: ended, checkedAt: 2_000 });
  });

  describe('as a list', () => {
    const customerId = randomUUID();
    const upgradeIds: string[] = [];
    beforeAll(async () => {
      // Pairs share their time, so that the id decides.
      for (let index = 0; index < 10; index += 1) {
        const upgradeId = randomUUID();
        await ledger.adoptUpgrade(upgradeId, intentOf({ customerId }), 50_000 + Math.floor(index / 2));
        upgradeIds.push(upgradeId);
      }
    });

    async function readAll(limit: number, betweenPages: () => Promise<void> = async () => {}) {
      const seen: string[] = [];
      for (let after: { requestedAt: number; upgradeId: string } | undefined; ; ) {
        const page = await ledger.listUpgrades({ customerId }, { limit, ...(after && { after }) });
        seen.push(...page.map(({ upgradeId }) => upgradeId));
        const last = page.at(-1);
        if (!last || page.length < limit) return seen;
        after = last;
        await betweenPages();
      }
    }

    it('gives every upgrade once, newest first, while others are added', async () => {
      const added: string[] = [];
      const seen = await readAll(3, async () => {
        const upgradeId = randomUUID();
        added.push(upgradeId);
        await ledger.adoptUpgrade(upgradeId, intentOf({ customerId }), 60_000 + added.length);
      });
      expect(added.length).toBeGreaterThan(0);
      expect(seen).toHaveLength(10);
      expect(new Set(seen)).toEqual(new Set(upgradeIds));
      const again = await readAll(100);
      expect(again).toEqual([...added.reverse(), ...seen]);
    });

    it('filters by customer and by the status in the contract’s words', async () => {
      const [first = ''] = upgradeIds;
      await ledger.recordReport(first, running, { checkedAt: 70_000, nextCheckAt: 0 });
      const found = await ledger.listUpgrades({ customerId, status: 'Running' }, { limit: 10 });
      expect(found.map(({ upgradeId }) => upgradeId)).toEqual([first]);
      expect(await ledger.listUpgrades({ customerId: randomUUID() }, { limit: 10 })).toEqual([]);
      const ofAll = await ledger.listUpgrades({ status: 'Running' }, { limit: 100 });
      expect(ofAll.map(({ upgradeId }) => upgradeId)).toContain(first);
    });

    it.each([
      ['no filter', {}, 'newest'],
      ['a customer', { customerId }, 'of_customer'],
      ['a status', { status: 'Running' as const }, 'of_status'],
      ['both', { customerId, status: 'Running' as const }, 'of_customer_and_status'],
    ])('reads a page with %s from an index, without sorting', async (_, filter, index) => {
      const after = { requestedAt: 50_003, upgradeId: upgradeIds[0] ?? '' };
      const { sql: text, parameters } = selectPage(opened.database, filter, { limit: 51, after }).compile();
      const plan = await explain(opened, kind, text, parameters);
      expect(plan).toMatch(new RegExp(`product_upgrades_${index}\\b`));
      expect(plan).not.toMatch(/sort|temp b-tree|scan product_upgrades$|seq scan/im);
    });
  });

  it('brings a new database up to date once, when instances start together', async () => {
    const fresh = await databases.create(kind);
    const together = await Promise.all(Array.from({ length: 6 }, () => openDatabase(fresh, silent)));
    await Promise.all(
      together.map(({ database }) => createLedger({ database, ready: async () => {} }).check()),
    );
    await Promise.all(together.map(({ destroy }) => destroy()));
  });

  it('brings a new database up to date once, when processes start together', async () => {
    const fresh = await databases.create(kind);
    const module = join(import.meta.dirname, '../../src/database/database.ts');
    const script = `import { openDatabase } from ${JSON.stringify(module)};
      const { destroy } = await openDatabase(${JSON.stringify(fresh)}, { warn() {}, error() {} });
      await destroy();`;
    const flags = ['--disable-warning=MODULE_TYPELESS_PACKAGE_JSON', '--input-type=module', '-e', script];
    const run = promisify(execFile);
    const ended = await Promise.all(Array.from({ length: 3 }, () => run(process.execPath, flags)));
    expect(ended.map(({ stderr }) => stderr)).toEqual(['', '', '']);
    const { database, destroy } = await openDatabase(fresh, silent);
    const { rows } = await sql<{ name: string }>`select name from kysely_migration`.execute(database);
    expect(new Set(rows.map(({ name }) => name)).size).toBe(rows.length);
    await destroy();
  });

  it('does not start over a schema that a newer version made', async () => {
    const newer = await databases.create(kind);
    const current = await openDatabase(newer, silent);
    await sql`insert into kysely_migration (name, timestamp) values ('999-from-the-future', '2030-01-01T00:00:00Z')`.execute(
      current.database,
    );
    await current.destroy();
    await expect(openDatabase(newer, silent)).rejects.toThrow(/newer version of the gateway/);
  });

  it('says so when the database cannot be used', async () => {
    const closed = await openDatabase(await databases.create(kind), silent);
    const broken = createLedger(closed);
    await broken.check();
    await closed.destroy();
    await expect(broken.check()).rejects.toBeInstanceOf(LedgerUnavailableError);
  });
});

/** The plan of a query, as text. PostgreSQL is made to say which index it would take if the table were not so small. */
async function explain(
  { database }: OpenDatabase,
  kind: string,
  text: string,
  parameters: readonly unknown[],
) {
  return database.connection().execute(async (connection) => {
    if (kind === 'postgres') await sql`set enable_seqscan = off`.execute(connection);
    if (kind === 'postgres') await sql`set enable_bitmapscan = off`.execute(connection);
    const prefix = kind === 'postgres' ? 'explain' : 'explain query plan';
    const { rows } = await connection.executeQuery<Record<string, unknown>>({
      ...sql.raw(`${prefix} ${text}`).compile(connection),
      parameters,
    });
    if (kind === 'postgres') await sql`reset all`.execute(connection);
    return rows.map((row) => row['detail'] ?? row['QUERY PLAN']).join('\n');
  });
}
