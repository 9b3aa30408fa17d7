import { type Kysely, type Migration, Migrator, sql } from 'kysely';

/** Every change of the schema, in order. One that has been released is never edited: the next one mends it. */
const migrations: Readonly<Record<string, Migration>> = {
  '001-orders-and-upgrades': {
    async up(db) {
      await db.schema
        .createTable('product_upgrade_orders')
        .addColumn('order_id', 'text', (column) => column.primaryKey())
        .addColumn('customer_id', 'text', (column) => column.notNull())
        .addColumn('product_family', 'text', (column) => column.notNull())
        .addColumn('caller_tenant_id', 'text', (column) => column.notNull())
        .addColumn('caller_application_id', 'text', (column) => column.notNull())
        .addColumn('caller_object_id', 'text', (column) => column.notNull())
        .addColumn('idempotency_key', 'text')
        .addColumn('body_fingerprint', 'text', (column) => column.notNull())
        .addColumn('request_id', 'text', (column) => column.notNull())
        .addColumn('correlation_id', 'text', (column) => column.notNull())
        .addColumn('state', 'text', (column) => column.notNull())
        .addColumn('problem_code', 'text')
        .addColumn('upgrade_id', 'text')
        .addColumn('upstream', 'text')
        .addColumn('requested_at', 'bigint', (column) => column.notNull())
        .addColumn('settled_at', 'bigint')
        .addColumn('lease_owner', 'text')
        .addColumn('lease_until', 'bigint', (column) => column.notNull())
        .addColumn('next_attempt_at', 'bigint', (column) => column.notNull())
        .addColumn('attempts', 'integer', (column) => column.notNull())
        .addColumn('reported_at', 'bigint')
        .execute();
      // One open order for each customer and family: this index, and no memory, keeps two instances from ordering twice.
      await sql`create unique index product_upgrade_orders_open on product_upgrade_orders
        (customer_id, product_family) where state in ('intended', 'unknown')`.execute(db);
      // A key is held by an order that may have done something upstream; others let it go.
      await sql`create unique index product_upgrade_orders_key on product_upgrade_orders
        (caller_tenant_id, caller_application_id, caller_object_id, idempotency_key)
        where idempotency_key is not null and state in ('intended', 'unknown', 'accepted')`.execute(db);
      await sql`create index product_upgrade_orders_due on product_upgrade_orders (next_attempt_at)
        where state in ('intended', 'unknown')`.execute(db);
      await sql`create index product_upgrade_orders_accepted on product_upgrade_orders
        (customer_id, product_family, settled_at) where state = 'accepted'`.execute(db);

      await db.schema
        .createTable('product_upgrade_order_changes')
        .addColumn('order_id', 'text', (column) => column.notNull())
        .addColumn('state', 'text', (column) => column.notNull())
        .addColumn('changed_at', 'bigint', (column) => column.notNull())
        .addPrimaryKeyConstraint('product_upgrade_order_changes_key', ['order_id', 'state'])
        .execute();

      await db.schema
        .createTable('product_upgrades')
        .addColumn('upgrade_id', 'text', (column) => column.primaryKey())
        .addColumn('customer_id', 'text', (column) => column.notNull())
        .addColumn('product_family', 'text', (column) => column.notNull())
        .addColumn('order_id', 'text')
        .addColumn('requested_at', 'bigint', (column) => column.notNull())
        .addColumn('report', 'text')
        .addColumn('status', 'text', (column) => column.notNull())
        .addColumn('checked_at', 'bigint')
        .addColumn('next_check_at', 'bigint', (column) => column.notNull())
        .execute();
      // Lists are read newest first, from where the page before ended: each filter has an index in that order.
      for (const [name, filters] of Object.entries({
        newest: [],
        of_customer: ['customer_id'],
        of_status: ['status'],
        of_customer_and_status: ['customer_id', 'status'],
      }))
        await db.schema
          .createIndex(`product_upgrades_${name}`)
          .on('product_upgrades')
          .columns([...filters, 'requested_at', 'upgrade_id'])
          .execute();
    },
  },
  '002-partner-consent': {
    async up(db) {
      await db.schema
        .createTable('partner_consent_sessions')
        .addColumn('state_hash', 'text', (column) => column.primaryKey())
        .addColumn('consent_id', 'text', (column) => column.notNull())
        .addColumn('sealed_secrets', 'text', (column) => column.notNull())
        .addColumn('asked_by', 'text', (column) => column.notNull())
        .addColumn('expires_at', 'bigint', (column) => column.notNull())
        .execute();
      await db.schema
        .createTable('partner_consent_ends')
        .addColumn('state_hash', 'text', (column) => column.primaryKey())
        .addColumn('is_granted', 'integer', (column) => column.notNull())
        .addColumn('reason', 'text', (column) => column.notNull())
        .addColumn('detail', 'text', (column) => column.notNull())
        .addColumn('ended_at', 'bigint', (column) => column.notNull())
        .execute();
    },
  },
};

/** The database was made by a version of the gateway that this one does not know. */
export class NewerSchemaError extends Error {
  override readonly name = 'NewerSchemaError';
}

/**
 * Brings the schema to this version of the gateway. Instances that start together do it one after the other.
 * @throws {NewerSchemaError} if the database was made by a newer version
 * @throws if a change fails; nothing is half-done then
 */
export async function migrate<T>(db: Kysely<T>): Promise<void> {
  const migrator = new Migrator({
    db,
    provider: { getMigrations: async () => ({ ...migrations }) },
  });
  const { error } = await migrator.migrateToLatest();
  if (!error) return;
  // Kysely's word for changes in the database that this version does not know.
  if (error instanceof Error && error.message.startsWith('corrupted migrations'))
    throw new NewerSchemaError(
      'The database was made by a newer version of the gateway: start that version.',
      { cause: error },
    );
  throw error;
}
