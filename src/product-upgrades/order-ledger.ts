import type { ExpressionBuilder, Selectable, Transaction } from 'kysely';
import type { DatabaseSchema, ProductUpgradeOrderRow } from '../database/schema.ts';
import type { UpstreamReference } from '../errors.ts';
import type { UseDatabase } from './database-guard.ts';
import type { OpenedOrder, OrderLedger } from './ports.ts';
import type { Lease, Order, OrderIntent, OrderState } from './types.ts';

type OrderRow = Selectable<ProductUpgradeOrderRow>;
type Connection = Transaction<DatabaseSchema>;
type OrderWhere = ExpressionBuilder<DatabaseSchema, 'product_upgrade_orders'>;

/** The order of a row; upstream ids are read back as they were written here. */
export function toOrder(row: OrderRow): Order {
  return {
    orderId: row.order_id,
    customerId: row.customer_id,
    productFamily: 'Azure',
    orderedBy: {
      tenantId: row.caller_tenant_id,
      applicationId: row.caller_application_id,
      objectId: row.caller_object_id,
    },
    ...(row.idempotency_key !== null && { idempotencyKey: row.idempotency_key }),
    bodyFingerprint: row.body_fingerprint,
    requestId: row.request_id,
    correlationId: row.correlation_id,
    requestedAt: row.requested_at,
    state: row.state,
    ...(row.problem_code !== null && { problemCode: row.problem_code }),
    ...(row.upgrade_id !== null && { upgradeId: row.upgrade_id }),
    ...(row.upstream !== null && { upstream: JSON.parse(row.upstream) as UpstreamReference }), // written here alone
    leaseUntil: row.lease_until,
    nextAttemptAt: row.next_attempt_at,
    attempts: row.attempts,
    ...(row.reported_at !== null && { reportedAt: row.reported_at }),
  };
}

const toRow = (intent: OrderIntent, lease: Lease): ProductUpgradeOrderRow => ({
  order_id: intent.orderId,
  customer_id: intent.customerId,
  product_family: intent.productFamily,
  caller_tenant_id: intent.orderedBy.tenantId,
  caller_application_id: intent.orderedBy.applicationId,
  caller_object_id: intent.orderedBy.objectId,
  idempotency_key: intent.idempotencyKey ?? null,
  body_fingerprint: intent.bodyFingerprint,
  request_id: intent.requestId,
  correlation_id: intent.correlationId,
  state: 'intended',
  problem_code: null,
  upgrade_id: null,
  upstream: null,
  requested_at: intent.requestedAt,
  settled_at: null,
  lease_owner: lease.owner,
  lease_until: lease.until,
  next_attempt_at: intent.requestedAt,
  attempts: 0,
  reported_at: null,
});

// Written as the partial indexes are, so that both databases use them.
const isOpen = (where: OrderWhere) => where('state', 'in', ['intended', 'unknown']);
const holdsKey = (where: OrderWhere) => where('state', 'in', ['intended', 'unknown', 'accepted']);

const addChange = (db: Connection, orderId: string, state: OrderState, at: number) =>
  db
    .insertInto('product_upgrade_order_changes')
    .values({ order_id: orderId, state, changed_at: at })
    .onConflict((conflict) => conflict.doNothing())
    .execute();

async function findKeyHolder(db: Connection, { orderedBy, idempotencyKey }: OrderIntent) {
  if (idempotencyKey === undefined) return undefined;
  return db
    .selectFrom('product_upgrade_orders')
    .selectAll()
    .where('caller_tenant_id', '=', orderedBy.tenantId)
    .where('caller_application_id', '=', orderedBy.applicationId)
    .where('caller_object_id', '=', orderedBy.objectId)
    .where('idempotency_key', '=', idempotencyKey)
    .where(holdsKey)
    .executeTakeFirst();
}

const findOpenOrder = (db: Connection, { customerId, productFamily }: OrderIntent) =>
  db
    .selectFrom('product_upgrade_orders')
    .selectAll()
    .where('customer_id', '=', customerId)
    .where('product_family', '=', productFamily)
    .where(isOpen)
    .executeTakeFirst();

/** The customer's upgrade that was accepted after this time, unless it is known to have ended. */
const findJustAccepted = (
  db: Connection,
  { customerId, productFamily }: OrderIntent,
  acceptedSince: number,
) =>
  db
    .selectFrom('product_upgrade_orders as accepted')
    .innerJoin('product_upgrades as upgrade', 'upgrade.upgrade_id', 'accepted.upgrade_id')
    .select('upgrade.upgrade_id as upgradeId')
    .where('accepted.state', '=', 'accepted')
    .where('accepted.customer_id', '=', customerId)
    .where('accepted.product_family', '=', productFamily)
    .where('accepted.settled_at', '>', acceptedSince)
    .where('upgrade.status', 'not in', ['Succeeded', 'Failed'])
    .executeTakeFirst();

async function insertOrder(db: Connection, intent: OrderIntent, lease: Lease): Promise<Order | undefined> {
  const row = await db
    .insertInto('product_upgrade_orders')
    .values(toRow(intent, lease))
    .onConflict((conflict) => conflict.doNothing())
    .returningAll()
    .executeTakeFirst();
  if (!row) return undefined;
  await addChange(db, intent.orderId, 'intended', intent.requestedAt);
  return toOrder(row);
}

async function tryToOpen(
  db: Connection,
  intent: OrderIntent,
  lease: Lease,
  acceptedSince: number,
): Promise<OpenedOrder | undefined> {
  const order = await insertOrder(db, intent, lease);
  if (!order) {
    // The key comes first: a request that is sent twice at once meets itself, and not another order.
    const holder = await findKeyHolder(db, intent);
    if (holder) return { kind: 'key-known', order: toOrder(holder) };
    const busy = await findOpenOrder(db, intent);
    // Whoever stood in the way and has been settled meanwhile is seen at the next try.
    return busy && { kind: 'customer-busy', order: toOrder(busy) };
  }
  // Looked for only now: as long as this order is open no other one can be, so nothing is accepted behind our back.
  const accepted = await findJustAccepted(db, intent, acceptedSince);
  if (!accepted) return { kind: 'opened', order };
  await db.deleteFrom('product_upgrade_order_changes').where('order_id', '=', intent.orderId).execute();
  await db.deleteFrom('product_upgrade_orders').where('order_id', '=', intent.orderId).execute();
  return { kind: 'just-accepted', ...accepted };
}

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
            .execute((db) => tryToOpen(db, intent, lease, acceptedSince));
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
        await database
          .updateTable('product_upgrade_orders')
          .set({ reported_at: at })
          .where('order_id', '=', orderId)
          .execute();
      }),
  };
}

/** Records that Partner Center accepted the order, whoever holds its lease; answers the order as it stands then. */
export async function settleAccepted(
  db: Connection,
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
