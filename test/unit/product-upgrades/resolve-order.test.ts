import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type OpenDatabase, openDatabase } from '../../../src/database/database.ts';
import {
  CustomerNotEligibleError,
  UpgradeAlreadyInProgressError,
  UpstreamUnavailableError,
} from '../../../src/errors.ts';
import { createLedger } from '../../../src/product-upgrades/ledger.ts';
import { createResolveOrder } from '../../../src/product-upgrades/resolve-order.ts';
import type { UpgradeEligibility } from '../../../src/product-upgrades/types.ts';

const hour = 3_600_000;
const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };

let opened: OpenDatabase;
beforeAll(async () => {
  opened = await openDatabase({ kind: 'sqlite', path: ':memory:' }, silent);
});
afterAll(() => opened.destroy());

/** An order whose answer was lost, and what Partner Center says of it from then on. */
async function startOrder() {
  let time = 1_700_000_000_000;
  const ledger = createLedger(opened);
  const says = {
    eligibility: (): UpgradeEligibility => ({ isEligible: false }),
    create: (): never => {
      throw new UpstreamUnavailableError('down');
    },
  };
  const intent = {
    orderId: randomUUID(),
    requestId: randomUUID(),
    correlationId: randomUUID(),
    customerId: randomUUID(),
    productFamily: 'Azure' as const,
    orderedBy: { tenantId: 't', applicationId: 'a', objectId: 'o' },
    bodyFingerprint: 'f',
    requestedAt: time,
  };
  await ledger.openOrder(intent, { owner: 'dead', until: time }, 0);
  const resolveOrder = createResolveOrder({
    partnerCenter: {
      checkEligibility: async () => says.eligibility(),
      createUpgrade: async () => says.create(),
      getUpgradeReport: async () => {
        throw new Error('not asked here');
      },
    },
    ledger,
    now: () => time,
    newId: randomUUID,
    log: silent,
    backoffBaseMs: 1_000,
  });
  return {
    says,
    pass(ms: number) {
      time += ms;
    },
    async resolve() {
      const owner = randomUUID();
      const order = await ledger.claimOrder(intent.orderId, { owner, until: time + 1_000 }, time);
      if (!order) throw new Error('nobody else works at it');
      const resolution = await resolveOrder(order, { owner, isHeld: () => true });
      time += 2_000;
      return resolution.kind;
    },
  };
}

describe('an order of which Partner Center said that an upgrade blocks the customer', () => {
  it.each([
    ['900113', new CustomerNotEligibleError('blocked', { upstream: { status: 409, code: '900113' } })],
    [
      '900109 without a readable id',
      new UpgradeAlreadyInProgressError('in place', { upstream: { status: 409, code: '900109' } }),
    ],
  ])('%s: is not given up after an hour, whatever failed meanwhile', async (_what, refusal) => {
    const { says, pass, resolve } = await startOrder();
    says.create = () => {
      throw refusal;
    };
    expect(await resolve()).toBe('unknown');
    says.eligibility = () => {
      throw new UpstreamUnavailableError('a fault', { upstream: { status: 500, code: '800003' } });
    };
    expect(await resolve()).toBe('unknown');
    pass(hour);
    says.eligibility = () => ({ isEligible: false });
    expect(await resolve()).toBe('unknown');
    says.eligibility = () => ({ isEligible: true });
    expect(await resolve()).toBe('not-started');
  });
});

it('an order is given up after an hour where Partner Center knows of no upgrade', async () => {
  const { pass, resolve } = await startOrder();
  expect(await resolve()).toBe('unknown');
  pass(hour);
  expect(await resolve()).toBe('not-started');
});
