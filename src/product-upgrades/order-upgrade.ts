import { GatewayError, UpstreamTimeoutError } from '../errors.ts';
import type { Ledger, PartnerCenter } from './ports.ts';
import type { OrderedBy, OrderIntent, ProductUpgradeRequest } from './types.ts';

export interface OrderUpgradeParts {
  readonly partnerCenter: PartnerCenter;
  readonly ledger: Ledger;
  readonly now: () => number;
  readonly newId: () => string;
}

export interface OrderContext {
  readonly orderedBy: OrderedBy;
  readonly correlationId: string;
}

/** Orders an upgrade and answers its id. It cannot be undone. */
export type OrderUpgrade = (
  request: ProductUpgradeRequest,
  context: OrderContext,
) => Promise<{ upgradeId: string }>;

/** After these nobody knows whether Partner Center started an upgrade; after any other problem it started none. */
const unknownOutcomes: ReadonlySet<string> = new Set([
  'upstream_timeout',
  'upstream_unavailable',
  'upstream_contract_violated',
]);

export function createOrderUpgrade({ partnerCenter, ledger, now, newId }: OrderUpgradeParts): OrderUpgrade {
  async function recordFailure(intent: OrderIntent, error: unknown) {
    if (!(error instanceof GatewayError) || unknownOutcomes.has(error.code))
      return ledger.recordUnknown(intent.orderId);
    await ledger.recordRefused(intent.orderId, error.code);
    // Errors 900109 and 900110 name the upgrade that is in place: from now on its status can be asked for here too.
    if (error.facts.upgradeId) await ledger.adoptUpgrade(error.facts.upgradeId, intent, now());
  }

  return async function orderUpgrade({ customerId, productFamily }, { orderedBy, correlationId }) {
    const intent: OrderIntent = {
      orderId: newId(),
      requestId: newId(),
      requestedAt: now(),
      customerId,
      productFamily,
      orderedBy,
      correlationId,
    };
    await ledger.recordIntent(intent);
    const accepted = await partnerCenter
      .createUpgrade({ customerId, productFamily }, intent)
      .catch(async (error: unknown) => {
        await recordFailure(intent, error);
        throw error instanceof UpstreamTimeoutError ? explainTimeout(error) : error;
      });
    await ledger.recordAccepted(intent.orderId, accepted);
    return { upgradeId: accepted.upgradeId };
  };
}

const explainTimeout = (cause: UpstreamTimeoutError) =>
  new UpstreamTimeoutError(
    'Partner Center did not answer in time. The outcome is being found out; it is safe to send the order again with the same Idempotency-Key.',
    { ...cause.facts, cause },
  );
