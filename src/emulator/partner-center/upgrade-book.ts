import { randomUUID } from 'node:crypto';
import { createBoundedMap } from '../bounded-map.ts';

/** How long an upgrade stays in each status before its end, in milliseconds. */
export interface Pace {
  pendingMs: number;
  inProgressMs: number;
}

/** How an upgrade will end; decided when it is accepted. */
export type Fate = 'completes' | 'fails' | 'line-item-fails';

/** Only `Completed` is attested by Microsoft; the others follow from the texts of errors 900112 to 900114. */
export type UpgradeStatusWord = 'Pending' | 'InProgress' | 'Completed' | 'Failed';

export interface Upgrade {
  upgradeId: string;
  customerId: string;
  /** In the case in which it was sent: answers echo it. */
  productFamily: string;
  /** The MS-RequestId that started it, if one was sent. */
  requestId: string | undefined;
  /** Milliseconds since 1970. */
  acceptedAt: number;
  fate: Fate;
}

/** What controls show of an upgrade. */
export interface EmulatedUpgrade extends Omit<Upgrade, 'fate'> {
  status: UpgradeStatusWord;
}

/** All upgrades of the emulated partner. */
export interface UpgradeBook {
  start(request: Omit<Upgrade, 'upgradeId' | 'acceptedAt'>): Upgrade;
  find(upgradeId: string): Upgrade | undefined;
  /** The newest upgrade of a customer. */
  findForCustomer(customerId: string): Upgrade | undefined;
  statusOf(upgrade: Upgrade): UpgradeStatusWord;
  /** When the upgrade leaves (or left) its last unfinished status; milliseconds since 1970. */
  endsAt(upgrade: Upgrade): number;
  list(): readonly EmulatedUpgrade[];
  clear(): void;
}

export function createUpgradeBook({
  pace,
  now,
  capacity,
}: {
  pace: Pace;
  now: () => number;
  /** How many upgrades are remembered. */
  capacity?: number | undefined;
}): UpgradeBook {
  const upgrades = createBoundedMap<string, Upgrade>(capacity);
  const newestOfCustomer = createBoundedMap<string, Upgrade>(capacity);

  function statusOf({ acceptedAt, fate }: Upgrade): UpgradeStatusWord {
    const elapsedMs = now() - acceptedAt;
    if (elapsedMs < pace.pendingMs) return 'Pending';
    if (elapsedMs < pace.pendingMs + pace.inProgressMs) return 'InProgress';
    return fate === 'fails' ? 'Failed' : 'Completed';
  }

  function show(upgrade: Upgrade): EmulatedUpgrade {
    const { fate: _, ...visible } = upgrade;
    return { ...visible, status: statusOf(upgrade) };
  }

  return {
    start(request) {
      const upgrade = { upgradeId: randomUUID(), acceptedAt: now(), ...request };
      upgrades.set(upgrade.upgradeId, upgrade);
      newestOfCustomer.set(upgrade.customerId.toLowerCase(), upgrade);
      return upgrade;
    },
    find: (upgradeId) => upgrades.get(upgradeId.toLowerCase()),
    findForCustomer: (customerId) => newestOfCustomer.get(customerId.toLowerCase()),
    statusOf,
    endsAt: ({ acceptedAt }) => acceptedAt + pace.pendingMs + pace.inProgressMs,
    list: () => [...upgrades.values()].map(show),
    clear() {
      upgrades.clear();
      newestOfCustomer.clear();
    },
  };
}
