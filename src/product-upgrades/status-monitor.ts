import { createHash } from 'node:crypto';
import type { StatusMonitor } from './schemas.ts';
import type { KnownUpgrade, LineItemReport } from './types.ts';
import { isFinal, toUpgradeStatus } from './upgrade-status.ts';

const toLineItem = (item: LineItemReport): StatusMonitor['lineItems'][number] => ({
  ...(item.sourceProduct && { sourceProduct: item.sourceProduct }),
  ...(item.targetProduct && { targetProduct: item.targetProduct }),
  status: toUpgradeStatus(item.partnerCenterStatus),
  partnerCenterStatus: item.partnerCenterStatus,
  ...(item.upgradedAt && { upgradedAt: item.upgradedAt }),
  ...(item.error && { error: item.error }),
});

/** The upgrade as callers see it, in the shape that an Azure poller follows. */
export function toStatusMonitor({ report, ...upgrade }: KnownUpgrade): StatusMonitor {
  const status = report ? toUpgradeStatus(report.partnerCenterStatus) : 'NotStarted';
  return {
    upgradeId: upgrade.upgradeId,
    customerId: upgrade.customerId,
    productFamily: upgrade.productFamily,
    status,
    ...(report && { partnerCenterStatus: report.partnerCenterStatus }),
    isFinal: isFinal(status),
    lineItems: (report?.lineItems ?? []).map(toLineItem),
    ...(report?.error && { error: report.error }),
    requestedAt: new Date(upgrade.requestedAt).toISOString(),
    ...(upgrade.checkedAt !== undefined && { checkedAt: new Date(upgrade.checkedAt).toISOString() }),
  };
}

/** Changes when the upgrade does, and not each time that it is looked at: a weak validator (RFC 9110, section 8.8.1). */
export function toEntityTag({ checkedAt: _, ...monitor }: StatusMonitor): string {
  return `W/"${createHash('sha256').update(JSON.stringify(monitor)).digest('base64url').slice(0, 22)}"`;
}
