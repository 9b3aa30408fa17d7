import { createHttpPoller, type OperationResponse } from '@azure/core-lro';
import { createDefaultHttpClient, createPipelineRequest } from '@azure/core-rest-pipeline';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { failingCustomerId } from '../../src/emulator/partner-center/customers.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { upgradeRequest } from '../support/requests.ts';

// Azure's own poller, as it comes from the registry, with Azure's own HTTP client underneath.

let started: TestGateway;
let token: string;
beforeAll(async () => {
  started = await startTestGateway();
  token = await started.emulator.entra.issueCallerToken({ user: 'alice' });
});
afterAll(() => started.stop());
beforeEach(() => started.emulator.partnerCenter.reset());

/** The poller follows absolute URLs; the test gateway's PUBLIC_URL is not where it listens. */
const toReachable = (url: string) => url.replace('https://upgrades.example.test', started.gateway.url);

async function send(method: 'GET' | 'POST', url: string, body?: object): Promise<OperationResponse> {
  const request = createPipelineRequest({
    url: toReachable(url),
    method,
    allowInsecureConnection: true,
    ...(body && { body: JSON.stringify(body) }),
  });
  request.headers.set('Authorization', `Bearer ${token}`);
  request.headers.set('Content-Type', 'application/json');
  const response = await createDefaultHttpClient().sendRequest(request);
  return {
    flatResponse: response,
    rawResponse: {
      statusCode: response.status,
      headers: response.headers.toJSON(),
      body: JSON.parse(response.bodyAsText ?? 'null'),
      request: { method, url: request.url },
    },
  };
}

const follow = (customer: object) =>
  createHttpPoller(
    {
      sendInitialRequest: () =>
        send('POST', '/v1/product-upgrades'.replace(/^/, 'https://upgrades.example.test'), customer),
      sendPollRequest: (path) => send('GET', path),
    },
    { resourceLocationConfig: 'operation-location' },
  );

describe('an unmodified @azure/core-lro poller', () => {
  it('follows Operation-Location until the upgrade succeeded', async () => {
    const poller = follow(upgradeRequest());
    await poller.submitted();
    expect(poller.operationState?.status).toBe('running');
    await poller.pollUntilDone();
    expect(poller.operationState?.status).toBe('succeeded');
    expect(started.emulator.partnerCenter.upgrades()).toMatchObject([{ status: 'Completed' }]);
  });

  it('follows Operation-Location until the upgrade failed, and says so', async () => {
    const poller = follow(upgradeRequest({ customerId: failingCustomerId }));
    await expect(poller.pollUntilDone()).rejects.toThrow(/failed/i);
    expect(poller.operationState?.status).toBe('failed');
  });
});
