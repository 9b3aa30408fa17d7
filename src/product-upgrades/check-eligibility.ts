import type { Ledger, PartnerCenter } from './ports.ts';
import type { ProductUpgradeRequest, UpgradeEligibility } from './types.ts';

export interface CheckEligibilityParts {
  readonly partnerCenter: PartnerCenter;
  readonly ledger: Ledger;
  readonly now: () => number;
  readonly newId: () => string;
}

/** Asks Partner Center whether the customer may be upgraded. */
export type CheckEligibility = (
  request: ProductUpgradeRequest,
  context: { readonly correlationId: string },
) => Promise<UpgradeEligibility>;

export function createCheckEligibility({
  partnerCenter,
  ledger,
  now,
  newId,
}: CheckEligibilityParts): CheckEligibility {
  return async function checkEligibility(request, { correlationId }) {
    const eligibility = await partnerCenter.checkEligibility(request, { requestId: newId(), correlationId });
    // The answer names an upgrade that is already in place: it may be one that nobody else remembers.
    if (eligibility.upgradeId) await ledger.adoptUpgrade(eligibility.upgradeId, request, now());
    return eligibility;
  };
}
