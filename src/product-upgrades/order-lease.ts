import type { OrderLedger } from './ports.ts';
import type { Lease } from './types.ts';

export interface OrderLeaseParts {
  readonly ledger: OrderLedger;
  readonly now: () => number;
  readonly newId: () => string;
  /** How long an order belongs to who works at it, in milliseconds, unless the lease is renewed. */
  readonly leaseMs: number;
  /** A lease is renewed for so long, in milliseconds: longer than any work at an order. What hangs loses the order. */
  readonly longestWorkMs: number;
}

/** A lease, as long as somebody works under it. */
export interface HeldLease {
  readonly owner: string;
  /** Whether nobody else can have taken the order; where this says no, nothing more may be sent for it. */
  isHeld(): boolean;
  /** False where the lease was lost. */
  renew(): Promise<boolean>;
}

export interface OrderLeases {
  /** A lease that nobody has taken yet. */
  create(): Lease;
  /** Works at an order and renews its lease meanwhile, so that nobody else does. */
  hold<T>(orderId: string, lease: Lease, work: (held: HeldLease) => Promise<T>): Promise<T>;
}

/** Leases live in the database: a process that dies renews none, and another one takes the order over. */
export function createOrderLeases({
  ledger,
  now,
  newId,
  leaseMs,
  longestWorkMs,
}: OrderLeaseParts): OrderLeases {
  return {
    create: () => ({ owner: newId(), until: now() + leaseMs }),

    async hold(orderId, { owner, until }, work) {
      let heldUntil = until;
      const lastRenewalAt = now() + longestWorkMs;
      const held: HeldLease = {
        owner,
        isHeld: () => now() < heldUntil,
        async renew() {
          const renewedUntil = now() + leaseMs;
          const isOurs = await ledger.renewLease(orderId, { owner, until: renewedUntil });
          heldUntil = isOurs ? Math.max(heldUntil, renewedUntil) : 0;
          return isOurs;
        },
      };
      const timer = setInterval(() => {
        if (now() > lastRenewalAt) return clearInterval(timer);
        // A renewal that fails is made up for by the next one, if that comes before the lease has run out.
        held.renew().catch(() => undefined);
      }, leaseMs / 3).unref();
      try {
        return await work(held);
      } finally {
        clearInterval(timer);
      }
    },
  };
}
