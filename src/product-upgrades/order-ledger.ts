import type { ProductUpgradeOrderRow } from '../database/schema.ts';
import type { UseDatabase } from '../database/use-database.ts';
import type { UpstreamReference } from '../errors.ts';
import { tryToOpenOrder } from './open-order.ts';
import { addChange, isOpen, type OrderTransaction, toOrder } from './order-rows.ts';
import type { OrderLedger } from './ports.ts';
import type { Order, OrderState } from './types.ts';

const mostTries = 10;

/** The orders' part of the ledger, in a relational database: one set of queries for every dialect. */
export function createOrderLedger(use: UseDatabase): Omit<OrderLedger, 'recordAccepted'> {
  /** Settles an order, or says that its outcome is unknown, on behalf of who holds its lease. */
  const change = (
    orderId: string,
    owner: string,
    state: OrderState,
    at: number,
    values: Partial<ProductUpgradeOrderRow>,
  ) =>
    use((database) =>
      database.transaction().execute(async (db) => {
        const changed = await db
          .updateTable('product_upgrade_orders')
          .set({ state, lease_owner: null, lease_until: 0, ...values })
          .where('order_id', '=', orderId)
          .where('lease_owner', '=', owner)
          .where(isOpen)
          .returning('order_id')
          .executeTakeFirst();
        if (changed) await addChange(db, orderId, state, at);
        return changed !== undefined;
      }),
    );

  return {
    openOrder: (intent, lease, acceptedSince) =>
      use(async (database) => {
        for (let tries = 0; tries < mostTries; tries += 1) {
          const opened = await database
            .transaction()
            .execute((db) => tryToOpenOrder(db, intent, lease, acceptedSince));
          if (opened) return opened;
        }
        throw new Error('An order could be neither opened nor found to be in the way of another.');
      }),

    findOrder: (orderId) =>
      use(async (database) => {
        const row = await database
          .selectFrom('product_upgrade_orders')
          .selectAll()
          .where('order_id', '=', orderId)
          .executeTakeFirst();
        return row && toOrder(row);
      }),

    findChanges: (orderId) =>
      use((database) =>
        database
          .selectFrom('product_upgrade_order_changes')
          .select(['state', 'changed_at as changedAt'])
          .where('order_id', '=', orderId)
          .orderBy('changed_at')
          .execute(),
      ),

    findDueOrders: (now, limit) =>
      use(async (database) => {
        const rows = await database
          .selectFrom('product_upgrade_orders')
          .select('order_id')
          .where(isOpen)
          .where('next_attempt_at', '<=', now)
          .where('lease_until', '<=', now)
          .orderBy('next_attempt_at')
          .limit(limit)
          .execute();
        return rows.map(({ order_id }) => order_id);
      }),

    claimOrder: (orderId, lease, now) =>
      use(async (database) => {
        const row = await database
          .updateTable('product_upgrade_orders')
          .set((set) => ({
            lease_owner: lease.owner,
            lease_until: lease.until,
            attempts: set('attempts', '+', 1),
          }))
          .where('order_id', '=', orderId)
          .where('lease_until', '<=', now)
          .where(isOpen)
          .returningAll()
          .executeTakeFirst();
        return row && toOrder(row);
      }),

    renewLease: (orderId, lease) =>
      use(async (database) => {
        const renewed = await database
          .updateTable('product_upgrade_orders')
          .set({ lease_until: lease.until })
          .where('order_id', '=', orderId)
          .where('lease_owner', '=', lease.owner)
          .where(isOpen)
          .returning('order_id')
          .executeTakeFirst();
        return renewed !== undefined;
      }),

    recordRefused: (orderId, owner, { problemCode, upstream }, at) =>
      change(orderId, owner, 'refused', at, {
        problem_code: problemCode,
        settled_at: at,
        ...(upstream && { upstream: JSON.stringify(upstream) }),
      }),

    recordNotStarted: (orderId, owner, at) => change(orderId, owner, 'not-started', at, { settled_at: at }),

    recordUnknown: (orderId, owner, { problemCode, upstream, nextAttemptAt }, at) =>
      change(orderId, owner, 'unknown', at, {
        problem_code: problemCode,
        next_attempt_at: nextAttemptAt,
        ...(upstream && { upstream: JSON.stringify(upstream) }),
      }),

    recordReported: (orderId, at) =>
      use(async (database) => {
        const noted = await database
          .updateTable('product_upgrade_orders')
          .set({ reported_at: at })
          .where('order_id', '=', orderId)
          .where('reported_at', 'is', null)
          .returning('order_id')
          .executeTakeFirst();
        return noted !== undefined;
      }),
  };
}

/** Records that Partner Center accepted the order, whoever holds its lease; answers the order as it stands then. */
export async function settleAccepted(
  db: OrderTransaction,
  orderId: string,
  { upgradeId, upstream }: { upgradeId: string; upstream: UpstreamReference },
  at: number,
): Promise<Order> {
  const accepted = await db
    .updateTable('product_upgrade_orders')
    .set({
      state: 'accepted',
      problem_code: null,
      upgrade_id: upgradeId,
      upstream: JSON.stringify(upstream),
      settled_at: at,
      lease_owner: null,
      lease_until: 0,
    })
    .where('order_id', '=', orderId)
    .where(isOpen)
    .returningAll()
    .executeTakeFirst();
  if (accepted) {
    await addChange(db, orderId, 'accepted', at);
    return toOrder(accepted);
  }
  const settled = await db
    .selectFrom('product_upgrade_orders')
    .selectAll()
    .where('order_id', '=', orderId)
    .executeTakeFirstOrThrow();
  return toOrder(settled);
}
