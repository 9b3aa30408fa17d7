import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { createCallerTokens, secondsFromNow } from '../support/caller-tokens.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { as, upgradeRequest } from '../support/requests.ts';

let started: TestGateway;
let alice: ReturnType<typeof as>;
let bob: ReturnType<typeof as>;
let portal: ReturnType<typeof as>;
let later = 0;
beforeAll(async () => {
  started = await startTestGateway({ now: () => Date.now() + later });
  const { user, application } = createCallerTokens(started.emulator);
  const exp = secondsFromNow(200_000);
  alice = as(await user({ exp }), started);
  bob = as(await user({ exp, oid: randomUUID() }), started);
  portal = as(await application({ exp }), started);
});
afterAll(() => started.stop());
beforeEach(() => {
  later = 0;
  started.emulator.partnerCenter.reset();
});

const creates = () =>
  started.emulator.partnerCenter.requests().filter(({ operation }) => operation === 'create');
const upgrades = () => started.emulator.partnerCenter.upgrades();
const newKey = () => `order-${randomUUID()}`;

describe('an Idempotency-Key', () => {
  it('gets the same answer for the same order, and nothing is ordered again', async () => {
    const key = newKey();
    const request = upgradeRequest();
    const first = await alice.order(request).set('Idempotency-Key', key);
    const again = await alice.order(request).set('Idempotency-Key', key);
    const quoted = await alice.order(request).set('Idempotency-Key', `"${key}"`);
    const otherwiseWritten = await alice
      .order({ productFamily: 'AZURE', customerId: request.customerId.toUpperCase() })
      .set('Idempotency-Key', key);
    for (const response of [again, quoted, otherwiseWritten]) {
      expect(response.status).toBe(202);
      expect(response.body).toEqual(first.body);
      expect(response.headers['location']).toBe(first.headers['location']);
    }
    expect(creates()).toHaveLength(1);
  });

  it('still does after 25 hours', async () => {
    const key = newKey();
    const request = upgradeRequest();
    const first = await alice.order(request).set('Idempotency-Key', key);
    later = 25 * 3_600_000;
    const again = await alice.order(request).set('Idempotency-Key', key);
    expect(again.body).toEqual(first.body);
    expect(creates()).toHaveLength(1);
  });

  it('is refused with another body', async () => {
    const key = newKey();
    await alice.order().set('Idempotency-Key', key);
    const response = await alice.order().set('Idempotency-Key', key);
    expect(response.status).toBe(422);
    expect(response.body.code).toBe('idempotency_key_reused');
    expect(creates()).toHaveLength(1);
  });

  it('belongs to the caller', async () => {
    const key = newKey();
    const responses = [];
    for (const caller of [alice, bob, portal])
      responses.push(await caller.order().set('Idempotency-Key', key));
    expect(responses.map(({ status }) => status)).toEqual([202, 202, 202]);
    expect(upgrades()).toHaveLength(3);
  });

  it('whose first request is still running is answered 409 with Retry-After', async () => {
    const key = newKey();
    const request = upgradeRequest();
    started.emulator.partnerCenter.next('slow', { delayMs: 400 });
    const first = alice.order(request).set('Idempotency-Key', key).then();
    await expectUpstreamCall();
    const second = await alice.order(request).set('Idempotency-Key', key);
    expect(second.status).toBe(409);
    expect(second.body.code).toBe('idempotency_key_in_use');
    expect(second.headers['retry-after']).toMatch(/^[1-9]\d*$/);

    const done = await first;
    const third = await alice.order(request).set('Idempotency-Key', key);
    expect(third.body).toEqual(done.body);
    expect(creates()).toHaveLength(1);
  });

  it.each([
    ['not-eligible', 422],
    ['customer-unknown', 404],
    ['throttled', 503],
    ['forbidden', 502],
    ['mfa-required', 503],
    ['in-progress', 409],
  ] as const)('is not burned by %s, after which nothing was started', async (scenario, status) => {
    const key = newKey();
    const request = upgradeRequest();
    started.emulator.partnerCenter.next(scenario);
    const refused = await alice.order(request).set('Idempotency-Key', key);
    expect(refused.status).toBe(status);

    const other = await alice.order().set('Idempotency-Key', key); // not even its body counts
    expect(other.status).toBe(202);
    const [first, second] = creates();
    expect(first?.headers['ms-requestid']).not.toBe(second?.headers['ms-requestid']);
  });

  it.each([
    'timeout-before-accept',
    'server-error',
    'reset-before-accept',
    'timeout-after-accept',
    'reset-after-accept',
    'no-location',
  ] as const)('after %s finishes the first order instead of starting a second one', async (scenario) => {
    const key = newKey();
    const request = upgradeRequest();
    started.emulator.partnerCenter.next(scenario, { operation: 'create', times: 4 });
    const first = await alice.order(request).set('Idempotency-Key', key);
    expect(first.status).toBeGreaterThanOrEqual(scenario.endsWith('after-accept') ? 202 : 500);
    if (first.status >= 500) expect(first.body.detail).toMatch(/being found out.*same Idempotency-Key/);

    let again = await alice.order(request).set('Idempotency-Key', key);
    for (let tries = 0; again.status >= 500 && tries < 5; tries += 1)
      again = await alice.order(request).set('Idempotency-Key', key);
    expect(again.status).toBe(202);
    expect(upgrades()).toHaveLength(1);
    expect(again.body.upgradeId).toBe(upgrades()[0]?.upgradeId);
    expect(new Set(creates().map(({ headers }) => headers['ms-requestid'])).size).toBe(1);
  });

  it.each([
    ['longer than 255 characters', 'x'.repeat(256)],
    ['empty', ''],
    ['with a space', 'two words'],
    ['with a space in quotes', '"two words"'],
    ['without its closing quote', '"open'],
    ['with parameters', '"key";a=1'],
    ['an empty string', '""'],
    ['with a wrong escape', '"a\\b"'],
  ])('that is malformed (%s) is refused', async (_, key) => {
    const response = await alice.order().set('Idempotency-Key', key);
    expect(response.status).toBe(400);
    expect(response.body.errors).toEqual([{ path: 'idempotency-key', message: expect.any(String) }]);
    expect(creates()).toHaveLength(0);
  });

  it('may have 255 visible characters, any of them', async () => {
    const escaped = `"${'\\"'.repeat(100)}${'\\\\'.repeat(100)}"`;
    for (const key of ['!'.repeat(255), 'a"b,c;d', escaped, `"${'~'.repeat(255)}"`])
      expect((await alice.order().set('Idempotency-Key', key)).status).toBe(202);
  });
});

