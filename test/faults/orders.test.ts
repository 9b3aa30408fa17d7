import { describe, expect, it } from '@jest/globals';
import { type FaultRunOptions, isPassed, runFaults } from './fault-run.ts';
import { toTable } from './report-table.ts';

const seed = Number(process.env['FAULTS_SEED'] ?? Date.now() % 1_000_000);

const options = {
  orders: 150,
  kills: 25,
  clients: 30,
  seed,
  longestLifeMs: 1_000,
  databaseTroubleEveryMs: 4_000,
  timeoutMs: 150_000,
} satisfies Partial<FaultRunOptions>;

// The short form of `npm run test:faults`, on both databases side by side.
describe.each([
  { database: 'sqlite', instances: 1 },
  { database: 'postgres', instances: 3 },
] as const)('on $database with gateways: $instances', ({ database, instances }) => {
  const running = runFaults({ ...options, database, instances });
  running.catch(() => undefined); // the test tells

  it(`no upgrade is lost and none is started twice while gateways are killed (FAULTS_SEED=${seed})`, async () => {
    const report = await running;
    if (!isPassed(report)) throw new Error(toTable(report));
    expect(report.verdict).toEqual({ lost: [], doubled: [], contradictions: [], stuck: [] });
    for (const point of [
      'before-intent',
      'after-intent',
      'after-send',
      'after-answer',
      'before-reply',
    ] as const)
      expect(report.kills.get(point) ?? 0).toBeGreaterThan(0);
    expect(report.trouble.size).toBeGreaterThan(0);
  }, 200_000);
});
