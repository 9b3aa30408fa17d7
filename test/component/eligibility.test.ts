import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { customerWithoutAzureId, unknownCustomerId } from '../../src/emulator/partner-center/customers.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { as, pathOf, upgradeRequest } from '../support/requests.ts';

let started: TestGateway;
let alice: ReturnType<typeof as>;
let bob: ReturnType<typeof as>;
beforeAll(async () => {
  started = await startTestGateway();
  alice = as(await started.emulator.entra.issueCallerToken({ user: 'alice' }), started);
  bob = as(await started.emulator.entra.issueCallerToken({ user: 'bob' }), started);
});
afterAll(() => started.stop());
beforeEach(() => started.emulator.partnerCenter.reset());

describe('GET /v1/customers/{customerId}/product-upgrade-eligibility', () => {
  it('says that a customer can be upgraded, and starts nothing', async () => {
    const customerId = randomUUID();
    const response = await bob.getEligibility(customerId);
    expect(response.status).toBe(200);
    expect(response.body).toEqual({ customerId, productFamily: 'Azure', isEligible: true });
    expect(started.emulator.partnerCenter.upgrades()).toHaveLength(0);
  });

  it('says why a customer cannot be upgraded', async () => {
    const response = await bob.getEligibility(customerWithoutAzureId);
    expect(response.status).toBe(200);
    expect(response.body).toMatchObject({ isEligible: false, reason: expect.stringMatching(/\w/) });
  });

  it('names an upgrade that is already in place, and where to follow it', async () => {
    const request = upgradeRequest();
    const { body: accepted } = await alice.order(request);
    const { body } = await bob.getEligibility(request.customerId);
    expect(body).toMatchObject({ isEligible: false, ...accepted });
  });

  it('makes an upgrade that was ordered elsewhere known here', async () => {
    const customerId = randomUUID();
    const elsewhere = await startTestGateway({ besides: started });
    await as(await started.emulator.entra.issueCallerToken({ user: 'alice' }), elsewhere).order(
      upgradeRequest({ customerId }),
    );
    await elsewhere.stop();

    const { body } = await bob.getEligibility(customerId);
    const status = await bob.get(pathOf(body.statusUrl));
    expect(status.status).toBe(200);
    expect(status.body).toMatchObject({ upgradeId: body.upgradeId, customerId });
  });

  it('does not know a customer that Partner Center does not know', async () => {
    const response = await bob.getEligibility(unknownCustomerId);
    expect(response.status).toBe(404);
    expect(response.body).toMatchObject({ code: 'customer_not_found', upstream: { code: '60003' } });
  });

  it.each([
    ['no product family', ''],
    ['an unknown product family', 'productFamily=Office'],
    ['the product family twice', 'productFamily=Azure&productFamily=Azure'],
    ['an unknown parameter', 'productFamily=Azure&force=true'],
  ])('refuses %s', async (_what, query) => {
    const response = await bob.getEligibility(randomUUID(), query);
    expect(response.status).toBe(400);
    expect(response.body.code).toBe('invalid_request');
    expect(started.emulator.partnerCenter.requests()).toHaveLength(0);
  });
});
