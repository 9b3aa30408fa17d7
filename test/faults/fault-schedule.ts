import { setTimeout as sleep } from 'node:timers/promises';
import type { PartnerCenterControls } from '../../src/emulator/partner-center/partner-center-controls.ts';
import type { DatabaseFault, FaultDatabase } from './fault-database.ts';
import type { Random } from './random.ts';
import { causeUpstreamTrouble } from './upstream-trouble.ts';

export type TroubleCounts = ReadonlyMap<DatabaseFault, number>;

/** Trouble with the database every so often, and with Partner Center for some of the orders. */
export function causeTrouble({
  upstream,
  database,
  databaseTroubleEveryMs,
  random,
}: {
  readonly upstream: PartnerCenterControls;
  readonly database: FaultDatabase;
  readonly databaseTroubleEveryMs: number;
  readonly random: Random;
}): {
  readonly beforeOrder: () => void;
  readonly counts: TroubleCounts;
  /** Resolves when the last trouble is over. */
  stop(): Promise<void>;
} {
  const counts = new Map<DatabaseFault, number>();
  const stopping = new AbortController();
  const ofDatabase = random.fork('database');
  let isStopped = false;

  async function disturbDatabase() {
    for (;;) {
      const pauseMs = databaseTroubleEveryMs * (0.5 + ofDatabase.next());
      await sleep(pauseMs, undefined, { signal: stopping.signal }).catch(() => undefined);
      if (stopping.signal.aborted) return;
      const what = await database.disturb(ofDatabase);
      counts.set(what, (counts.get(what) ?? 0) + 1);
    }
  }

  const disturbing = disturbDatabase();
  disturbing.catch(() => undefined); // stop() tells
  let orders = 0;
  return {
    beforeOrder() {
      orders += 1;
      if (!isStopped) causeUpstreamTrouble(upstream, random.fork(`order ${orders}`));
    },
    counts,
    async stop() {
      isStopped = true;
      stopping.abort();
      await disturbing;
    },
  };
}
