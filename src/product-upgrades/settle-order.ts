import { GatewayError, LedgerUnavailableError, UpstreamTimeoutError } from '../errors.ts';
import type { LateAcceptances } from './late-acceptances.ts';
import type { HeldLease } from './order-lease.ts';
import {
  beingFoundOut,
  explainUnknown,
  findNamedUpgrade,
  isOlderThanOrder,
  isRefusalOfCustomer,
} from './order-outcome.ts';
import type { Ledger } from './ports.ts';
import { planAttempt, type ResolveOrder } from './resolve-order.ts';
import type { AcceptedUpgrade, Order, OrderPoint } from './types.ts';

export interface SettleOrderParts {
  readonly ledger: Ledger;
  readonly resolveOrder: ResolveOrder;
  readonly lateAcceptances: Pick<LateAcceptances, 'keep'>;
  readonly now: () => number;
  readonly log: { warn(facts: object, message: string): void };
  readonly backoffBaseMs: number;
  readonly atPoint: (point: OrderPoint) => void | Promise<void>;
}

/** What Partner Center's answer makes of an order: it is recorded, and then told. */
export interface SettleOrder {
  accepted(order: Order, accepted: AcceptedUpgrade): Promise<{ upgradeId: string }>;
  /** @param isUncertain an attempt may have been carried out, whatever the last one came to */
  failed(order: Order, held: HeldLease, error: unknown, isUncertain: boolean): Promise<{ upgradeId: string }>;
}

export function createSettleOrder({
  ledger,
  resolveOrder,
  lateAcceptances,
  now,
  log,
  backoffBaseMs,
  atPoint,
}: SettleOrderParts): SettleOrder {
  /** The id is in hand, so it is answered even where it cannot be recorded yet. */
  async function settleAccepted(order: Order, accepted: AcceptedUpgrade) {
    const facts = { orderId: order.orderId, upgradeId: accepted.upgradeId, upstream: accepted.upstream };
    try {
      const { state, upgradeId } = await ledger.recordAccepted(order.orderId, accepted, now());
      if (state !== 'accepted' || upgradeId !== accepted.upgradeId)
        log.warn({ ...facts, state }, 'An order was accepted after it had been settled otherwise');
    } catch (error) {
      log.warn({ ...facts, err: error }, 'An accepted order could not be recorded yet');
      lateAcceptances.keep(order, accepted);
    }
    await atPoint('before-reply');
    return { upgradeId: accepted.upgradeId };
  }

  async function settleUnknown(order: Order, { owner }: HeldLease, error: unknown): Promise<never> {
    const { code, facts } = error instanceof GatewayError ? error : { code: 'internal_error', facts: {} };
    const nextAttemptAt = planAttempt(order, error, { now: now(), random: 1, backoffBaseMs });
    await ledger
      .recordUnknown(
        order.orderId,
        owner,
        { problemCode: code, nextAttemptAt, ...(facts.upstream && { upstream: facts.upstream }) },
        now(),
      )
      .catch((err: unknown) =>
        log.warn({ orderId: order.orderId, err }, 'An unknown outcome could not be recorded; recovery knows'),
      );
    await atPoint('before-reply');
    throw explainUnknown(error, order);
  }

  /** A refusal is told only once it is recorded: recovery, which would not know of it, might send the order again. */
  async function settleRefused(order: Order, { owner }: HeldLease, error: GatewayError): Promise<never> {
    const { upgradeId, upstream } = error.facts;
    try {
      // Errors 900109 and 900110 name the upgrade that is in place: from now on its status can be asked for here too.
      if (upgradeId) await ledger.adoptUpgrade(upgradeId, order, now());
      const refusal = { problemCode: error.code, ...(upstream && { upstream }) };
      const isRecorded = await ledger.recordRefused(order.orderId, owner, refusal, now());
      if (!isRecorded) throw explainUnknown(new UpstreamTimeoutError(error.message, { cause: error }), order);
    } catch (failure) {
      if (!(failure instanceof LedgerUnavailableError)) throw failure;
      throw new LedgerUnavailableError(
        `The gateway’s database went away before the order’s outcome was recorded. ${beingFoundOut(order)}`,
        { ...failure.facts, cause: failure },
      );
    }
    await atPoint('before-reply');
    throw error;
  }

  async function settleFailure(order: Order, held: HeldLease, error: unknown, isUncertain: boolean) {
    if (!(error instanceof GatewayError)) return settleUnknown(order, held, error);
    if (!isUncertain) return settleRefused(order, held, error);
    const upgradeId = findNamedUpgrade(error);
    if (upgradeId && !(await isOlderThanOrder(ledger, upgradeId, order).catch(() => false)))
      // The attempt that went unanswered was accepted, and this is its upgrade.
      return settleAccepted(order, { upgradeId, upstream: error.facts.upstream ?? {} });
    if (upgradeId) return settleRefused(order, held, error);
    // Just after an upgrade has begun Partner Center may refuse another one for reasons that the first one made.
    if (isRefusalOfCustomer(error)) return resolve(order, held);
    return settleUnknown(order, held, error);
  }

  /** Finds out at once what became of an order, and answers it. */
  async function resolve(order: Order, held: HeldLease) {
    const resolution = await resolveOrder(order, held);
    await atPoint('before-reply');
    if (resolution.kind === 'accepted') return { upgradeId: resolution.upgradeId };
    if (resolution.kind === 'refused') throw resolution.error;
    throw explainUnknown(
      resolution.kind === 'unknown' ? resolution.error : new UpstreamTimeoutError('The order took an hour.'),
      order,
    );
  }

  return { accepted: settleAccepted, failed: settleFailure };
}
