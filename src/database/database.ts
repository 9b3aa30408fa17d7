import { Kysely } from 'kysely';
import { migrate } from './migrations.ts';
import { createNodeSqliteDialect } from './node-sqlite.ts';
import type { DatabaseSchema } from './schema.ts';

export type Database = Kysely<DatabaseSchema>;

/** Opens the ledger's database and brings its schema up to date. End it with `destroy()`. */
export async function openDatabase(location: { kind: 'sqlite'; path: string }): Promise<Database> {
  const database = new Kysely<DatabaseSchema>({ dialect: createNodeSqliteDialect(location.path) });
  try {
    await migrate(database);
    return database;
  } catch (error) {
    await database.destroy();
    throw error;
  }
}
