import { setTimeout as sleep } from 'node:timers/promises';
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
  /** Resolves once the schema is this version's; throws what stands in the way, in bounded time. Cheap once it is. */
  ready(): Promise<void>;
  destroy(): Promise<void>;
}

/** How long a statement may take, and how long a change of the schema is waited for. */
const defaultPatienceMs = 5_000;
const maxConnections = 10;
const retryMigrationAfterMs = 1_000;

interface Limits {
  readonly statementTimeoutMs: number;
  readonly connectTimeoutMs: number;
  readonly maxConnections: number;
}

function createDialect(location: DatabaseLocation, log: DatabaseLog, limits: Limits): Dialect {
  if (location.kind === 'sqlite') return createNodeSqliteDialect(location.path);
  return createPostgresDialect({
    url: location.url,
    ...limits,
    onConnectionLost: (error) => log.warn({ err: error }, 'A connection to the database was lost'),
  });
}

// A change of the schema takes its time, and waits for the instance that is making it; nobody waits for it as long.
const migrationLimits = { statementTimeoutMs: 900_000, maxConnections: 1 };

/** The outcome of a change of the schema, where it comes soon; else says that it has not come yet. */
async function whileItGoesOn(migration: Promise<void>, patienceMs: number): Promise<void> {
  const enough = new AbortController();
  const timeout = sleep(patienceMs, undefined, { signal: enough.signal }).then(
    () => {
      throw new Error('timeout: the database’s schema is not up to date yet');
    },
    () => undefined, // the migration was quicker
  );
  await Promise.race([migration, timeout]).finally(() => enough.abort());
}

/**
 * Opens the ledger's database and brings its schema up to date. A PostgreSQL that cannot be reached, or is silent, is no
 * reason not to start: what needs it is refused until it can be used, so that an outage makes no crash loop.
 * @throws {NewerSchemaError}, and where the database refuses the gateway: a person must change a setting
 */
export async function openDatabase(
  location: DatabaseLocation,
  log: DatabaseLog,
  patienceMs = defaultPatienceMs,
): Promise<OpenDatabase> {
  const connectTimeoutMs = 0.6 * patienceMs;
  const limits = { statementTimeoutMs: patienceMs, connectTimeoutMs, maxConnections };
  const database = new Kysely<DatabaseSchema>({ dialect: createDialect(location, log, limits) });
  let isMigrated = false;
  let migrating: Kysely<DatabaseSchema> | undefined;
  let pending: Promise<void> | undefined;
  let failed: { readonly error: unknown; readonly at: number } | undefined;

  async function bringUpToDate() {
    if (location.kind === 'sqlite') return migrate(database);
    const dialect = createDialect(location, log, { ...migrationLimits, connectTimeoutMs });
    const own = new Kysely<DatabaseSchema>({ dialect });
    migrating = own;
    await migrate(own).finally(() => own.destroy());
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
    await (location.kind === 'sqlite' ? pending : whileItGoesOn(pending, patienceMs));
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
  return {
    database,
    ready,
    async destroy() {
      await Promise.all([database.destroy(), migrating?.destroy()]);
    },
  };
}
