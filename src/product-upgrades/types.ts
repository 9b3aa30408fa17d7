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

/** What a caller orders, before anything is sent. Times are epoch milliseconds. */
export interface OrderIntent extends ProductUpgradeRequest {
  readonly orderId: string;
  readonly orderedBy: OrderedBy;
  /** As the caller sent it. */
  readonly idempotencyKey?: string;
  /** Tells one body from another under the same key. */
  readonly bodyFingerprint: string;
  /** `MS-RequestId` of the create call: the same over all its attempts. */
  readonly requestId: string;
  readonly correlationId: string;
  readonly requestedAt: number;
}

/** Points of an order between which a process can die. */
export type OrderPoint = 'before-intent' | 'after-intent' | 'after-send' | 'after-answer' | 'before-reply';

/**
 * `intended`: durable, and perhaps sent. `unknown`: sent, and nobody knows what came of it. Both are open.
 * `accepted`, `refused` (nothing was started) and `not-started` (given up, nothing was started) are settled.
 */
export type OrderState = 'intended' | 'unknown' | 'accepted' | 'refused' | 'not-started';

/** An order as it stands in the ledger. */
export interface Order extends OrderIntent {
  readonly state: OrderState;
  /** The code of the last problem. */
  readonly problemCode?: string;
  readonly upgradeId?: string;
  readonly upstream?: UpstreamReference;
  /** Somebody works at it until then. */
  readonly leaseUntil: number;
  /** Recovery looks at it no sooner. */
  readonly nextAttemptAt: number;
  /** How often recovery has looked at it. */
  readonly attempts: number;
  readonly reportedAt?: number;
}

/** The right to work at an order, alone, until a time. */
export interface Lease {
  /** Names one piece of work, not an instance: what has lost its lease can no longer settle the order. */
  readonly owner: string;
  readonly until: number;
}

/** An upgrade that the ledger knows by its id. */
export interface KnownUpgrade extends ProductUpgradeRequest {
  readonly upgradeId: string;
  /** The order that started it; absent for one that was only heard of. */
  readonly orderId?: string;
  readonly requestedAt: number;
  readonly report?: UpgradeReport;
  readonly checkedAt?: number;
}

/** An upgrade with the order that started it. */
export interface UpgradeRecord extends KnownUpgrade {
  readonly order?: Order;
}

/** A state that an order has entered. */
export interface OrderChange {
  readonly state: OrderState;
  readonly changedAt: number;
}
