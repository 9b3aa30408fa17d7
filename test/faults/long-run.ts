import { parseArgs } from 'node:util';
import { z } from 'zod';
import { isPassed, runFaults } from './fault-run.ts';
import { toTable } from './report-table.ts';

const { values } = parseArgs({
  options: {
    orders: { type: 'string', default: process.env['FAULTS_ORDERS'] ?? '10000' },
    kills: { type: 'string', default: process.env['FAULTS_KILLS'] ?? '1000' },
    database: { type: 'string', default: process.env['FAULTS_DATABASE'] ?? 'postgres' },
    seed: { type: 'string', default: process.env['FAULTS_SEED'] ?? String(Date.now() % 1_000_000) },
    minutes: { type: 'string', default: process.env['FAULTS_MINUTES'] ?? '25' },
  },
});
const { orders, kills, database, seed, minutes } = z
  .object({
    orders: z.coerce.number().int().min(1),
    kills: z.coerce.number().int().min(1),
    database: z.enum(['sqlite', 'postgres']),
    seed: z.coerce.number().int(),
    minutes: z.coerce.number().positive(),
  })
  .parse(values);

console.log(`Orders amid faults; FAULTS_SEED=${seed} makes the same choices again.`);
const startedAt = Date.now();
// An interrupted run ends what it has started before it goes.
const interrupted = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => interrupted.abort());
const report = await runFaults({
  database,
  instances: database === 'postgres' ? 3 : 1,
  orders,
  kills,
  clients: 100,
  longestLifeMs: database === 'postgres' ? 4_000 : 1_500,
  signal: interrupted.signal,
  seed,
  databaseTroubleEveryMs: 8_000,
  timeoutMs: minutes * 60_000,
  onProgress: (progress) =>
    console.log(
      `${String(Math.round((Date.now() - startedAt) / 1_000)).padStart(5)} s: ${progress.started} orders, ${progress.answered} answered, ${progress.kills} kills`,
    ),
});
console.log(toTable(report));
const hasPassed = isPassed(report);
console.log(hasPassed ? 'PASSED' : 'FAILED');
process.exitCode = hasPassed ? 0 : 1;
