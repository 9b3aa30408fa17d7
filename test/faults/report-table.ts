import type { FaultReport } from './fault-run.ts';

const shownViolations = 20;

const toCounts = (counts: ReadonlyMap<string, number>) =>
  [...counts]
    .toSorted(([one], [other]) => one.localeCompare(other))
    .map(([kind, count]) => `${kind} ${count}`)
    .join(', ') || 'none';

const sum = (counts: ReadonlyMap<string, number>) => [...counts.values()].reduce((total, n) => total + n, 0);

/** The figures of a run, and what went wrong in words. */
export function toTable(report: FaultReport): string {
  const { options, kills, trouble, progress, verdict, crashes, folder } = report;
  const rows: [string, string | number][] = [
    ['seed', options.seed],
    ['database', `${options.database}, ${options.instances} instance${options.instances === 1 ? '' : 's'}`],
    ['orders by clients', `${progress.started}, of which ${progress.answered} answered`],
    ['requests to the gateways', report.requests],
    ['create calls that reached Partner Center', report.createCalls],
    ['upgrades started', report.upgrades],
    ['orders in the ledger', report.ordersInLedger],
    ['gateways killed', `${sum(kills)}: ${toCounts(kills)}`],
    ['trouble with the database', `${sum(trouble)}: ${toCounts(trouble)}`],
    ['upgrades lost', verdict.lost.length],
    ['upgrades doubled', verdict.doubled.length],
    ['contradictions', verdict.contradictions.length],
    ['stuck', verdict.stuck.length],
    ['gateways that ended by themselves', crashes.length],
    ['seconds', (report.durationMs / 1_000).toFixed(1)],
  ];
  const violations = Object.entries(verdict).flatMap(([kind, list]) => [
    ...list.slice(0, shownViolations).map((text) => `${kind}: ${text}`),
    ...(list.length > shownViolations ? [`${kind}: … and ${list.length - shownViolations} more`] : []),
  ]);
  const width = Math.max(...rows.map(([name]) => name.length));
  return [
    ...rows.map(([name, value]) => `${name.padEnd(width)}  ${value}`),
    ...violations,
    ...crashes.slice(0, shownViolations).map((file) => `ended by itself: ${file}`),
    ...(folder === undefined ? [] : [`the gateways’ output is in ${folder}`]),
  ].join('\n');
}
