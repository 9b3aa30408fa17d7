import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync, type SQLInputValue } from 'node:sqlite';
import { type Dialect, SqliteAdapter, type SqliteDatabase, SqliteDialect } from 'kysely';

// Kysely compiles to these types only; it binds no objects and no booleans in our queries.
const toValues = (parameters: readonly unknown[]) => parameters as SQLInputValue[];

// Every transaction here writes. One that begins by reading could not wait for another process when it comes to write
// (SQLITE_BUSY_SNAPSHOT); taken at its beginning, the lock is waited for.
const toStatement = (sql: string) => (sql === 'begin' ? 'begin immediate' : sql);

/** The surface of better-sqlite3 that Kysely's SQLite dialect uses, over Node's own SQLite. */
function adapt(database: DatabaseSync): SqliteDatabase {
  return {
    close: () => database.close(),
    prepare(sql) {
      const statement = database.prepare(toStatement(sql));
      return {
        reader: statement.columns().length > 0,
        all: (parameters) => statement.all(...toValues(parameters)),
        run: (parameters) => statement.run(...toValues(parameters)),
        iterate: (parameters) => statement.iterate(...toValues(parameters)),
      };
    },
  };
}

/** SQLite's changes of the schema do take part in transactions; in one, processes that start together take turns. */
class TransactionalSqliteAdapter extends SqliteAdapter {
  override get supportsTransactionalDdl() {
    return true;
  }
}
class TransactionalSqliteDialect extends SqliteDialect {
  override createAdapter() {
    return new TransactionalSqliteAdapter();
  }
}

/**
 * An embedded database in one file, made if it is not there.
 * What a commit acknowledges survives a crash of the machine: write-ahead log, synchronous=FULL.
 */
export function createNodeSqliteDialect(path: string): Dialect {
  return new TransactionalSqliteDialect({
    database: async () => {
      if (path !== ':memory:') mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
      // How long a lock of another process is waited for, in milliseconds. It comes first: WAL takes a lock too.
      const database = new DatabaseSync(path, { timeout: 5_000 });
      database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;');
      return adapt(database);
    },
  });
}
