/** The tables, as queries see them. Times are epoch milliseconds; JSON is kept as text, alike in every database. */
export interface DatabaseSchema {
  product_upgrade_orders: ProductUpgradeOrderRow;
  product_upgrades: ProductUpgradeRow;
}

/** One order: who asked for what, and what became of it. */
export interface ProductUpgradeOrderRow {
  order_id: string;
  customer_id: string;
  product_family: string;
  caller_tenant_id: string;
  caller_application_id: string;
  caller_object_id: string;
  request_id: string;
  correlation_id: string;
  outcome: 'intended' | 'accepted' | 'refused' | 'unknown';
  /** The problem code that the caller got, where the order was refused. */
  refusal_code: string | null;
  upgrade_id: string | null;
  /** What Microsoft's support asks for: an `UpstreamReference` in JSON. */
  upstream: string | null;
  requested_at: number;
  settled_at: number | null;
}

/** One upgrade that exists at Partner Center, whoever ordered it. */
export interface ProductUpgradeRow {
  upgrade_id: string;
  customer_id: string;
  product_family: string;
  requested_at: number;
  /** The last known `UpgradeReport` in JSON. */
  report: string | null;
  checked_at: number | null;
}
