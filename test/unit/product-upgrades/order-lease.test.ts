import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from '@jest/globals';
import { createOrderLeases } from '../../../src/product-upgrades/order-lease.ts';
import type { OrderLedger } from '../../../src/product-upgrades/ports.ts';

/** Leases of 150 ms over a ledger that answers renewals as it is told. */
function createLeases(renewLease: OrderLedger['renewLease'], longestWorkMs = 10_000) {
  const ledger = { renewLease } as OrderLedger; // the one method that leases use
  return createOrderLeases({ ledger, now: Date.now, newId: () => 'me', leaseMs: 150, longestWorkMs });
}
const hold = <T>(leases: ReturnType<typeof createLeases>, work: (isHeld: () => boolean) => Promise<T>) =>
  leases.hold('order', leases.create(), ({ isHeld }) => work(isHeld));

it('is held for as long as the work takes, however many renewals that are', async () => {
  const leases = createLeases(async () => true);
  await hold(leases, async (isHeld) => {
    for (let round = 0; round < 12; round += 1) {
      await sleep(100);
      expect(isHeld()).toBe(true);
    }
  });
});

it('is lost at once when somebody else has taken the order', async () => {
  const leases = createLeases(async () => false);
  await hold(leases, async (isHeld) => {
    expect(isHeld()).toBe(true);
    await sleep(90);
    expect(isHeld()).toBe(false);
  });
});

it('is lost when its time is over and the ledger could not be reached, until it is renewed after all', async () => {
  let isAway = true;
  const leases = createLeases(async () => {
    if (isAway) throw new Error('away');
    return true;
  });
  await hold(leases, async (isHeld) => {
    await sleep(300);
    expect(isHeld()).toBe(false);
    isAway = false;
    await sleep(90);
    expect(isHeld()).toBe(true);
  });
});

it('is lost by work that never ends', async () => {
  const leases = createLeases(async () => true, 200);
  await hold(leases, async (isHeld) => {
    await sleep(600);
    expect(isHeld()).toBe(false);
  });
});
