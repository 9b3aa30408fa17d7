import { createHash } from 'node:crypto';
import { setTimeout as sleepFor } from 'node:timers/promises';
import {
  IdempotencyKeyInUseError,
  IdempotencyKeyReusedError,
  LedgerUnavailableError,
  UpgradeAlreadyInProgressError,
  UpstreamTimeoutError,
} from '../errors.ts';
import type { LateAcceptances } from './late-acceptances.ts';
import type { HeldLease, OrderLeases } from './order-lease.ts';
import { explainUnknown, howToRepeat } from './order-outcome.ts';
import type { Ledger, PartnerCenter } from './ports.ts';
import type { ResolveOrder } from './resolve-order.ts';
import { createSettleOrder } from './settle-order.ts';
import type {
  AcceptedUpgrade,
  Lease,
  Order,
  OrderedBy,
  OrderIntent,
  OrderPoint,
  ProductUpgradeRequest,
} from './types.ts';

export interface OrderUpgradeParts {
  readonly partnerCenter: PartnerCenter;
  readonly ledger: Ledger;
  readonly leases: OrderLeases;
  readonly resolveOrder: ResolveOrder;
  readonly lateAcceptances: Pick<LateAcceptances, 'keep'>;
  readonly now: () => number;
  readonly newId: () => string;
  readonly log: { warn(facts: object, message: string): void };
  /** How long recovery waits before it first looks at an order of unknown outcome, in milliseconds. */
  readonly backoffBaseMs: number;
  /** For tests that make the process die at a point of an order. */
  readonly atPoint?: (point: OrderPoint) => void | Promise<void>;
  readonly sleep?: (ms: number) => Promise<unknown>;
}

export interface OrderContext {
  readonly orderedBy: OrderedBy;
  readonly correlationId: string;
  readonly idempotencyKey?: string;
}

/** Orders an upgrade and answers its id. It cannot be undone. */
export type OrderUpgrade = (
  request: ProductUpgradeRequest,
  context: OrderContext,
) => Promise<{ upgradeId: string }>;

/**
 * After an acceptance the ledger alone answers further orders of the customer for this time: whether Partner Center
 * would already refuse a second upgrade milliseconds after the first is documented nowhere.
 */
const justAcceptedMs = 60_000;
// How long a request waits for another one's outcome: looked for soon at first, then less and less often.
const mostWaitMs = 5_000;
const nextPollMs = (waitedMs: number) => Math.min(250, 20 + waitedMs / 4);
const inUseRetryAfterSeconds = 2;

const toFingerprint = ({ customerId, productFamily }: ProductUpgradeRequest) =>
  createHash('sha256')
    .update(JSON.stringify([customerId, productFamily]))
    .digest('base64url');

