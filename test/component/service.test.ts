import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { Agent, request as httpRequest, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from '@jest/globals';
import { startTestGateway, type TestGateway, type TestGatewayOptions } from '../support/gateway.ts';
import { as, upgradeRequest } from '../support/requests.ts';

const running: TestGateway[] = [];
async function start(options: TestGatewayOptions = {}) {
  const started = await startTestGateway(options);
  running.push(started);
  return started;
}
afterEach(async () => {
  await Promise.all(running.splice(0).map(({ stop }) => stop()));
});

describe('health', () => {
  it('is live and ready, with each check by name', async () => {
    const { api } = await start();
    const live = await api.get('/health/live');
    expect([live.status, live.body.status]).toEqual([200, 'ok']);
    const ready = await api.get('/health/ready');
    expect(ready.status).toBe(200);
    expect(ready.body).toEqual({
      status: 'ok',
      checks: {
        process: { status: 'ok' },
        ledger: { status: 'ok' },
        callerKeys: { status: 'ok' },
        partnerCredential: { status: 'ok' },
      },
    });
  });

  it('without a partner credential is degraded and says who must do what', async () => {
    const started = await start({ hasCredential: false });
    const ready = await started.api.get('/health/ready');
    expect([ready.status, ready.body.status]).toEqual([200, 'degraded']);
    expect(ready.body.checks.partnerCredential.detail).toMatch(/admin agent/);

    const alice = as(await started.emulator.entra.issueCallerToken({ user: 'alice' }), started);
    const order = await alice.order();
    expect(order.status).toBe(503);
    expect(order.body.code).toBe('partner_consent_required');
    expect(started.emulator.partnerCenter.requests()).toHaveLength(0);
  });

  it('is not ready while no caller could be let in, and recovers by itself', async () => {
    const first = await start();
    first.emulator.entra.outage('refuse-connections');
    let time = Date.now();
    const second = await start({ besides: first, now: () => time });
    expect((await second.api.get('/health/ready')).status).toBe(503);
    first.emulator.entra.outage('none');
    time += 60_000;
    const ready = await second.api.get('/health/ready');
    expect(ready.body.checks.callerKeys).toEqual({ status: 'ok' });
  });
});

describe('every response', () => {
  it('carries helmet’s headers and the two ids, and does not say what it is made with', async () => {
    const { api } = await start();
    for (const path of ['/health/live', '/v1/unknown', '/openapi.json']) {
      const { headers } = await api.get(path);
      expect(headers).toMatchObject({
        'x-content-type-options': 'nosniff',
        'strict-transport-security': expect.any(String),
        'content-security-policy': expect.stringContaining("frame-ancestors 'none'"),
        'ms-correlationid': expect.stringMatching(/^[0-9a-f-]{36}$/),
        'ms-requestid': expect.stringMatching(/^[0-9a-f-]{36}$/),
      });
      expect(headers['x-powered-by']).toBeUndefined();
    }
  });

  it('can be read by the web apps that are configured, and by no other', async () => {
    const { api } = await start({ variables: { CORS_ORIGINS: 'https://apps.example.com' } });
    const preflight = (origin: string) =>
      api.options('/v1/product-upgrades').set({
        Origin: origin,
        'Access-Control-Request-Method': 'POST',
        'Access-Control-Request-Headers': 'authorization',
      });
    const allowed = await preflight('https://apps.example.com');
    expect(allowed.status).toBe(204);
    expect(allowed.headers['access-control-allow-origin']).toBe('https://apps.example.com');
    expect(allowed.headers['access-control-allow-methods']).toBe('GET,HEAD,POST');
    const other = await preflight('https://evil.example.com');
    expect(other.headers['access-control-allow-origin']).toBeUndefined();
  });
});

describe('the log', () => {
  it('is JSON lines with both ids, and holds no token, secret or header', async () => {
    const started = await start();
    const token = await started.emulator.entra.issueCallerToken({ user: 'alice' });
    const correlationId = randomUUID();
    const response = await as(token, started)
      .order()
      .set('MS-CorrelationId', correlationId)
      .set('Cookie', 'a=b');
    await started.api.get(`/v1/unknown?access_token=${token}`).set('MS-CorrelationId', correlationId);

    const lines = started.logLines();
    expect(lines.find((line) => line['requestId'] === response.headers['ms-requestid'])).toMatchObject({
      level: 'info',
      correlationId,
      req: { method: 'POST', path: '/v1/product-upgrades' },
      res: { status: 202 },
    });
    const text = JSON.stringify(lines);
    for (const secret of [
      token,
      token.split('.')[2] ?? token,
      'emulator-partner-secret',
      'eyJ',
      'Cookie',
      'a=b',
    ])
      expect(text).not.toContain(secret);
  });
});

describe('a path that nobody has', () => {
  it('is logged in part', async () => {
    const { api, logLines } = await start();
    await api.get(`/v1/${'x'.repeat(10_000)}`);
    const line = logLines().find(({ msg }) => msg === 'Request answered');
    expect(JSON.stringify(line).length).toBeLessThan(1_500);
  });
});

describe('a failure', () => {
  it('is one line with its cause, and one for the request without it', async () => {
    const started = await start();
    const alice = as(await started.emulator.entra.issueCallerToken({ user: 'alice' }), started);
    started.emulator.partnerCenter.next('unavailable', { times: 4 });
    const { status, body } = await alice.order();
    expect(status).toBe(503);
    const lines = started.logLines().filter(({ requestId }) => requestId === body.requestId);
    expect(lines.map(({ msg, err }) => [msg === 'Request answered', err !== undefined])).toEqual([
      [false, true],
      [true, false],
    ]);
  });
});

describe('stopping', () => {
  it('is not ready at once, finishes what runs, and then takes nothing more', async () => {
    const started = await start();
    const alice = as(await started.emulator.entra.issueCallerToken({ user: 'alice' }), started);
    started.emulator.partnerCenter.next('slow', { delayMs: 400 });
    const running = alice.order().then((response) => response);
    while (started.emulator.partnerCenter.requests().length === 0) await new Promise(setImmediate);

    const stopped = started.gateway.stop({ drainMs: 100 });
    const ready = await started.api.get('/health/ready');
    expect(ready.status).toBe(503);
    expect(ready.body.checks.process.status).toBe('failing');
    expect((await running).status).toBe(202);
    await stopped;
    await expect(started.api.get('/health/live')).rejects.toThrow(/ECONNREFUSED/);
  });

  it('does not wait for connections that are kept alive', async () => {
    const started = await start();
    const token = await started.emulator.entra.issueCallerToken({ user: 'alice' });
    started.emulator.partnerCenter.next('slow', { delayMs: 300 });
    const agent = new Agent({ keepAlive: true });
    const running = new Promise<IncomingMessage>((resolve, reject) => {
      const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
      httpRequest(`${started.gateway.url}/v1/product-upgrades`, { method: 'POST', agent, headers }, resolve)
        .on('error', reject)
        .end(JSON.stringify(upgradeRequest()));
    });
    const { hostname, port } = new URL(started.gateway.url);
    const unused = connect(Number(port), hostname);
    await once(unused, 'connect');
    while (started.emulator.partnerCenter.requests().length === 0) await new Promise(setImmediate);

    const stopped = started.gateway.stop();
    const answer = (await running).resume();
    expect(answer.statusCode).toBe(202);
    expect(answer.headers.connection).toBe('close');
    const late = new AbortController();
    const outcome = await Promise.race([stopped, sleep(3_000, 'it still waits', { signal: late.signal })]);
    late.abort();
    agent.destroy();
    unused.destroy();
    expect(outcome).toBeUndefined();
  });

  it('ends long polls with what is known', async () => {
    const started = await start({ emulator: { pace: { pendingMs: 60_000, inProgressMs: 60_000 } } });
    const alice = as(await started.emulator.entra.issueCallerToken({ user: 'alice' }), started);
    const { body } = await alice.order();
    const poll = alice
      .getStatus(body.upgradeId)
      .set('Prefer', 'wait=60')
      .then((response) => response);
    while (!started.emulator.partnerCenter.requests().some(({ operation }) => operation === 'status'))
      await new Promise(setImmediate);
    await started.gateway.stop();
    expect(await poll).toMatchObject({ status: 200, body: { isFinal: false } });
  });
});
