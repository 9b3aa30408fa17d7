import {
  CustomerNotEligibleError,
  CustomerNotFoundError,
  GatewayError,
  UpstreamThrottledError,
  UpstreamTimeoutError,
} from '../errors.ts';
import type { HeldLease } from './order-lease.ts';
import {
  findNamedUpgrade,
  isBlockedByUpgrade,
  isOlderThanOrder,
  isRefusalOfCustomer,
} from './order-outcome.ts';
import type { Ledger, PartnerCenter } from './ports.ts';
import type { AcceptedUpgrade, Order, UpgradeEligibility } from './types.ts';

export interface ResolveOrderParts {
  readonly partnerCenter: PartnerCenter;
  readonly ledger: Ledger;
  readonly now: () => number;
  readonly newId: () => string;
  readonly log: ResolveLog;
  /** How long recovery waits after its first failure, in milliseconds; it doubles with each further one. */
  readonly backoffBaseMs: number;
  readonly random?: () => number;
}

export interface ResolveLog {
  info(facts: object, message: string): void;
  warn(facts: object, message: string): void;
  error(facts: object, message: string): void;
}

/** What was found out about an open order, and recorded. */
export type Resolution =
  | { readonly kind: 'accepted'; readonly upgradeId: string }
  | { readonly kind: 'refused'; readonly error: GatewayError }
  | { readonly kind: 'not-started' }
  | { readonly kind: 'unknown'; readonly error: unknown; readonly retryAt: number };

type Finding =
  | Exclude<Resolution, { kind: 'accepted' | 'unknown' }>
  | ({ kind: 'accepted' } & AcceptedUpgrade);

/** Finds out what became of an open order whose lease the caller holds; once it is lost, nothing is sent any more. */
export type ResolveOrder = (order: Order, lease: Pick<HeldLease, 'owner' | 'isHeld'>) => Promise<Resolution>;

/** An order is sent again while it is younger than this: nobody wants to be upgraded by surprise a day later. */
export const resendWithinMs = 3_600_000;
const longestBackoffMs = 300_000;

/** When an order is looked at again: exponential back-off with jitter, on top of what Partner Center asks for. */
export function planAttempt(
  { attempts }: Pick<Order, 'attempts'>,
  error: unknown,
  { now, random, backoffBaseMs }: { now: number; random: number; backoffBaseMs: number },
): number {
  const backoffMs = Math.min(longestBackoffMs, backoffBaseMs * 2 ** Math.min(attempts, 20));
  const askedForMs =
    error instanceof UpstreamThrottledError ? (error.facts.retryAfterSeconds ?? 0) * 1_000 : 0;
  return Math.ceil(now + askedForMs + backoffMs * (0.5 + random / 2));
}

const isAboutCustomer = (error: unknown) =>
  error instanceof CustomerNotFoundError || error instanceof CustomerNotEligibleError;

