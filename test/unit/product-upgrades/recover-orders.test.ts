import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from '@jest/globals';
import type { OrderLedger } from '../../../src/product-upgrades/ports.ts';
import { createRecoverOrders } from '../../../src/product-upgrades/recover-orders.ts';
import type { Order } from '../../../src/product-upgrades/types.ts';

it('takes no more orders once it is to stop, however many are waiting', async () => {
  let taken = 0;
  const recovery = createRecoverOrders({
    ledger: {
      findDueOrders: async (_, limit) => Array.from({ length: limit }, (_, index) => `${index}`),
      claimOrder: async (orderId) => ({ orderId }) as Order,
    } as Partial<OrderLedger> as OrderLedger, // what recovery itself uses of it
    leases: {
      create: () => ({ owner: 'me', until: Date.now() + 60_000 }),
      hold: (_, { owner }, work) => work({ owner, isHeld: () => true, renew: async () => true }),
    },
    async resolveOrder() {
      taken += 1;
      await sleep(50);
      return { kind: 'not-started' };
    },
    now: Date.now,
    log: { info() {}, warn() {}, error() {} },
    intervalMs: 1,
  });
  const stopping = new AbortController();
  const running = recovery.run(stopping.signal);
  await sleep(20);
  const inHand = taken;
  expect(inHand).toBeGreaterThan(0);
  stopping.abort();
  await running;
  expect(taken).toBe(inHand);
});
