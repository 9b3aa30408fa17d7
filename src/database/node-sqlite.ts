import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync, type SQLInputValue } from 'node:sqlite';
import { type Dialect, type SqliteDatabase, SqliteDialect } from 'kysely';

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

/**
 * An embedded database in one file, made if it is not there.
 * What a commit acknowledges survives a crash of the machine: write-ahead log, synchronous=FULL.
 */
export function createNodeSqliteDialect(path: string): Dialect {
  return new SqliteDialect({
    database: async () => {
      if (path !== ':memory:') mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
      const database = new DatabaseSync(path);
      database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA busy_timeout = 5000;');
      return adapt(database);
    },
  });
}
