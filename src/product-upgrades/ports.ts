import type {
  AcceptedUpgrade,
  KnownUpgrade,
  OrderIntent,
  ProductUpgradeRequest,
  UpgradeEligibility,
  UpgradeReport,
} from './types.ts';

/** Ids of one logical call; a retry of it carries the same ones. Both are GUIDs. */
export interface CallIds {
  readonly requestId: string;
  readonly correlationId: string;
}

/**
 * Partner Center's three product upgrade operations. Each throws the errors of `errors.ts` and nothing else that it
 * could have foreseen.
 */
export interface PartnerCenter {
  checkEligibility(request: ProductUpgradeRequest, ids: CallIds): Promise<UpgradeEligibility>;
  createUpgrade(request: ProductUpgradeRequest, ids: CallIds): Promise<AcceptedUpgrade>;
  getUpgradeReport(upgradeId: string, request: ProductUpgradeRequest, ids: CallIds): Promise<UpgradeReport>;
}

/** The durable record of orders: the memory that Partner Center, which has no list and no GET, is not. */
export interface Ledger {
  /** Makes the order durable. It resolves only once a crash can no longer lose it. */
  recordIntent(intent: OrderIntent): Promise<void>;
  recordAccepted(orderId: string, accepted: AcceptedUpgrade): Promise<void>;
  /** Nothing was started upstream; `code` is that of the problem the caller got. */
  recordRefused(orderId: string, code: string): Promise<void>;
  /** Nobody knows whether Partner Center started an upgrade. */
  recordUnknown(orderId: string): Promise<void>;
  /** Remembers an upgrade that Partner Center says is in place, whoever ordered it. Known ones stay as they are. */
  adoptUpgrade(upgradeId: string, request: ProductUpgradeRequest, adoptedAt: number): Promise<void>;
  findUpgrade(upgradeId: string): Promise<KnownUpgrade | undefined>;
  recordReport(upgradeId: string, report: UpgradeReport, checkedAt: number): Promise<void>;
  /** Throws when the ledger cannot be used. */
  check(): Promise<void>;
}
