import { addChange, holdsKey, isOpen, type OrderTransaction, toOrder, toRow } from './order-rows.ts';
import type { OpenedOrder } from './ports.ts';
import type { Lease, Order, OrderIntent } from './types.ts';

async function findKeyHolder(db: OrderTransaction, { orderedBy, idempotencyKey }: OrderIntent) {
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

const findOpenOrder = (db: OrderTransaction, { customerId, productFamily }: OrderIntent) =>
  db
    .selectFrom('product_upgrade_orders')
    .selectAll()
    .where('customer_id', '=', customerId)
    .where('product_family', '=', productFamily)
    .where(isOpen)
    .executeTakeFirst();

/** The customer's upgrade that was accepted after this time, unless it is known to have ended. */
const findJustAccepted = (
  db: OrderTransaction,
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

async function insertOrder(
  db: OrderTransaction,
  intent: OrderIntent,
  lease: Lease,
): Promise<Order | undefined> {
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

/**
 * One try at opening an order, inside a transaction; undefined where what stood in the way is gone already.
 * What stands in its way is found by the unique indexes, so that two instances cannot both succeed.
 */
export async function tryToOpenOrder(
  db: OrderTransaction,
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
