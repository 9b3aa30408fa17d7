import { type Dialect, Kysely } from 'kysely';
import { isDatabaseUnavailable, isWronglySet } from './failures.ts';
import { migrate, NewerSchemaError } from './migrations.ts';
import { createNodeSqliteDialect } from './node-sqlite.ts';
import { createPostgresDialect } from './postgres.ts';
import type { DatabaseSchema } from './schema.ts';

export type Database = Kysely<DatabaseSchema>;

export type DatabaseLocation =
  | { readonly kind: 'sqlite'; readonly path: string }
  | { readonly kind: 'postgres'; readonly url: string };

export interface DatabaseLog {
  warn(facts: object, message: string): void;
  error(facts: object, message: string): void;
}

export interface OpenDatabase {
  readonly database: Database;
  /** Resolves once the schema is this version's; throws what stands in the way. Cheap once it is. */
  ready(): Promise<void>;
  destroy(): Promise<void>;
}

const statementTimeoutMs = 5_000;
const maxConnections = 10;
const retryMigrationAfterMs = 1_000;

function createDialect(location: DatabaseLocation, log: DatabaseLog, limits: typeof requestLimits): Dialect {
  if (location.kind === 'sqlite') return createNodeSqliteDialect(location.path);
  return createPostgresDialect({
    url: location.url,
    ...limits,
    onConnectionLost: (error) => log.warn({ err: error }, 'A connection to the database was lost'),
  });
}

const requestLimits = { statementTimeoutMs, maxConnections };
// A change of the schema takes its time, and waits for the instance that is making it.
const migrationLimits = { statementTimeoutMs: 900_000, maxConnections: 1 };

/**
 * Opens the ledger's database and brings its schema up to date. A PostgreSQL that cannot be reached is no reason not to
 * start: what needs it is refused until it can, so that an outage makes no crash loop.
 * @throws {NewerSchemaError}, and where the database refuses the gateway: a person must change a setting
 */
export async function openDatabase(location: DatabaseLocation, log: DatabaseLog): Promise<OpenDatabase> {
  const database = new Kysely<DatabaseSchema>({ dialect: createDialect(location, log, requestLimits) });
  let isMigrated = false;
  let pending: Promise<void> | undefined;
  let failed: { readonly error: unknown; readonly at: number } | undefined;

  async function bringUpToDate() {
    if (location.kind === 'sqlite') return migrate(database);
    const migrating = new Kysely<DatabaseSchema>({ dialect: createDialect(location, log, migrationLimits) });
    await migrate(migrating).finally(() => migrating.destroy());
  }

  async function tryToMigrate() {
    try {
      await bringUpToDate();
      isMigrated = true;
    } catch (error) {
      if (error instanceof NewerSchemaError && !(failed?.error instanceof NewerSchemaError))
        log.error({ err: error }, error.message);
      failed = { error, at: performance.now() };
      throw error;
    } finally {
      pending = undefined;
    }
  }

  async function ready() {
    if (isMigrated) return;
    if (failed && performance.now() - failed.at < retryMigrationAfterMs) throw failed.error;
    pending ??= tryToMigrate();
    await pending;
  }

  try {
    await ready();
  } catch (error) {
    if (location.kind === 'sqlite' || isWronglySet(error) || !isDatabaseUnavailable(error)) {
      await database.destroy();
      throw error instanceof NewerSchemaError
        ? error
        : new Error('The database cannot be opened, or not be brought to this version’s schema.', {
            cause: error,
          });
    }
    log.warn({ err: error }, 'The database cannot be reached; the gateway starts and keeps trying');
  }
  return { database, ready, destroy: () => database.destroy() };
}
