import type { OrderLedger } from './ports.ts';
import type { Lease } from './types.ts';

export interface OrderLeaseParts {
  readonly ledger: OrderLedger;
  readonly now: () => number;
  readonly newId: () => string;
  /** How long an order belongs to who works at it, in milliseconds, unless the lease is renewed. */
  readonly leaseMs: number;
}

export interface OrderLeases {
  /** A lease that nobody has taken yet. */
  create(): Lease;
  /** The same lease, from now on. */
  extend(lease: Lease): Lease;
  /** Works at an order and renews its lease meanwhile, so that nobody else does. */
  hold<T>(orderId: string, lease: Lease, work: () => Promise<T>): Promise<T>;
}

// No work at an order takes as long as that: every call in it has a time-out. What hangs all the same loses the order.
const mostRenewals = 20;

/** Leases live in the database: a process that dies renews none, and another one takes the order over. */
export function createOrderLeases({ ledger, now, newId, leaseMs }: OrderLeaseParts): OrderLeases {
  return {
    create: () => ({ owner: newId(), until: now() + leaseMs }),
    extend: ({ owner }) => ({ owner, until: now() + leaseMs }),

    async hold(orderId, { owner }, work) {
      let renewals = 0;
      const timer = setInterval(() => {
        renewals += 1;
        if (renewals >= mostRenewals) clearInterval(timer);
        // A renewal that fails is made up for by the next one; while the database is away, nobody can take the lease.
        ledger.renewLease(orderId, { owner, until: now() + leaseMs }).catch(() => undefined);
      }, leaseMs / 3).unref();
      try {
        return await work();
      } finally {
        clearInterval(timer);
      }
    },
  };
}
