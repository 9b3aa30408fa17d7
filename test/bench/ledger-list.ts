// Fills a ledger with a million upgrades and measures the list's pages in the database, with their plans.
// npm run bench:ledger [-- ROWS]

import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from 'kysely';
import { type Database, type DatabaseLocation, openDatabase } from '../../src/database/database.ts';
import { selectPage } from '../../src/product-upgrades/ledger.ts';
import type { UpgradeFilter } from '../../src/product-upgrades/ports.ts';
import { startPostgres } from '../support/postgres.ts';

const rows = Number(process.argv[2] ?? 1_000_000);
const repetitions = 200;
const pageSize = 51;
const words = ['Succeeded', 'Succeeded', 'Succeeded', 'Running', 'NotStarted', 'Failed'];
const firstAt = Date.UTC(2026, 0, 1);
const customers = Array.from({ length: Math.ceil(rows / 4) }, () => randomUUID());

async function fill(database: Database) {
  const chunk = 3_000;
  for (let start = 0; start < rows; start += chunk)
    await database
      .insertInto('product_upgrades')
      .values(
        Array.from({ length: Math.min(chunk, rows - start) }, (_, offset) => ({
          upgrade_id: randomUUID(),
          customer_id: customers[(start + offset) % customers.length] ?? '',
          product_family: 'Azure',
          order_id: null,
          requested_at: firstAt + (start + offset) * 50,
          report: null,
          status: words[(start + offset) % words.length] ?? '',
          checked_at: null,
          next_check_at: 0,
        })),
      )
      .execute();
  await sql`analyze`.execute(database);
}

async function measure(kind: string, location: DatabaseLocation) {
  const { database, destroy } = await openDatabase(location, console);
  await fill(database);
  const [customerId = ''] = customers;
  const middle = { requestedAt: firstAt + rows * 25, upgradeId: randomUUID() };
  const filters: Readonly<Record<string, UpgradeFilter>> = {
    'no filter': {},
    customer: { customerId },
    status: { status: 'Failed' },
    'status that nobody has': { status: 'Canceled' },
    'customer and status': { customerId, status: 'Succeeded' },
  };
  for (const [name, filter] of Object.entries(filters))
    for (const after of [undefined, middle]) {
      const query = selectPage(database, filter, { limit: pageSize, ...(after && { after }) });
      const times: number[] = [];
      for (let index = 0; index < repetitions; index += 1) {
        const startedAt = performance.now();
        await query.execute();
        times.push(performance.now() - startedAt);
      }
      times.sort((a, b) => a - b);
      const at = (share: number) => (times[Math.floor(share * (times.length - 1))] ?? 0).toFixed(2);
      const { sql: text, parameters } = query.compile();
      const prefix = kind === 'postgres' ? 'explain (analyze, timing off)' : 'explain query plan';
      const plan = await database.executeQuery<Record<string, unknown>>({
        ...sql.raw(`${prefix} ${text}`).compile(database),
        parameters,
      });
      const lines = plan.rows.map((row) => String(row['detail'] ?? row['QUERY PLAN']).trim());
      const told = lines.filter((line) => /index|scan|sort|execution/i.test(line)).join(' | ');
      console.log(
        `${kind}, ${rows} rows, ${name}, ${after ? 'middle' : 'first'} page: p50 ${at(0.5)} ms, p99 ${at(0.99)} ms\n    ${told}`,
      );
    }
  await destroy();
}

const folder = await mkdtemp(join(tmpdir(), 'ledger-bench-'));
const postgres = await startPostgres();
try {
  await measure('sqlite', { kind: 'sqlite', path: join(folder, 'ledger.db') });
  await measure('postgres', { kind: 'postgres', url: await postgres.createDatabase() });
} finally {
  await postgres.stop();
  await rm(folder, { recursive: true, force: true });
}
