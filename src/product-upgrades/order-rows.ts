import type { ExpressionBuilder, Selectable, Transaction } from 'kysely';
import type { DatabaseSchema, ProductUpgradeOrderRow } from '../database/schema.ts';
import type { UpstreamReference } from '../errors.ts';
import type { Lease, Order, OrderIntent, OrderState } from './types.ts';

type OrderRow = Selectable<ProductUpgradeOrderRow>;
/** Where several statements belong together. */
export type OrderTransaction = Transaction<DatabaseSchema>;
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

/** A new order, as it is written before anything is sent. */
export const toRow = (intent: OrderIntent, lease: Lease): ProductUpgradeOrderRow => ({
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

// The two are written as the partial indexes are, so that both databases use them.
export const isOpen = (where: OrderWhere) => where('state', 'in', ['intended', 'unknown']);
export const holdsKey = (where: OrderWhere) => where('state', 'in', ['intended', 'unknown', 'accepted']);

/** Notes the state that an order has entered. */
export const addChange = (db: OrderTransaction, orderId: string, state: OrderState, at: number) =>
  db
    .insertInto('product_upgrade_order_changes')
    .values({ order_id: orderId, state, changed_at: at })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
