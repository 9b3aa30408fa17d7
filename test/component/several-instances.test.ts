import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { startPostgres, type TestPostgres } from '../support/postgres.ts';
import { as, upgradeRequest } from '../support/requests.ts';

const statusIntervalMs = 200;
const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000);

let postgres: TestPostgres;
let gateways: TestGateway[];
let alice: string;
let bob: string;
beforeAll(async () => {
  postgres = await startPostgres();
  const variables = { DATABASE_URL: await postgres.createDatabase(), PARTNER_CENTER_TIMEOUT_MS: '3000' };
  const options = { variables, statusIntervalMs };
  const first = await startTestGateway({
    ...options,
    emulator: { pace: { pendingMs: 60_000, inProgressMs: 1 } },
  });
  // Two more at the same time; the first one has an empty database all the same when they come.
  const others = await Promise.all([1, 2].map(() => startTestGateway({ ...options, besides: first })));
  gateways = [first, ...others];
  alice = await first.emulator.entra.issueCallerToken({ user: 'alice' });
  bob = await first.emulator.entra.issueCallerToken({ user: 'bob' });
});
afterAll(async () => {
  for (const gateway of gateways.toReversed()) await gateway.stop();
  await postgres.stop();
});
beforeEach(() => upstream().reset());

const upstream = () => at(0).emulator.partnerCenter;
const at = (index: number): TestGateway => {
  const gateway = gateways[index % gateways.length];
  if (!gateway) throw new Error('no gateway');
  return gateway;
};
const calls = (operation: string) =>
  upstream()
    .requests()
    .filter((request) => request.operation === operation);

// Bob reads; the portal orders beside Alice.
const portal = async () => at(0).emulator.entra.issueCallerToken({ application: 'portal' });

describe('several gateways on one database', () => {
  it('start a single upgrade when callers race for the same customer', async () => {
    const other = await portal();
    const race = fc.array(fc.record({ gateway: fc.nat(2), isAlice: fc.boolean(), delayMs: fc.nat(12) }), {
      minLength: 2,
      maxLength: 4,
    });
    await fc.assert(
      fc.asyncProperty(race, async (starters) => {
        const request = upgradeRequest();
        const before = calls('create').length;
        const responses = await Promise.all(
          starters.map(async ({ gateway, isAlice, delayMs }) => {
            await sleep(delayMs);
            return as(isAlice ? alice : other, at(gateway)).order(request);
          }),
        );
        const [accepted, ...more] = responses.filter(({ status }) => status === 202);
        expect(more).toEqual([]);
        expect(calls('create').length - before).toBe(1);
        for (const response of responses.filter((each) => each !== accepted)) {
          expect(response.status).toBe(409);
          expect(response.body).toMatchObject({ code: 'upgrade_already_in_progress', ...accepted?.body });
        }
      }),
      { numRuns: 200, seed, endOnFailure: true },
    );
    expect(calls('create')).toHaveLength(upstream().upgrades().length);
  }, 60_000);

  it('give one key one upgrade, whichever of them it reaches', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(2), { minLength: 2, maxLength: 4 }), async (targets) => {
        const request = upgradeRequest();
        const key = randomUUID();
        const send = (target: number) => as(alice, at(target)).order(request).set('Idempotency-Key', key);
        const responses = await Promise.all(targets.map(send));
        const final = await send(targets[0] ?? 0);
        expect(final.status).toBe(202);
        for (const response of responses)
          if (response.status === 202) expect(response.body).toEqual(final.body);
          else expect([response.status, response.body.code]).toEqual([409, 'idempotency_key_in_use']);
      }),
      { numRuns: 50, seed, endOnFailure: true },
    );
    expect(calls('create')).toHaveLength(upstream().upgrades().length);
  }, 60_000);

  it('ask for the status of an upgrade once per interval, all of them together', async () => {
    const { body } = await as(alice, at(0)).order();
    const end = Date.now() + 1_500;
    await Promise.all(
      gateways.map(async (gateway) => {
        while (Date.now() < end) {
          const response = await as(bob, gateway).getStatus(body.upgradeId);
          expect(response.status).toBe(200);
          await sleep(15);
        }
      }),
    );
    const askedAt = calls('status').map(({ at: time }) => time);
    const pauses = askedAt.slice(1).map((time, index) => time - (askedAt[index] ?? 0));
    expect(askedAt.length).toBeGreaterThanOrEqual(4);
    expect(Math.min(...pauses)).toBeGreaterThanOrEqual(statusIntervalMs - 5); // the clocks' milliseconds
    const views = await Promise.all(gateways.map((gateway) => as(bob, gateway).getStatus(body.upgradeId)));
    expect(views.every((view) => view.body.checkedAt !== undefined)).toBe(true);
  });

  it('leave Partner Center alone after one of them was throttled', async () => {
    const { body } = await as(alice, at(0)).order();
    upstream().next('throttled', { operation: 'status', retryAfterSeconds: 57 });
    expect((await as(bob, at(0)).getStatus(body.upgradeId)).status).toBe(503);
    for (const gateway of gateways.slice(1)) {
      await sleep(statusIntervalMs);
      expect((await as(bob, gateway).getStatus(body.upgradeId)).status).toBe(200);
    }
    expect(calls('status')).toHaveLength(1);
  });
});
