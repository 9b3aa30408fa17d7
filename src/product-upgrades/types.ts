import type { UpstreamReference } from '../errors.ts';

/** Asks to move a customer's products of one family to their successor. GUIDs are lower-case. */
export interface ProductUpgradeRequest {
  readonly customerId: string;
  /** Partner Center knows one family: `Azure`. */
  readonly productFamily: ProductFamily;
}
export type ProductFamily = 'Azure';

/** The words of Azure's long-running operations, so that an unmodified Azure poller understands them. */
export type UpgradeStatus = 'NotStarted' | 'Running' | 'Succeeded' | 'Failed' | 'Canceled';

export interface UpgradeEligibility {
  readonly isEligible: boolean;
  readonly reason?: string;
  /** The upgrade that is already in place for the customer and family. */
  readonly upgradeId?: string;
}

export interface AcceptedUpgrade {
  readonly upgradeId: string;
  readonly upstream: UpstreamReference;
}

export interface ProductReference {
  readonly id: string;
  readonly name: string;
}

export interface UpgradeError {
  readonly code: string;
  readonly message: string;
}

/** How far an upgrade is, in Partner Center's own words. */
export interface UpgradeReport {
  readonly partnerCenterStatus: string;
  readonly lineItems: readonly LineItemReport[];
  readonly error?: UpgradeError;
}
export interface LineItemReport {
  readonly sourceProduct?: ProductReference;
  readonly targetProduct?: ProductReference;
  readonly partnerCenterStatus: string;
  /** ISO 8601, as Partner Center gave it (seven fractional digits). */
  readonly upgradedAt?: string;
  readonly error?: UpgradeError;
}

/** Who ordered an upgrade. */
export interface OrderedBy {
  readonly tenantId: string;
  readonly applicationId: string;
  readonly objectId: string;
}

/** An order as it stands in the ledger. Times are epoch milliseconds. */
export interface OrderIntent extends ProductUpgradeRequest {
  readonly orderId: string;
  readonly orderedBy: OrderedBy;
  /** `MS-RequestId` of the create call: the same over all its attempts. */
  readonly requestId: string;
  readonly correlationId: string;
  readonly requestedAt: number;
}

/** An upgrade that the ledger knows by its id. */
export interface KnownUpgrade extends ProductUpgradeRequest {
  readonly upgradeId: string;
  readonly requestedAt: number;
  readonly report?: UpgradeReport;
  readonly checkedAt?: number;
}
