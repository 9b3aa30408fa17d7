import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { as } from '../support/requests.ts';

// Microsoft's sample for product upgrades, told against the gateway: customer id and "Azure" in, upgrade id and status
// out. https://learn.microsoft.com/partner-center/developer/create-product-upgrade-entity

let started: TestGateway;
beforeAll(async () => {
  started = await startTestGateway();
});
afterAll(() => started.stop());

it('customer id + "Azure" → eligible → upgrade id → status until it is completed', async () => {
  const portal = as(await started.emulator.entra.issueCallerToken({ application: 'portal' }), started);
  const customerId = '4c721420-72ad-4708-a0a7-371a2f7b0969';

  const eligibility = await portal.getEligibility(customerId);
  expect(eligibility.body.isEligible).toBe(true);

  const order = await portal.order({ customerId, productFamily: 'Azure' });
  expect(order.status).toBe(202);
  const { upgradeId, statusUrl } = order.body;
  expect(statusUrl).toBe(order.headers['location']);

  let status = await portal.getStatus(upgradeId);
  while (!status.body.isFinal) {
    await wait(50);
    status = await portal.getStatus(upgradeId);
  }
  expect(status.body).toMatchObject({ upgradeId, customerId, status: 'Succeeded' });

  expect(started.emulator.partnerCenter.upgrades()).toMatchObject([
    { upgradeId, customerId, productFamily: 'Azure', status: 'Completed' },
  ]);
});
