import { afterAll, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { openDatabase } from '../../../src/database/database.ts';
import {
  CustomerNotEligibleError,
  GatewayError,
  UpgradeAlreadyCompletedError,
  UpgradeAlreadyInProgressError,
  UpstreamContractViolatedError,
  UpstreamThrottledError,
  UpstreamTimeoutError,
} from '../../../src/errors.ts';
import { createLedger } from '../../../src/product-upgrades/ledger.ts';
import { createOrderLeases } from '../../../src/product-upgrades/order-lease.ts';
import { createOrderUpgrade } from '../../../src/product-upgrades/order-upgrade.ts';
import type { PartnerCenter } from '../../../src/product-upgrades/ports.ts';
import { createRecoverOrders } from '../../../src/product-upgrades/recover-orders.ts';
import { createResolveOrder, resendWithinMs } from '../../../src/product-upgrades/resolve-order.ts';
import type { OrderPoint } from '../../../src/product-upgrades/types.ts';

const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000);
const minute = 60_000;

type Fault =
  | 'none'
  | 'lost before'
  | 'lost after'
  | 'unreadable'
  | 'throttled'
  | 'refused'
  | 'silent eligibility'
  | 'forgets';
const faults = fc.constantFrom<Fault>(
  'none',
  'none',
  'lost before',
  'lost after',
  'unreadable',
  'throttled',
  'refused',
  'silent eligibility',
  'forgets',
);
const customers = fc.nat(1);
const commands = fc.array(
  fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        kind: fc.constant('order' as const),
        customer: customers,
        key: fc.nat(2),
        fault: faults,
        dieAt: fc.constantFrom<OrderPoint | undefined>(
          undefined,
          undefined,
          undefined,
          'before-intent',
          'after-intent',
          'after-answer',
          'before-reply',
        ),
      }),
    },
    {
      weight: 3,
      arbitrary: fc.record({ kind: fc.constant('wait' as const), minutes: fc.constantFrom(1, 10, 61) }),
    },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('recover' as const), fault: faults }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('stranger' as const), customer: customers }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('finish' as const), customer: customers }) },
  ),
  { minLength: 1, maxLength: 14 },
);

/** Partner Center as a model: it knows one upgrade for a customer, and may forget request ids. */
function createModel(world: number, now: () => number) {
  const upgrades = new Map<string, { upgradeId: string; isDone: boolean; by: string }>();
  const answered = new Map<string, string>();
  const sentAt = new Map<string, number[]>();
  let started = 0;
  let fault: Fault = 'none';

  function start(customerId: string, by: string) {
    started += 1;
    const upgradeId = `${String(world).padStart(8, '0')}-0000-4000-8000-${String(started).padStart(12, '0')}`;
    upgrades.set(customerId, { upgradeId, isDone: false, by });
    return upgradeId;
  }
  const partnerCenter: PartnerCenter = {
    async checkEligibility({ customerId }) {
      if (fault === 'throttled') throw new UpstreamThrottledError('', { retryAfterSeconds: 60 });
      if (fault === 'silent eligibility') throw new UpstreamTimeoutError('');
      const upgradeId = upgrades.get(customerId)?.upgradeId;
      return { isEligible: !upgradeId, ...(upgradeId && { upgradeId }) };
    },
    async createUpgrade({ customerId }, { requestId }, { onUncertain } = {}) {
      sentAt.set(requestId, [...(sentAt.get(requestId) ?? []), now()]);
      if (fault === 'forgets') answered.clear();
      if (fault === 'throttled') throw new UpstreamThrottledError('', { retryAfterSeconds: 60 });
      if (fault === 'lost before') {
        onUncertain?.();
        throw new UpstreamTimeoutError('');
      }
      const existing = upgrades.get(customerId);
      const repeated = answered.get(requestId);
      if (!repeated && fault === 'refused' && !existing) throw new CustomerNotEligibleError('');
      if (!repeated && existing)
        throw existing.isDone
          ? new UpgradeAlreadyCompletedError('', { upgradeId: existing.upgradeId })
          : new UpgradeAlreadyInProgressError('', { upgradeId: existing.upgradeId });
      const upgradeId = repeated ?? start(customerId, requestId);
      answered.set(requestId, upgradeId);
      if (fault === 'lost after') {
        onUncertain?.();
        throw new UpstreamTimeoutError('');
      }
      if (fault === 'unreadable') {
        onUncertain?.();
        throw new UpstreamContractViolatedError('');
      }
      return { upgradeId, upstream: {} };
    },
    async getUpgradeReport() {
      throw new Error('not asked here');
    },
  };
  return {
    partnerCenter,
    upgrades,
    sentAt,
    start,
    startedCount: () => started,
    meet(next: Fault) {
      fault = next;
    },
  };
}

class Died extends Error {}

const opened = openDatabase({ kind: 'sqlite', path: ':memory:' }, { warn() {}, error() {} });
afterAll(async () => (await opened).destroy());

let worlds = 0;

