/** The tables, as queries see them. Times are epoch milliseconds; JSON is kept as text, alike in every database. */
export interface DatabaseSchema {
  product_upgrade_orders: ProductUpgradeOrderRow;
  product_upgrade_order_changes: ProductUpgradeOrderChangeRow;
  product_upgrades: ProductUpgradeRow;
  partner_consent_sessions: PartnerConsentSessionRow;
  partner_consent_ends: PartnerConsentEndRow;
}

/** `intended` and `unknown` are open: Partner Center may have been asked. The others are settled. */
export type OrderStateWord = 'intended' | 'unknown' | 'accepted' | 'refused' | 'not-started';

/** One order: who asked for what, and what became of it. */
export interface ProductUpgradeOrderRow {
  order_id: string;
  customer_id: string;
  product_family: string;
  caller_tenant_id: string;
  caller_application_id: string;
  caller_object_id: string;
  /** As the caller sent it; null where none was sent. */
  idempotency_key: string | null;
  body_fingerprint: string;
  /** `MS-RequestId` of the create call, over all its attempts. */
  request_id: string;
  correlation_id: string;
  state: OrderStateWord;
  /** The code of the last problem: of the refusal, or why the outcome is not known yet. */
  problem_code: string | null;
  upgrade_id: string | null;
  /** What Microsoft's support asks for: an `UpstreamReference` in JSON. */
  upstream: string | null;
  requested_at: number;
  settled_at: number | null;
  /** Who works at the order until when; nobody, once the time is over. */
  lease_owner: string | null;
  lease_until: number;
  /** When recovery looks at the order next, and how often it has. */
  next_attempt_at: number;
  attempts: number;
  /** When a person was told that the order could not be resolved. */
  reported_at: number | null;
}

/** A state that an order has entered. It enters each at most once. */
export interface ProductUpgradeOrderChangeRow {
  order_id: string;
  state: OrderStateWord;
  changed_at: number;
}

/** One upgrade that exists at Partner Center, whoever ordered it. */
export interface ProductUpgradeRow {
  upgrade_id: string;
  customer_id: string;
  product_family: string;
  /** The order that started it; null for one that was only heard of. */
  order_id: string | null;
  requested_at: number;
  /** The last known `UpgradeReport` in JSON. */
  report: string | null;
  /** The report's status in the contract's words. */
  status: string;
  checked_at: number | null;
  /** Partner Center is not asked before: an instance that asks has claimed the time until then. */
  next_check_at: number;
}

/** A sign-in of an admin agent that was begun and has not come back yet. */
export interface PartnerConsentSessionRow {
  state_hash: string;
  consent_id: string;
  sealed_secrets: string;
  /** A `ConsentAsker` in JSON. */
  asked_by: string;
  expires_at: number;
}

/** How a sign-in ended: for whoever waits for it, and to tell one that is used twice. */
export interface PartnerConsentEndRow {
  state_hash: string;
  is_granted: number;
  reason: string;
  detail: string;
  ended_at: number;
}