export function createResolveOrder({
  partnerCenter,
  ledger,
  now,
  newId,
  log,
  backoffBaseMs,
  random = Math.random,
}: ResolveOrderParts): ResolveOrder {
  const mayBeSent = (order: Order) => now() < order.requestedAt + resendWithinMs;

  /** Only reads at Partner Center; undefined where it has nothing to say about a customer that it does not take. */
  async function askEligibility(order: Order): Promise<UpgradeEligibility | undefined> {
    try {
      return await partnerCenter.checkEligibility(order, {
        requestId: newId(),
        correlationId: order.correlationId,
      });
    } catch (error) {
      // The create call will say the same, and say it about the order. For an order that is not sent any more, a
      // customer out of reach is no proof that nothing was started.
      if (isAboutCustomer(error) && mayBeSent(order)) return undefined;
      throw error;
    }
  }

  /** The create call again, with its first `MS-RequestId`: repeated where that is remembered, sent anew where not. */
  async function sendAgain(order: Order, isHeld: () => boolean): Promise<Finding> {
    try {
      const accepted = await partnerCenter.createUpgrade(order, order, {
        notAfter: order.requestedAt + resendWithinMs,
        mayBeSent: isHeld,
      });
      return { kind: 'accepted', ...accepted };
    } catch (error) {
      const upgradeId = findNamedUpgrade(error);
      if (upgradeId && error instanceof GatewayError)
        return (await isOlderThanOrder(ledger, upgradeId, order))
          ? { kind: 'refused', error }
          : { kind: 'accepted', upgradeId, upstream: error.facts.upstream ?? {} };
      if (isRefusalOfCustomer(error)) return { kind: 'refused', error };
      throw error;
    }
  }

  async function findOut(order: Order, isHeld: () => boolean): Promise<Finding> {
    const eligibility = await askEligibility(order);
    const upgradeId = eligibility?.upgradeId;
    if (upgradeId && !(await isOlderThanOrder(ledger, upgradeId, order)))
      return {
        kind: 'accepted',
        upgradeId,
        upstream: { ...order.upstream, requestId: order.requestId, correlationId: order.correlationId },
      };
    // From here on Partner Center knows of no upgrade that could be this order's.
    if (mayBeSent(order)) return sendAgain(order, isHeld);
    if (!upgradeId && !eligibility?.isEligible && isBlockedByUpgrade(order.upstream?.code))
      throw new CustomerNotEligibleError(
        'Partner Center says that an upgrade blocks the customer, and does not say which.',
        { ...(order.upstream && { upstream: order.upstream }) },
      );
    return { kind: 'not-started' };
  }

  async function record(order: Order, leaseOwner: string, finding: Finding): Promise<Resolution> {
    const facts = { orderId: order.orderId, requestId: order.requestId, correlationId: order.correlationId };
    if (finding.kind === 'accepted') {
      const { upgradeId } = finding;
      await ledger.recordAccepted(order.orderId, finding, now());
      log.info({ ...facts, upgradeId }, 'An order was found to have been accepted');
      return { kind: 'accepted', upgradeId };
    }
    const isRecorded =
      finding.kind === 'refused'
        ? await ledger.recordRefused(
            order.orderId,
            leaseOwner,
            {
              problemCode: finding.error.code,
              ...(finding.error.facts.upstream && { upstream: finding.error.facts.upstream }),
            },
            now(),
          )
        : await ledger.recordNotStarted(order.orderId, leaseOwner, now());
    // Somebody else works at it, and will say what it came to.
    if (!isRecorded)
      return {
        kind: 'unknown',
        error: new UpstreamTimeoutError('The order’s lease was lost.'),
        retryAt: now(),
      };
    log.info({ ...facts, outcome: finding.kind }, 'An order was found to have started nothing');
    return finding;
  }

  async function recordUnknown(order: Order, leaseOwner: string, error: unknown): Promise<Resolution> {
    const problemCode = error instanceof GatewayError ? error.code : 'internal_error';
    const upstream = error instanceof GatewayError ? error.facts.upstream : undefined;
    const retryAt = planAttempt(order, error, { now: now(), random: random(), backoffBaseMs });
    // That an upgrade blocks the customer is evidence, which no later failure takes away.
    const isEvidenceKept = isBlockedByUpgrade(order.upstream?.code) && !isBlockedByUpgrade(upstream?.code);
    const isOurs = await ledger.recordUnknown(
      order.orderId,
      leaseOwner,
      { problemCode, nextAttemptAt: retryAt, ...(upstream && !isEvidenceKept && { upstream }) },
      now(),
    );
    // Whoever has taken the order over says it, if it is to be said.
    if (
      isOurs &&
      !mayBeSent(order) &&
      order.reportedAt === undefined &&
      (await ledger.recordReported(order.orderId, now()))
    )
      report(order, error, problemCode);
    return { kind: 'unknown', error, retryAt };
  }

  /** What Microsoft's support asks for; it stays an error until a person has acted, and is said once. */
  function report(order: Order, error: unknown, problemCode: string) {
    log.error(
      {
        orderId: order.orderId,
        customerId: order.customerId,
        productFamily: order.productFamily,
        requestId: order.requestId,
        correlationId: order.correlationId,
        upstream: (error instanceof GatewayError ? error.facts.upstream : undefined) ?? order.upstream,
        requestedAt: new Date(order.requestedAt).toISOString(),
        triedUntil: new Date(now()).toISOString(),
        attempts: order.attempts,
        orderedBy: order.orderedBy,
        code: problemCode,
        err: error,
      },
      'The outcome of an order could not be found out within an hour: ask Microsoft’s support about it with these ids',
    );
  }

  return async function resolveOrder(order, { owner, isHeld }) {
    let finding: Finding;
    try {
      finding = await findOut(order, isHeld);
    } catch (error) {
      return recordUnknown(order, owner, error);
    }
    return record(order, owner, finding);
  };
}
