import type { UpstreamReference } from '../errors.ts';
import type {
  AcceptedUpgrade,
  KnownUpgrade,
  Lease,
  Order,
  OrderChange,
  OrderIntent,
  ProductUpgradeRequest,
  UpgradeEligibility,
  UpgradeRecord,
  UpgradeReport,
  UpgradeStatus,
} from './types.ts';

/** Ids of one logical call; a retry of it carries the same ones. Both are GUIDs. */
export interface CallIds {
  readonly requestId: string;
  readonly correlationId: string;
}

/** What else a call with effects upstream is told, and tells. */
export interface CallOptions {
  /** No attempt is made after this time (epoch milliseconds). */
  readonly notAfter?: number;
  /** Asked before each attempt: none is made once it says no. */
  readonly mayBeSent?: () => boolean;
  /** Called each time that a request has left this process. */
  readonly onSent?: () => void;
  /** Called when an attempt was perhaps carried out: it ended without an answer that says so or denies it. */
  readonly onUncertain?: () => void;
}

/**
 * Partner Center's three product upgrade operations. Each throws the errors of `errors.ts` and nothing else that it
 * could have foreseen.
 */
export interface PartnerCenter {
  checkEligibility(request: ProductUpgradeRequest, ids: CallIds): Promise<UpgradeEligibility>;
  createUpgrade(
    request: ProductUpgradeRequest,
    ids: CallIds,
    options?: CallOptions,
  ): Promise<AcceptedUpgrade>;
  getUpgradeReport(upgradeId: string, request: ProductUpgradeRequest, ids: CallIds): Promise<UpgradeReport>;
}

/** What came of trying to open an order. */
export type OpenedOrder =
  | { readonly kind: 'opened'; readonly order: Order }
  /** The caller's key is held by this order, open or accepted. */
  | { readonly kind: 'key-known'; readonly order: Order }
  /** This order for the same customer and family is open. */
  | { readonly kind: 'customer-busy'; readonly order: Order }
  /** This upgrade of the customer was accepted just now and is not known to be final. */
  | { readonly kind: 'just-accepted'; readonly upgradeId: string };

/** Why an order stays open, and when it is looked at again. */
export interface UnknownOutcome {
  readonly problemCode: string;
  readonly upstream?: UpstreamReference;
  readonly nextAttemptAt: number;
}

/** The durable record of orders. All throw `LedgerUnavailableError` where the database cannot be used. */
export interface OrderLedger {
  /**
   * Makes the order durable unless another one stands in its way. It resolves only once a crash can no longer lose it.
   * @param acceptedSince an acceptance after this time stands in the way too, until its upgrade is known to be final
   */
  openOrder(intent: OrderIntent, lease: Lease, acceptedSince: number): Promise<OpenedOrder>;
  findOrder(orderId: string): Promise<Order | undefined>;
  findChanges(orderId: string): Promise<readonly OrderChange[]>;
  /** Ids of open orders that are due and that nobody works at. */
  findDueOrders(now: number, limit: number): Promise<readonly string[]>;
  /** Takes the lease of an open order that nobody holds; undefined where somebody does or the order is settled. */
  claimOrder(orderId: string, lease: Lease, now: number): Promise<Order | undefined>;
  /** False where the lease was lost. */
  renewLease(orderId: string, lease: Lease): Promise<boolean>;
  /** An acceptance is a fact: it is recorded whoever holds the lease. Answers the order as it stands then. */
  recordAccepted(orderId: string, accepted: AcceptedUpgrade, at: number): Promise<Order>;
  /** Nothing was started upstream; `problemCode` is that of the problem the caller got. False without the lease. */
  recordRefused(
    orderId: string,
    owner: string,
    refusal: { readonly problemCode: string; readonly upstream?: UpstreamReference },
    at: number,
  ): Promise<boolean>;
  /** Given up: nothing was started, and nothing will be. False without the lease. */
  recordNotStarted(orderId: string, owner: string, at: number): Promise<boolean>;
  /** Nobody knows whether Partner Center started an upgrade. Gives the lease back; false without it. */
  recordUnknown(orderId: string, owner: string, outcome: UnknownOutcome, at: number): Promise<boolean>;
  /** A person is told now that the order cannot be resolved; false where that has been said before. */
  recordReported(orderId: string, at: number): Promise<boolean>;
}

export interface UpgradeFilter {
  readonly customerId?: string | undefined;
  readonly status?: UpgradeStatus | undefined;
}

/** Where a page of the list ended. */
export interface ListPosition {
  readonly requestedAt: number;
  readonly upgradeId: string;
}

/** The durable record of upgrades: the memory that Partner Center, which has no list and no GET, is not. */
export interface Ledger extends OrderLedger {
  /** Remembers an upgrade that Partner Center says is in place, whoever ordered it. Known ones stay as they are. */
  adoptUpgrade(upgradeId: string, request: ProductUpgradeRequest, adoptedAt: number): Promise<void>;
  findUpgrade(upgradeId: string): Promise<KnownUpgrade | undefined>;
  findUpgradeRecord(upgradeId: string): Promise<UpgradeRecord | undefined>;
  /** Newest first, from where the page before ended. */
  listUpgrades(
    filter: UpgradeFilter,
    page: { readonly limit: number; readonly after?: ListPosition },
  ): Promise<readonly UpgradeRecord[]>;
  /** Claims the next status call of an upgrade, so that one instance makes it; false where another one has. */
  claimCheck(upgradeId: string, claim: { readonly now: number; readonly until: number }): Promise<boolean>;
  /** Partner Center does not want to be asked about this upgrade sooner. */
  postponeCheck(upgradeId: string, until: number): Promise<void>;
  recordReport(
    upgradeId: string,
    report: UpgradeReport,
    check: { readonly checkedAt: number; readonly nextCheckAt: number },
  ): Promise<void>;
  /** Throws when the ledger cannot be used. */
  check(): Promise<void>;
}
