import { setTimeout as sleepFor } from 'node:timers/promises';
import { LedgerUnavailableError, UpstreamThrottledError } from '../errors.ts';
import type { OrderLeases } from './order-lease.ts';
import type { OrderLedger } from './ports.ts';
import type { ResolveLog, ResolveOrder } from './resolve-order.ts';

export interface RecoverOrdersParts {
  readonly ledger: OrderLedger;
  readonly leases: OrderLeases;
  readonly resolveOrder: ResolveOrder;
  readonly now: () => number;
  readonly log: ResolveLog;
  /** Between two looks for orders that nobody works at, in milliseconds. */
  readonly intervalMs: number;
  readonly random?: () => number;
}

export interface RecoverOrders {
  /** Works off what is due now, and takes no more once the signal says so; answers how many orders it took. */
  runOnce(stopping?: AbortSignal): Promise<number>;
  /** Runs at once and then every so often, until the signal; resolves when the orders in hand are done. */
  run(stopping: AbortSignal): Promise<void>;
}

const batchSize = 20;
/** Orders that one instance works at side by side: enough for a backlog, few enough not to be throttled for it. */
const workers = 4;

/** Finds out what became of orders whose request died or got no answer. Instances share the work by leases. */
export function createRecoverOrders({
  ledger,
  leases,
  resolveOrder,
  now,
  log,
  intervalMs,
  random = Math.random,
}: RecoverOrdersParts): RecoverOrders {
  let throttledUntil = 0;
  let isLedgerAway = false;

  /** Whether the order was taken: another instance may have been quicker. */
  async function recoverOne(orderId: string): Promise<boolean> {
    const lease = leases.create();
    const order = await ledger.claimOrder(orderId, lease, now());
    if (!order) return false;
    const resolution = await leases.hold(orderId, lease, (held) => resolveOrder(order, held));
    // Every call counts against the partner's limit: the other orders wait too.
    if (resolution.kind === 'unknown' && resolution.error instanceof UpstreamThrottledError)
      throttledUntil = Math.max(throttledUntil, resolution.retryAt);
    return true;
  }

  async function recoverBatch(orderIds: readonly string[], stopping?: AbortSignal): Promise<number> {
    const waiting = [...orderIds];
    let taken = 0;
    let failed: { readonly error: unknown } | undefined;
    async function work() {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
        if (failed || stopping?.aborted || now() < throttledUntil) return;
        try {
          if (await recoverOne(next)) taken += 1;
        } catch (error) {
          failed = { error };
        }
      }
    }
    await Promise.all(Array.from({ length: workers }, work));
    if (failed) throw failed.error;
    return taken;
  }

  async function runOnce(stopping?: AbortSignal) {
    let total = 0;
    for (;;) {
      if (stopping?.aborted || now() < throttledUntil) return total;
      const orderIds = await ledger.findDueOrders(now(), batchSize);
      const taken = await recoverBatch(orderIds, stopping);
      total += taken;
      if (orderIds.length < batchSize || taken === 0) return total;
    }
  }

  /** An outage of the database is one line in the log, and one more when it is over. */
  function noteFailure(error: unknown) {
    if (!(error instanceof LedgerUnavailableError))
      return log.error({ err: error }, 'Recovery met a fault of its own and goes on');
    if (!isLedgerAway) log.warn({ err: error }, 'The database cannot be used; recovery waits for it');
    isLedgerAway = true;
  }

  return {
    runOnce,
    async run(stopping) {
      while (!stopping.aborted) {
        try {
          await runOnce(stopping);
          if (isLedgerAway) log.info({}, 'The database can be used again');
          isLedgerAway = false;
        } catch (error) {
          noteFailure(error);
        }
        // Instances that started together do not stay together.
        await sleepFor(intervalMs * (0.75 + random() / 2), undefined, { signal: stopping, ref: false }).catch(
          () => undefined,
        );
      }
    },
  };
}
