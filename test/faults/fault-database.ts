import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { openDatabase } from '../../src/database/database.ts';
import { loadSettings } from '../../src/settings.ts';
import { startPostgres } from '../support/postgres.ts';
import type { Random } from './random.ts';

export type DatabaseFault = 'stopped (fast)' | 'stopped (immediate)' | 'connections cut' | 'locked';

/** A real database whose trouble a seed decides. */
export interface FaultDatabase {
  readonly url: string;
  /** Makes trouble and ends it again. */
  disturb(random: Random): Promise<DatabaseFault>;
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/** SQLite, whose one trouble is another process (the driver's) that locks the file. */
export function createSqliteFaultDatabase(folder: string): FaultDatabase {
  const path = join(folder, 'gateway.db');
  return {
    url: `sqlite:${path}`,
    async disturb(random) {
      const other = new DatabaseSync(path, { timeout: 1_000 });
      try {
        other.exec('begin immediate');
        await sleep(random.between(50, 1_200));
        other.exec('rollback');
      } finally {
        other.close();
      }
      return 'locked';
    },
    restart: async () => undefined,
    stop: async () => undefined,
  };
}

/** PostgreSQL that is stopped, stopped at once, or that drops its clients' connections. */
export async function startPostgresFaultDatabase(): Promise<FaultDatabase> {
  const postgres = await startPostgres();
  const url = await postgres.createDatabase();

  async function cutConnections() {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    await client
      .query(
        "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'product-upgrade-gateway'",
      )
      .finally(() => client.end());
  }

  return {
    url,
    async disturb(random) {
      const what = random.pick<DatabaseFault>(['stopped (fast)', 'stopped (immediate)', 'connections cut']);
      const awayMs = random.between(0, 1_500);
      if (what === 'connections cut') await cutConnections();
      else {
        await postgres.halt(what === 'stopped (fast)' ? 'fast' : 'immediate');
        await sleep(awayMs);
        await postgres.resume();
      }
      return what;
    },
    async restart() {
      await postgres.halt('fast');
      await postgres.resume();
    },
    stop: () => postgres.stop(),
  };
}

/** All that the ledger holds, read past the gateways. */
export async function readLedger(databaseUrl: string, variables: Readonly<Record<string, string>>) {
  const { database: location } = loadSettings({ variables: { ...variables, DATABASE_URL: databaseUrl } });
  const silent = { warn: () => undefined, error: () => undefined };
  const { database, destroy } = await openDatabase(location.url, silent);
  try {
    return {
      orders: await database.selectFrom('product_upgrade_orders').selectAll().execute(),
      upgrades: await database
        .selectFrom('product_upgrades')
        .select(['upgrade_id', 'customer_id', 'order_id'])
        .execute(),
    };
  } finally {
    await destroy();
  }
}
