import {
  CustomerNotEligibleError,
  CustomerNotFoundError,
  GatewayError,
  UpgradeAlreadyCompletedError,
  UpgradeAlreadyInProgressError,
  UpstreamContractViolatedError,
  UpstreamThrottledError,
  UpstreamTimeoutError,
  UpstreamUnavailableError,
} from '../errors.ts';
import type { Ledger } from './ports.ts';
import type { Order } from './types.ts';

/**
 * "This purchase isn't allowed: upgrade pending, in progress, failed", or an upgrade is in progress or completed whose
 * id could not be read: there is an upgrade, perhaps this order's own.
 */
const blockedByUpgrade: ReadonlySet<string> = new Set(['900109', '900110', '900112', '900113', '900114']);

export const isBlockedByUpgrade = (code: string | undefined): boolean =>
  code !== undefined && blockedByUpgrade.has(code);

/** The upgrade that errors 900109 and 900110 name; undefined for every other failure. */
export const findNamedUpgrade = (error: unknown): string | undefined =>
  error instanceof UpgradeAlreadyInProgressError || error instanceof UpgradeAlreadyCompletedError
    ? error.facts.upgradeId
    : undefined;

/**
 * Whether Partner Center's answer settles an order although an earlier attempt went unanswered: it speaks of the
 * customer, and so of all attempts. A throttled or unauthorized call says nothing about the one before it.
 */
export const isRefusalOfCustomer = (error: unknown): error is GatewayError =>
  error instanceof CustomerNotFoundError ||
  (error instanceof CustomerNotEligibleError && !isBlockedByUpgrade(error.facts.upstream?.code));

/** Whether the upgrade was there before the order, so that the order cannot have started it. */
export async function isOlderThanOrder(ledger: Ledger, upgradeId: string, order: Order): Promise<boolean> {
  const known = await ledger.findUpgrade(upgradeId);
  if (!known || known.orderId === order.orderId) return false;
  return known.orderId !== undefined || known.requestedAt < order.requestedAt;
}

type Repeatable = Pick<Order, 'idempotencyKey'>;

/** What a caller may do who does not know what came of an order. */
export const howToRepeat = ({ idempotencyKey }: Repeatable): string =>
  idempotencyKey === undefined
    ? 'It is safe to send the order again: it is answered with 409, and with the upgrade once that is known. Orders that carry the same Idempotency-Key get the same answer.'
    : 'It is safe to send the order again with the same Idempotency-Key.';

export const beingFoundOut = (order: Repeatable): string =>
  `The outcome is being found out. ${howToRepeat(order)}`;

/** The failure of an order that may have been accepted all the same, as the caller is told of it. */
export function explainUnknown(cause: unknown, order: Repeatable): unknown {
  if (!(cause instanceof GatewayError)) return cause;
  const facts = { ...cause.facts, cause };
  if (cause instanceof UpstreamTimeoutError)
    return new UpstreamTimeoutError(`Partner Center did not answer in time. ${beingFoundOut(order)}`, facts);
  if (cause instanceof UpstreamContractViolatedError)
    return new UpstreamContractViolatedError(
      `Partner Center gave an answer that the gateway cannot read. ${beingFoundOut(order)}`,
      facts,
    );
  if (cause instanceof UpstreamThrottledError)
    return new UpstreamThrottledError(
      `Partner Center throttles the partner’s calls before it has said what became of the order. ${beingFoundOut(order)}`,
      facts,
    );
  return new UpstreamUnavailableError(
    `Partner Center has not said what became of the order. ${beingFoundOut(order)}`,
    { retryAfterSeconds: 30, ...facts },
  );
}