/** A gateway that can die and be born again over one ledger, in front of the model. */
async function createWorld() {
  worlds += 1;
  const world = worlds; // every run has customers of its own in the shared database
  let time = 1_700_000_000_000 + world * 1_000 * minute * 60;
  const now = () => time;
  let ids = 0;
  const newId = () => {
    ids += 1;
    return `${String(world).padStart(8, '0')}-0000-4000-8000-${String(ids).padStart(12, '0')}`;
  };
  const ledger = createLedger(await opened);
  const model = createModel(world, now);
  const log = { info() {}, warn() {}, error() {} };
  const leases = createOrderLeases({ ledger, now, newId, leaseMs: 15_000, longestWorkMs: 180_000 });
  const parts = { ...model, ledger, leases, now, newId, log, backoffBaseMs: 1_000, random: () => 0.5 };
  const resolveOrder = createResolveOrder(parts);
  let dieAt: OrderPoint | undefined;
  const orderUpgrade = createOrderUpgrade({
    ...parts,
    resolveOrder,
    lateAcceptances: { keep() {} },
    // It dies for good: whatever it would do afterwards is never done.
    atPoint: (point) => {
      if (point === dieAt) return new Promise(() => died.reject(new Died()));
      return undefined;
    },
    sleep: async () => undefined,
  });
  let died = Promise.withResolvers<never>();
  const recovery = createRecoverOrders({ ...parts, resolveOrder, intervalMs: 1_000 });
  const toCustomer = (customer: number) => `${world}-${customer}`;
  return {
    ledger,
    model,
    now,
    toCustomer,
    recover: () => recovery.runOnce(),
    pass(ms: number) {
      time += ms;
    },
    async order(customer: number, key: number, where: OrderPoint | undefined) {
      dieAt = where;
      died = Promise.withResolvers();
      try {
        const work = orderUpgrade(
          { customerId: toCustomer(customer), productFamily: 'Azure' },
          {
            orderedBy: { tenantId: `${world}`, applicationId: 'a', objectId: 'u' },
            correlationId: newId(),
            idempotencyKey: `${customer}-${key}`,
          },
        );
        return await Promise.race([work, died.promise]);
      } finally {
        dieAt = undefined;
      }
    },
  };
}

it('loses no upgrade, starts none twice and contradicts no answer, whatever happens in whatever order', async () => {
  const seen = new Map<string, number>();
  const count = (what: string) => seen.set(what, (seen.get(what) ?? 0) + 1);
  await fc.assert(
    fc.asyncProperty(commands, async (script) => {
      const world = await createWorld();
      const { model } = world;
      const answers = new Map<string, string>();
      for (const command of script) {
        if (command.kind === 'wait') world.pass(command.minutes * minute);
        else if (command.kind === 'finish') {
          const upgrade = model.upgrades.get(world.toCustomer(command.customer));
          if (upgrade) upgrade.isDone = true;
        } else if (command.kind === 'stranger') {
          const customerId = world.toCustomer(command.customer);
          if (!model.upgrades.has(customerId)) model.start(customerId, 'stranger');
        } else if (command.kind === 'recover') {
          model.meet(command.fault);
          await world.recover();
        } else {
          model.meet(command.fault);
          const key = `${command.customer}-${command.key}`;
          try {
            const { upgradeId } = await world.order(command.customer, command.key, command.dieAt);
            count('accepted');
            expect(answers.get(key) ?? upgradeId).toBe(upgradeId);
            answers.set(key, upgradeId);
          } catch (error) {
            if (!(error instanceof GatewayError || error instanceof Died)) throw error;
            count(error instanceof GatewayError ? error.code : 'died');
            // What was answered with an id once is never refused afterwards.
            if (answers.has(key)) expect(error).toBeInstanceOf(Died);
          }
        }
      }

      // Everything calms down: recovery has all the time it needs.
      model.meet('none');
      for (let round = 0; round < 4; round += 1) {
        world.pass(10 * minute);
        await world.recover();
      }
      expect(await world.ledger.findDueOrders(world.now() + 1e12, 10)).toEqual([]);
      for (const { upgradeId, by } of model.upgrades.values())
        if (by !== 'stranger') expect(await world.ledger.findUpgrade(upgradeId)).toBeDefined();
      expect(model.startedCount()).toBe(model.upgrades.size);
      for (const times of model.sentAt.values())
        expect(Math.max(...times) - Math.min(...times)).toBeLessThan(resendWithinMs);
      for (const [key, upgradeId] of answers) {
        const [customer] = key.split('-').map(Number);
        expect(model.upgrades.get(world.toCustomer(customer ?? 0))?.upgradeId).toBe(upgradeId);
      }
    }),
    { numRuns: 600, seed },
  );
  // The scripts do reach what they are about.
  const reached = [
    'accepted',
    'died',
    'upstream_timeout',
    'upgrade_already_in_progress',
    'idempotency_key_in_use',
  ];
  for (const what of reached) expect([what, (seen.get(what) ?? 0) > 10]).toEqual([what, true]);
}, 60_000);