describe('without an Idempotency-Key', () => {
  it('a second order of the customer names the upgrade in flight, whoever sends it, once it has an id', async () => {
    const request = upgradeRequest();
    started.emulator.partnerCenter.next('slow', { delayMs: 300 });
    const first = alice.order(request).then();
    await expectUpstreamCall();
    const second = await bob.order(request);
    expect(second.status).toBe(409);
    expect(second.body).toMatchObject({ code: 'upgrade_already_in_progress', ...(await first).body });
    expect(creates()).toHaveLength(1);
  });

  it('a second order of a customer whose order has no outcome yet is told to come back', async () => {
    const request = upgradeRequest();
    started.emulator.partnerCenter.next('server-error', { operation: 'create', times: 4 });
    expect((await alice.order(request)).status).toBe(503);
    const second = await bob.order(request);
    expect(second.status).toBe(409);
    expect(second.body).toMatchObject({ code: 'upgrade_already_in_progress' });
    expect(second.body.upgradeId).toBeUndefined();
    expect(second.headers['retry-after']).toMatch(/^[1-9]\d*$/);
    expect(creates()).toHaveLength(4);
  });

  it('a second order that waited for one which started nothing is sent in its turn', async () => {
    const request = upgradeRequest();
    started.emulator.partnerCenter.next('slow', { delayMs: 200 });
    started.emulator.partnerCenter.next('not-eligible');
    const refusing = alice.order(upgradeRequest()).then(); // takes "slow", so that the next call meets the refusal
    await expectUpstreamCall();
    const [first, second] = await Promise.all([alice.order(request), bob.order(request)]);
    await refusing;
    expect([first.status, second.status].sort()).toEqual([202, 422]);
  });
});

async function expectUpstreamCall() {
  while (creates().length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
}
