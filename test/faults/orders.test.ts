import { describe, expect, it } from '@jest/globals';
import { type FaultReport, type FaultRunOptions, isPassed, runFaults } from './fault-run.ts';
import { toTable } from './report-table.ts';

const seed = Number(process.env['FAULTS_SEED'] ?? Date.now() % 1_000_000);

const options = {
  clients: 30,
  seed,
  longestLifeMs: 800,
  databaseTroubleEveryMs: 3_000,
  timeoutMs: 180_000,
} satisfies Partial<FaultRunOptions>;

const reports: FaultReport[] = [];

// The short form of `npm run test:faults`.
describe('orders amid faults', () => {
  it.each([
    { database: 'sqlite', instances: 1, orders: 60, kills: 10 },
    { database: 'postgres', instances: 3, orders: 100, kills: 18 },
  ] as const)(
    `$database, gateways $instances: no upgrade is lost and none is started twice (FAULTS_SEED=${seed})`,
    async (sizes) => {
      const report = await runFaults({ ...options, ...sizes });
      reports.push(report);
      if (!isPassed(report)) throw new Error(toTable(report));
      expect(report.verdict).toEqual({ lost: [], doubled: [], contradictions: [], stuck: [] });
      expect(report.trouble.size).toBeGreaterThan(0);
    },
    200_000,
  );

  it.each(['before-intent', 'after-intent', 'after-send', 'after-answer', 'before-reply'] as const)(
    'a gateway was killed %s',
    (point) => {
      expect(reports.some(({ kills }) => (kills.get(point) ?? 0) > 0)).toBe(true);
    },
  );
});
