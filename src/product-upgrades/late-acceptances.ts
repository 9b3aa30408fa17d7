import { setTimeout as sleepFor } from 'node:timers/promises';
import { LedgerUnavailableError } from '../errors.ts';
import type { Ledger } from './ports.ts';
import type { AcceptedUpgrade, KnownUpgrade, Order } from './types.ts';

export interface LateAcceptancesParts {
  readonly ledger: Ledger;
  readonly now: () => number;
  readonly log: { info(facts: object, message: string): void; warn(facts: object, message: string): void };
  /** Ends the tries: recovery finds what is left. */
  readonly stopping: AbortSignal;
  /** Before the first further try, in milliseconds; it doubles up to five seconds. */
  readonly firstWaitMs?: number;
}

export interface LateAcceptances {
  /** Keeps an acceptance that the ledger could not take, and records it as soon as it can. */
  keep(order: Order, accepted: AcceptedUpgrade): void;
  find(upgradeId: string): KnownUpgrade | undefined;
}

interface Late {
  readonly order: Order;
  readonly accepted: AcceptedUpgrade;
  readonly keptAt: number;
}

const longestWaitMs = 5_000;
const keptForMs = 3_600_000;
const mostKept = 1_000;

/**
 * Acceptances that were answered while the database was away. Recovery would find them too; it takes until the lease is
 * over, and meanwhile callers ask for the status of an upgrade that they have just been told of.
 */
export function createLateAcceptances({
  ledger,
  now,
  log,
  stopping,
  firstWaitMs = 250,
}: LateAcceptancesParts): LateAcceptances {
  const kept = new Map<string, Late>();
  let isRecording = false;

  /** False where the database is still away. */
  async function record({ order, accepted, keptAt }: Late): Promise<boolean> {
    const { upgradeId } = accepted;
    try {
      await ledger.recordAccepted(order.orderId, accepted, keptAt);
      log.info({ orderId: order.orderId, upgradeId }, 'An accepted order was recorded late');
    } catch (error) {
      if (error instanceof LedgerUnavailableError && now() < keptAt + keptForMs) return false;
      log.warn({ orderId: order.orderId, upgradeId, err: error }, 'An accepted order is left to recovery');
    }
    kept.delete(upgradeId);
    return true;
  }

  async function recordAll() {
    for (let waitMs = firstWaitMs; kept.size > 0; waitMs = Math.min(longestWaitMs, 2 * waitMs)) {
      await sleepFor(waitMs, undefined, { signal: stopping, ref: false }).catch(() => undefined);
      for (const late of kept.values()) if (stopping.aborted || !(await record(late))) break;
      if (stopping.aborted) return;
    }
  }

  return {
    keep(order, accepted) {
      if (kept.size >= mostKept) return;
      kept.set(accepted.upgradeId, { order, accepted, keptAt: now() });
      if (isRecording) return;
      isRecording = true;
      void recordAll().finally(() => {
        isRecording = false;
      });
    },
    find(upgradeId) {
      const order = kept.get(upgradeId)?.order;
      return (
        order && {
          upgradeId,
          orderId: order.orderId,
          customerId: order.customerId,
          productFamily: order.productFamily,
          requestedAt: order.requestedAt,
        }
      );
    },
  };
}

/** The ledger, together with the acceptances that it has yet to take. */
export const withLateAcceptances = (ledger: Ledger, late: LateAcceptances): Ledger => {
  const orLate =
    <T extends KnownUpgrade>(find: (upgradeId: string) => Promise<T | undefined>) =>
    async (upgradeId: string): Promise<T | KnownUpgrade | undefined> => {
      const known = late.find(upgradeId); // even while the ledger cannot be asked
      return known ? ((await find(upgradeId).catch(() => undefined)) ?? known) : find(upgradeId);
    };
  return {
    ...ledger,
    findUpgrade: orLate(ledger.findUpgrade),
    findUpgradeRecord: orLate(ledger.findUpgradeRecord),
  };
};
