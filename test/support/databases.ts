import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DatabaseLocation } from '../../src/database/database.ts';
import { startPostgres, type TestPostgres } from './postgres.ts';

/** Both kinds of database, for a contract suite that runs on each. */
export const databaseKinds = ['sqlite', 'postgres'] as const;

export interface TestDatabases {
  readonly postgres: TestPostgres;
  /** An empty database of its own. */
  create(kind: (typeof databaseKinds)[number]): Promise<DatabaseLocation>;
  stop(): Promise<void>;
}

export async function startDatabases(): Promise<TestDatabases> {
  const folder = await mkdtemp(join(tmpdir(), 'databases-'));
  const postgres = await startPostgres();
  let files = 0;
  return {
    postgres,
    async create(kind) {
      if (kind === 'postgres') return { kind, url: await postgres.createDatabase() };
      files += 1;
      return { kind, path: join(folder, `${files}.db`) };
    },
    async stop() {
      await postgres.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
