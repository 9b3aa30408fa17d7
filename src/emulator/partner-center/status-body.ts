import type { Upgrade, UpgradeBook } from './upgrade-book.ts';

const azureSubscription = { id: 'b1beb621-3cad-4d7a-b360-62db33ce028e', name: 'AzureSubscription' };
const azurePlan = { id: 'd231908e-31c1-de0e-027b-bc5ce11f09d9', name: 'Microsoft Azure plan' };

/** Why an emulated upgrade or line item failed; `{code, message}` as in Microsoft's pages. */
export const failureDetails = {
  code: '900119',
  message: "Can't process the upgrade of a subscription that uses shared services.",
} as const;

/**
 * The body of a status answer.
 * https://learn.microsoft.com/partner-center/developer/get-product-upgrade-status
 * @param productFamily echoed in the case in which it was sent
 */
export function statusBody(
  book: UpgradeBook,
  upgrade: Upgrade,
  productFamily: string,
): Record<string, unknown> {
  const status = book.statusOf(upgrade);
  return {
    id: upgrade.upgradeId,
    status,
    productFamily,
    lineItems: status === 'Pending' ? [] : lineItems(status, upgrade, book.endsAt(upgrade)),
    ...(status === 'Failed' ? { errorDetails: failureDetails } : {}),
  };
}

function lineItems(status: string, { fate }: Upgrade, endsAt: number): Record<string, unknown>[] {
  const item = { sourceProduct: azureSubscription, targetProduct: azurePlan };
  if (status === 'InProgress') return [{ ...item, status }];
  const upgradedDate = sevenDigits(endsAt);
  if (status === 'Failed') return [{ ...item, upgradedDate, status, errorDetails: failureDetails }];
  const completed = { ...item, upgradedDate, status };
  return fate === 'line-item-fails'
    ? [completed, { ...item, upgradedDate, status: 'Failed', errorDetails: failureDetails }]
    : [completed];
}

/** A time with the seven fractional digits of .NET, e.g. `2019-08-29T23:47:28.8524555Z`. */
function sevenDigits(epochMs: number): string {
  return new Date(epochMs).toISOString().replace('Z', '4555Z');
}
