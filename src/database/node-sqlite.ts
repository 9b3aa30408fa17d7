import { closeSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync, type SQLInputValue } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  SqliteAdapter,
  type SqliteDatabase,
  SqliteDialect,
  type SqliteDialectConfig,
} from 'kysely';

// Kysely compiles to these types only; it binds no objects and no booleans in our queries.
const toValues = (parameters: readonly unknown[]) => parameters as SQLInputValue[];

/** The surface of better-sqlite3 that Kysely's SQLite dialect uses, over Node's own SQLite. */
function adapt(database: DatabaseSync): SqliteDatabase {
  return {
    close: () => database.close(),
    prepare(sql) {
      const statement = database.prepare(sql);
      return {
        reader: statement.columns().length > 0,
        all: (parameters) => statement.all(...toValues(parameters)),
        run: (parameters) => statement.run(...toValues(parameters)),
        iterate: (parameters) => statement.iterate(...toValues(parameters)),
      };
    },
  };
}

const patienceMs = 5_000;
const pollMs = 5;
const busy = 5; // SQLITE_BUSY: another connection writes; the statement did nothing

const isBusy = (error: unknown) =>
  typeof error === 'object' &&
  error !== null &&
  'errcode' in error &&
  (Number(error.errcode) & 0xff) === busy;

/**
 * Waits for another connection's lock without standing still: SQLite's own waiting would block this process, and with
 * it whoever holds the lock, where that is a second connection of the same process.
 */
async function whenFree<T>(work: () => T | Promise<T>): Promise<T> {
  for (const deadline = performance.now() + patienceMs; ; await sleep(pollMs)) {
    try {
      return await work();
    } catch (error) {
      if (!isBusy(error) || performance.now() > deadline) throw error;
    }
  }
}

function createPatientDriver(driver: Driver): Driver {
  const patient = new WeakMap<DatabaseConnection, DatabaseConnection>();
  return {
    init: () => driver.init(),
    async acquireConnection() {
      const connection = await driver.acquireConnection();
      const known = patient.get(connection) ?? {
        executeQuery: <R>(query: CompiledQuery) => whenFree(() => connection.executeQuery<R>(query)),
        streamQuery: <R>(query: CompiledQuery, chunkSize?: number) =>
          connection.streamQuery<R>(query, chunkSize),
      };
      patient.set(connection, known);
      return known;
    },
    // Every transaction here writes. One that begins by reading could not wait for another writer when it comes to
    // write (SQLITE_BUSY_SNAPSHOT); taken at its beginning, the lock is waited for.
    async beginTransaction(connection) {
      await connection.executeQuery(CompiledQuery.raw('begin immediate'));
    },
    commitTransaction: (connection) => driver.commitTransaction(connection),
    rollbackTransaction: (connection) => driver.rollbackTransaction(connection),
    releaseConnection: (connection) => driver.releaseConnection(connection),
    destroy: () => driver.destroy(),
  };
}

/** SQLite's changes of the schema do take part in transactions; in one, processes that start together take turns. */
class TransactionalSqliteAdapter extends SqliteAdapter {
  override get supportsTransactionalDdl() {
    return true;
  }
}
class PatientSqliteDialect extends SqliteDialect {
  override createAdapter() {
    return new TransactionalSqliteAdapter();
  }
  override createDriver() {
    return createPatientDriver(super.createDriver());
  }
}

/** For its owner alone; SQLite gives the files beside it the same mode. */
function makeFile(path: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  closeSync(openSync(path, 'a', 0o600));
}

/**
 * An embedded database in one file, made if it is not there.
 * What a commit acknowledges survives a crash of the machine: write-ahead log, synchronous=FULL.
 */
export function createNodeSqliteDialect(path: string): Dialect {
  const config: SqliteDialectConfig = {
    database: async () => {
      if (path !== ':memory:') makeFile(path);
      const database = new DatabaseSync(path);
      await whenFree(() => database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;'));
      return adapt(database);
    },
  };
  return new PatientSqliteDialect(config);
}
