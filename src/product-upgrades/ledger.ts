import { type Selectable, sql, type Transaction } from 'kysely';
import type { Database, OpenDatabase } from '../database/database.ts';
import type { DatabaseSchema, ProductUpgradeRow } from '../database/schema.ts';
import { createUseDatabase } from '../database/use-database.ts';
import { createOrderLedger, settleAccepted } from './order-ledger.ts';
import { toOrder } from './order-rows.ts';
import type { Ledger, ListPosition, UpgradeFilter } from './ports.ts';
import type { KnownUpgrade, ProductUpgradeRequest, UpgradeReport } from './types.ts';
import { toUpgradeStatus } from './upgrade-status.ts';

type Connection = Database | Transaction<DatabaseSchema>;

const toKnownUpgrade = (row: Selectable<ProductUpgradeRow>): KnownUpgrade => ({
  upgradeId: row.upgrade_id,
  customerId: row.customer_id,
  productFamily: 'Azure',
  ...(row.order_id !== null && { orderId: row.order_id }),
  requestedAt: row.requested_at,
  ...(row.report !== null && { report: JSON.parse(row.report) as UpgradeReport }), // written by recordReport alone
  ...(row.checked_at !== null && { checkedAt: row.checked_at }),
});

const insertUpgrade = (
  db: Connection,
  upgradeId: string,
  { customerId, productFamily }: ProductUpgradeRequest,
  { requestedAt, orderId }: { readonly requestedAt: number; readonly orderId?: string },
) =>
  db
    .insertInto('product_upgrades')
    .values({
      upgrade_id: upgradeId,
      customer_id: customerId,
      product_family: productFamily,
      order_id: orderId ?? null,
      requested_at: requestedAt,
      report: null,
      status: 'NotStarted',
      checked_at: null,
      next_check_at: 0,
    })
    .onConflict((conflict) =>
      orderId === undefined
        ? conflict.column('upgrade_id').doNothing()
        : // Heard of before by its id alone; now it is known who ordered it. Its time stays: lists are read by it.
          conflict
            .column('upgrade_id')
            .doUpdateSet({ order_id: orderId })
            .where('product_upgrades.order_id', 'is', null),
    )
    .execute();

/** One page of the list: every filter and the order of the rows come from one index. */
export function selectPage(
  db: Connection,
  { customerId, status }: UpgradeFilter,
  { limit, after }: { readonly limit: number; readonly after?: ListPosition },
) {
  let page = db.selectFrom('product_upgrades').selectAll();
  if (customerId !== undefined) page = page.where('customer_id', '=', customerId);
  if (status !== undefined) page = page.where('status', '=', status);
  if (after)
    page = page.where(sql<boolean>`(requested_at, upgrade_id) < (${after.requestedAt}, ${after.upgradeId})`);
  return page.orderBy('requested_at', 'desc').orderBy('upgrade_id', 'desc').limit(limit);
}

async function withOrders(db: Connection, upgrades: readonly KnownUpgrade[]) {
  const orderIds = upgrades.flatMap(({ orderId }) => orderId ?? []);
  if (orderIds.length === 0) return upgrades;
  const rows = await db
    .selectFrom('product_upgrade_orders')
    .selectAll()
    .where('order_id', 'in', orderIds)
    .execute();
  const orders = new Map(rows.map((row) => [row.order_id, toOrder(row)]));
  return upgrades.map((upgrade) => {
    const order = upgrade.orderId === undefined ? undefined : orders.get(upgrade.orderId);
    return { ...upgrade, ...(order && { order }) };
  });
}

/** The ledger in a relational database: one set of queries for every dialect. */
export function createLedger(opened: Pick<OpenDatabase, 'database' | 'ready'>): Ledger {
  const use = createUseDatabase(opened);

  const findUpgrade = (upgradeId: string) =>
    use(async (database) => {
      const row = await database
        .selectFrom('product_upgrades')
        .selectAll()
        .where('upgrade_id', '=', upgradeId)
        .executeTakeFirst();
      return row && toKnownUpgrade(row);
    });

  return {
    ...createOrderLedger(use),

    recordAccepted: (orderId, accepted, at) =>
      use((database) =>
        database.transaction().execute(async (db) => {
          const order = await settleAccepted(db, orderId, accepted, at);
          // Whatever the order has become meanwhile: the upgrade exists, and is remembered.
          await insertUpgrade(db, accepted.upgradeId, order, order);
          return order;
        }),
      ),

    adoptUpgrade: (upgradeId, request, requestedAt) =>
      use(async (database) => {
        await insertUpgrade(database, upgradeId, request, { requestedAt });
      }),

    findUpgrade,

    async findUpgradeRecord(upgradeId) {
      const upgrade = await findUpgrade(upgradeId);
      return upgrade && (await use((database) => withOrders(database, [upgrade])))[0];
    },

    listUpgrades: (filter, page) =>
      use(async (database) => {
        const rows = await selectPage(database, filter, page).execute();
        return withOrders(database, rows.map(toKnownUpgrade));
      }),

    claimCheck: (upgradeId, { now, until }) =>
      use(async (database) => {
        const claimed = await database
          .updateTable('product_upgrades')
          .set({ next_check_at: until })
          .where('upgrade_id', '=', upgradeId)
          .where('next_check_at', '<=', now)
          .returning('upgrade_id')
          .executeTakeFirst();
        return claimed !== undefined;
      }),

    postponeCheck: (upgradeId, until) =>
      use(async (database) => {
        await database
          .updateTable('product_upgrades')
          .set({ next_check_at: until })
          .where('upgrade_id', '=', upgradeId)
          .where('next_check_at', '<', until)
          .execute();
      }),

    recordReport: (upgradeId, report, { checkedAt, nextCheckAt }) =>
      use(async (database) => {
        await database
          .updateTable('product_upgrades')
          .set({
            report: JSON.stringify(report),
            status: toUpgradeStatus(report.partnerCenterStatus),
            checked_at: checkedAt,
            next_check_at: nextCheckAt,
          })
          .where('upgrade_id', '=', upgradeId)
          // An answer that took its time must not undo a later one.
          .where((where) => where.or([where('checked_at', 'is', null), where('checked_at', '<=', checkedAt)]))
          .execute();
      }),

    check: () =>
      use(async (database) => {
        await sql`select 1 from product_upgrades limit 1`.execute(database);
      }),
  };
}
