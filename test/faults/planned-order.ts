import { customerWithoutAzureId } from '../../src/emulator/partner-center/customers.ts';
import type { Random } from './random.ts';

/** Who sends an order, and how. */
export interface Sender {
  /** Which of the callers; each has a token of its own. */
  readonly caller: number;
  readonly key?: string;
  readonly customerId: string;
  /** How long after the order's first sender, in milliseconds. */
  readonly delayMs: number;
}

/**
 * `keyed`: one caller, one key, retried until it is answered. `keyless`: the same without a key. `twice`: the same key
 * sent twice at once. `rivals`: two callers for one customer. `refused`: for a customer that cannot be upgraded.
 */
export type OrderKind = 'keyed' | 'keyless' | 'twice' | 'rivals' | 'refused';

/** What somebody wants, once, and what is sent for it. */
export interface PlannedOrder {
  readonly index: number;
  readonly kind: OrderKind;
  readonly senders: readonly Sender[];
}

export const callerCount = 3;

function pickKind(random: Random): OrderKind {
  const share = random.next();
  if (share < 0.74) return 'keyed';
  if (share < 0.82) return 'keyless';
  if (share < 0.9) return 'twice';
  return share < 0.98 ? 'rivals' : 'refused';
}

/** The same seed plans the same orders. */
export function planOrder(index: number, random: Random): PlannedOrder {
  const kind = pickKind(random);
  const customerId = kind === 'refused' ? customerWithoutAzureId : random.guid();
  const caller = random.between(0, callerCount - 1);
  const sender: Sender = {
    caller,
    customerId,
    delayMs: 0,
    ...(kind !== 'keyless' && { key: `order-${index}-${random.guid()}` }),
  };
  const delayMs = random.between(0, 60);
  if (kind === 'twice') return { index, kind, senders: [sender, { ...sender, delayMs }] };
  if (kind === 'rivals') {
    const rival = { ...sender, caller: (caller + 1) % callerCount, key: `rival-${index}`, delayMs };
    return { index, kind, senders: [sender, rival] };
  }
  return { index, kind, senders: [sender] };
}
