import { sql, type Transaction } from 'kysely';
import type { Database } from '../database/database.ts';
import type { DatabaseSchema } from '../database/schema.ts';
import type { Ledger } from './ports.ts';
import type { KnownUpgrade, ProductUpgradeRequest, UpgradeReport } from './types.ts';

export interface LedgerParts {
  readonly database: Database;
  readonly now?: () => number;
}

/** The ledger in a relational database: one set of queries for every dialect. */
export function createLedger({ database, now = Date.now }: LedgerParts): Ledger {
  const insertUpgrade = (
    db: Database | Transaction<DatabaseSchema>,
    upgradeId: string,
    { customerId, productFamily }: ProductUpgradeRequest,
    requestedAt: number,
  ) =>
    db
      .insertInto('product_upgrades')
      .values({
        upgrade_id: upgradeId,
        customer_id: customerId,
        product_family: productFamily,
        requested_at: requestedAt,
        report: null,
        checked_at: null,
      })
      .onConflict((conflict) => conflict.column('upgrade_id').doNothing())
      .execute();

  return {
    async recordIntent(intent) {
      await database
        .insertInto('product_upgrade_orders')
        .values({
          order_id: intent.orderId,
          customer_id: intent.customerId,
          product_family: intent.productFamily,
          caller_tenant_id: intent.orderedBy.tenantId,
          caller_application_id: intent.orderedBy.applicationId,
          caller_object_id: intent.orderedBy.objectId,
          request_id: intent.requestId,
          correlation_id: intent.correlationId,
          outcome: 'intended',
          refusal_code: null,
          upgrade_id: null,
          upstream: null,
          requested_at: intent.requestedAt,
          settled_at: null,
        })
        .execute();
    },

    async recordAccepted(orderId, { upgradeId, upstream }) {
      await database.transaction().execute(async (transaction) => {
        const order = await transaction
          .updateTable('product_upgrade_orders')
          .set({
            outcome: 'accepted',
            upgrade_id: upgradeId,
            upstream: JSON.stringify(upstream),
            settled_at: now(),
          })
          .where('order_id', '=', orderId)
          .returning(['customer_id as customerId', 'requested_at as requestedAt'])
          .executeTakeFirstOrThrow();
        const { customerId, requestedAt } = order;
        await insertUpgrade(
          transaction,
          upgradeId,
          { customerId, productFamily: 'Azure' },
          Number(requestedAt),
        );
      });
    },

    async recordRefused(orderId, code) {
      await database
        .updateTable('product_upgrade_orders')
        .set({ outcome: 'refused', refusal_code: code, settled_at: now() })
        .where('order_id', '=', orderId)
        .execute();
    },

    async recordUnknown(orderId) {
      await database
        .updateTable('product_upgrade_orders')
        .set({ outcome: 'unknown' })
        .where('order_id', '=', orderId)
        .execute();
    },

    async adoptUpgrade(upgradeId, request, adoptedAt) {
      await insertUpgrade(database, upgradeId, request, adoptedAt);
    },

    async findUpgrade(upgradeId): Promise<KnownUpgrade | undefined> {
      const row = await database
        .selectFrom('product_upgrades')
        .selectAll()
        .where('upgrade_id', '=', upgradeId)
        .executeTakeFirst();
      return (
        row && {
          upgradeId: row.upgrade_id,
          customerId: row.customer_id,
          productFamily: 'Azure',
          requestedAt: Number(row.requested_at),
          ...(row.report && { report: JSON.parse(row.report) as UpgradeReport }), // written by recordReport alone
          ...(row.checked_at !== null && { checkedAt: Number(row.checked_at) }),
        }
      );
    },

    async recordReport(upgradeId, report, checkedAt) {
      await database
        .updateTable('product_upgrades')
        .set({ report: JSON.stringify(report), checked_at: checkedAt })
        .where('upgrade_id', '=', upgradeId)
        .execute();
    },

    async check() {
      await sql`select 1 from product_upgrades limit 1`.execute(database);
    },
  };
}