export function createOrderUpgrade({
  partnerCenter,
  ledger,
  leases,
  resolveOrder,
  lateAcceptances,
  now,
  newId,
  log,
  backoffBaseMs,
  atPoint = () => undefined,
  sleep = sleepFor,
}: OrderUpgradeParts): OrderUpgrade {
  const settle = createSettleOrder({
    ledger,
    resolveOrder,
    lateAcceptances,
    now,
    log,
    backoffBaseMs,
    atPoint,
  });

  /** Sends an order whose intent is durable and whose lease is ours. */
  async function send(order: Order, held: HeldLease) {
    await atPoint('after-intent');
    // A process that was held up for so long may have lost the order to another one.
    if (!held.isHeld() && !(await held.renew()))
      throw explainUnknown(new UpstreamTimeoutError('The gateway was held up.'), order);
    let isUncertain = false;
    const sent: Promise<void>[] = [];
    const options = {
      onSent: () => {
        const reached = (async () => atPoint('after-send'))();
        reached.catch(() => undefined); // it is awaited below, later than a rejection may come
        sent.push(reached);
      },
      onUncertain: () => {
        isUncertain = true;
      },
      mayBeSent: held.isHeld,
    };
    let accepted: AcceptedUpgrade;
    try {
      accepted = await partnerCenter.createUpgrade(order, order, options);
    } catch (error) {
      await Promise.all(sent);
      await atPoint('after-answer');
      return settle.failed(order, held, error, isUncertain);
    }
    await Promise.all(sent);
    await atPoint('after-answer');
    return settle.accepted(order, accepted);
  }

  const inUse = (retryAfterSeconds = inUseRetryAfterSeconds) =>
    new IdempotencyKeyInUseError(
      'The first request with this Idempotency-Key has no outcome yet. Send it again after Retry-After.',
      { retryAfterSeconds },
    );

  /** What a key that is known gets: the same answer, or the work finished that the first try left; else undefined. */
  async function repeat(order: Order, intent: OrderIntent): Promise<{ upgradeId: string } | undefined> {
    if (order.bodyFingerprint !== intent.bodyFingerprint)
      throw new IdempotencyKeyReusedError('This Idempotency-Key was sent before with another body.');
    if (order.upgradeId) return { upgradeId: order.upgradeId };
    if (order.problemCode === 'upstream_throttled' && order.nextAttemptAt > now())
      throw inUse(Math.ceil((order.nextAttemptAt - now()) / 1000));
    const lease = leases.create();
    const claimed = await ledger.claimOrder(order.orderId, lease, now());
    if (!claimed) throw inUse();
    const resolution = await leases.hold(order.orderId, lease, (held) => resolveOrder(claimed, held));
    if (resolution.kind === 'accepted') return { upgradeId: resolution.upgradeId };
    if (resolution.kind === 'refused') throw resolution.error;
    if (resolution.kind === 'unknown') throw explainUnknown(resolution.error, order);
    return undefined;
  }

  const inProgress = (upgradeId?: string) =>
    new UpgradeAlreadyInProgressError(
      upgradeId
        ? 'An upgrade of this customer is already in progress. Follow it; there is no need to order again.'
        : 'Another order for this customer has no outcome yet. Send the request again after Retry-After.',
      upgradeId ? { upgradeId } : { retryAfterSeconds: inUseRetryAfterSeconds },
    );

  /** Waits until the order in the way is settled without an upgrade; else its upgrade is the answer, if there is time. */
  async function waitForOther(order: Order, waited: { ms: number }): Promise<void> {
    let current: Order | undefined = order;
    while (current?.state === 'intended' && waited.ms < mostWaitMs) {
      const pollMs = nextPollMs(waited.ms);
      waited.ms += pollMs;
      await sleep(pollMs);
      current = await ledger.findOrder(order.orderId);
    }
    if (current?.state === 'intended' || current?.state === 'unknown') throw inProgress();
    if (current?.upgradeId) throw inProgress(current.upgradeId);
  }

  const toIntent = (
    { customerId, productFamily }: ProductUpgradeRequest,
    { orderedBy, correlationId, idempotencyKey }: OrderContext,
  ): OrderIntent => ({
    orderId: newId(),
    requestId: newId(),
    requestedAt: now(),
    bodyFingerprint: toFingerprint({ customerId, productFamily }),
    customerId,
    productFamily,
    orderedBy,
    correlationId,
    ...(idempotencyKey !== undefined && { idempotencyKey }),
  });

  async function open(intent: OrderIntent, lease: Lease) {
    try {
      return await ledger.openOrder(intent, lease, now() - justAcceptedMs);
    } catch (error) {
      if (!(error instanceof LedgerUnavailableError)) throw error;
      // Whether the last statement arrived nobody knows: recovery takes an order with an intent for one to carry out.
      throw new LedgerUnavailableError(
        `The gateway’s database cannot be used at the moment. Nothing has been sent to Partner Center; should the order have been recorded in the last moment, it is carried out once the database is back. ${howToRepeat(intent)}`,
        { ...error.facts, cause: error },
      );
    }
  }

  return async function orderUpgrade(request, context) {
    const waited = { ms: 0 };
    for (;;) {
      const intent = toIntent(request, context);
      const lease = leases.create();
      await atPoint('before-intent');
      const opened = await open(intent, lease);
      if (opened.kind === 'opened')
        return leases.hold(intent.orderId, lease, (held) => send(opened.order, held));
      if (opened.kind === 'just-accepted') throw inProgress(opened.upgradeId);
      if (opened.kind === 'customer-busy') await waitForOther(opened.order, waited);
      else {
        const answer = await repeat(opened.order, intent);
        if (answer) return answer;
      }
    }
  };
}
