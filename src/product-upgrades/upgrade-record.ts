import type { UpgradeRecordView } from './schemas.ts';
import type { Order, OrderChange, OrderState, UpgradeRecord } from './types.ts';
import { isFinal, toUpgradeStatus } from './upgrade-status.ts';

type OrderView = NonNullable<UpgradeRecordView['order']>;

const toIsoTime = (timestamp: number) => new Date(timestamp).toISOString();
const toStateWord = (state: OrderState) => (state === 'not-started' ? 'notStarted' : state);

const toOrderView = (order: Order, changes: readonly OrderChange[] | undefined): OrderView => ({
  orderId: order.orderId,
  orderedBy: order.orderedBy,
  state: toStateWord(order.state),
  ...(changes && {
    changes: changes.map(({ state, changedAt }) => ({
      state: toStateWord(state),
      changedAt: toIsoTime(changedAt),
    })),
  }),
  requestId: order.requestId,
  correlationId: order.correlationId,
  ...(order.upstream && { upstream: order.upstream }),
});

/** What the ledger knows of an upgrade, as callers see it. */
export function toUpgradeRecord(
  { report, order, ...upgrade }: UpgradeRecord,
  toStatusUrl: (upgradeId: string) => string,
  changes?: readonly OrderChange[],
): UpgradeRecordView {
  const status = report ? toUpgradeStatus(report.partnerCenterStatus) : 'NotStarted';
  return {
    upgradeId: upgrade.upgradeId,
    statusUrl: toStatusUrl(upgrade.upgradeId),
    customerId: upgrade.customerId,
    productFamily: upgrade.productFamily,
    status,
    ...(report && { partnerCenterStatus: report.partnerCenterStatus }),
    isFinal: isFinal(status),
    requestedAt: toIsoTime(upgrade.requestedAt),
    ...(upgrade.checkedAt !== undefined && { checkedAt: toIsoTime(upgrade.checkedAt) }),
    ...(order && { order: toOrderView(order, changes) }),
  };
}
