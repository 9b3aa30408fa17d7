import { type Kysely, type Migration, Migrator } from 'kysely';

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
        .addColumn('request_id', 'text', (column) => column.notNull())
        .addColumn('correlation_id', 'text', (column) => column.notNull())
        .addColumn('outcome', 'text', (column) => column.notNull())
        .addColumn('refusal_code', 'text')
        .addColumn('upgrade_id', 'text')
        .addColumn('upstream', 'text')
        .addColumn('requested_at', 'bigint', (column) => column.notNull())
        .addColumn('settled_at', 'bigint')
        .execute();
      await db.schema
        .createTable('product_upgrades')
        .addColumn('upgrade_id', 'text', (column) => column.primaryKey())
        .addColumn('customer_id', 'text', (column) => column.notNull())
        .addColumn('product_family', 'text', (column) => column.notNull())
        .addColumn('requested_at', 'bigint', (column) => column.notNull())
        .addColumn('report', 'text')
        .addColumn('checked_at', 'bigint')
        .execute();
    },
  },
};

/**
 * Brings the schema to this version of the gateway.
 * @throws if the database was made by a newer version, or a change fails; nothing is half-done then
 */
export async function migrate<T>(db: Kysely<T>): Promise<void> {
  const migrator = new Migrator({ db, provider: { getMigrations: async () => ({ ...migrations }) } });
  const { error } = await migrator.migrateToLatest();
  if (!error) return;
  // Kysely's word for changes in the database that this version does not know.
  if (error instanceof Error && error.message.startsWith('corrupted migrations'))
    throw new Error('The database was made by a newer version of the gateway: start that version.', {
      cause: error,
    });
  throw new Error('The database could not be brought to this version’s schema.', { cause: error });
}
