import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { listen } from '../../src/http/server.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { readProblem, sendRaw } from '../support/raw-request.ts';
import { as } from '../support/requests.ts';

const corsOrigin = 'https://apps.example.com';

let started: TestGateway;
let token: string;
beforeAll(async () => {
  started = await startTestGateway({ variables: { CORS_ORIGINS: corsOrigin } });
  token = await started.emulator.entra.issueCallerToken({ user: 'alice' });
});
afterAll(() => started.stop());
// Nothing here is a request that anything upstream should hear of.
afterEach(() => expect(started.emulator.partnerCenter.requests()).toHaveLength(0));

const send = async (...lines: string[]) =>
  readProblem(await sendRaw(started.gateway.url, [...lines, 'Connection: close', '', '']));

describe('a request that Node’s parser refuses', () => {
  it.each([
    [
      'a token of 100 kB',
      ['GET /v1/product-upgrades HTTP/1.1', `Authorization: Bearer ${'a'.repeat(100_000)}`],
    ],
    ['a path of 20,000 characters', [`GET /v1/${'a'.repeat(20_000)} HTTP/1.1`, 'Host: x']],
  ])('for %s has the status of its code, and says what is too large', async (_what, lines) => {
    const { status, headers, body } = await send(...lines);
    expect(status).toBe(400);
    expect(headers).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/);
    expect(body).toMatchObject({
      status: 400,
      code: 'invalid_request',
      errors: [{ path: 'request', message: 'must have at most 16 kB of address and headers' }],
    });
  });

  it('for its slowness has the status of its code, and says so', async () => {
    const limits = { requestTimeoutMs: 100, headersTimeoutMs: 100, checkIntervalMs: 50 };
    const publicUrl = 'https://upgrades.example.test';
    const server = await listen(() => undefined, { host: '127.0.0.1', port: 0, publicUrl, ...limits });
    const socket = connect(server.port, '127.0.0.1');
    socket.write('GET /v1 HTTP/1.1\r\nHost: x\r\n');
    const { status, body } = readProblem(await text(socket));
    await server.stop(0);
    expect(status).toBe(400);
    expect(body).toMatchObject({
      status: 400,
      code: 'invalid_request',
      errors: [{ path: 'request', message: 'did not arrive in time' }],
    });
  });
});

describe('a connection that is abused', () => {
  const publicUrl = 'https://upgrades.example.test';
  const address = { host: '127.0.0.1', port: 0, publicUrl };

  it('with many requests at once, none of whose answers is read, is cut', async () => {
    const socket = connect(Number(new URL(started.gateway.url).port), '127.0.0.1').pause();
    const closed = once(socket, 'close');
    socket.on('error', () => undefined);
    socket.write('GET /docs/assets/swagger-ui-bundle.js HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(200));
    socket.resume();
    await closed;
    expect((await started.api.get('/health/live')).status).toBe(200);
  });

  it('on which nothing moves any more, is cut', async () => {
    const server = await listen(() => undefined, { ...address, idleTimeoutMs: 100 });
    const socket = connect(server.port, '127.0.0.1');
    socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    await once(socket.resume(), 'close');
    await server.stop(0);
  });

  it('that goes on after a refusal, is cut', async () => {
    const server = await listen(() => undefined, address);
    const socket = connect({ port: server.port, host: '127.0.0.1', allowHalfOpen: true });
    socket.write('this is no HTTP\r\n\r\n');
    await text(socket);
    const failed = once(socket, 'error');
    const writing = setInterval(() => socket.write('more'), 10);
    const [error] = await failed;
    clearInterval(writing);
    expect(error).toMatchObject({ code: expect.stringMatching(/EPIPE|ECONNRESET/) });
    socket.destroy();
    await server.stop(0);
  });

  it('with nonsense behind a request that runs, gets no answer that seems to be of that request', async () => {
    const server = await listen((_req, res) => void setTimeout(() => res.end('late'), 100), address);
    const socket = connect(server.port, '127.0.0.1');
    socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\nnonsense\r\n\r\n');
    expect(await text(socket).catch(() => '')).toBe('');
    await server.stop(0);
  });
});

describe('a method that HTTP does not know', () => {
  it.each(['FOO', 'get', 'VERSION-CONTROL'])(
    '%s is not allowed, and no fault of the request',
    async (method) => {
      const { status, headers, body } = await send(
        `${method} //evil.example/v1/product-upgrades?x=1 HTTP/1.1`,
        'Host: x',
      );
      expect(status).toBe(405);
      expect(headers).toContain('\r\nAllow: GET, HEAD, POST\r\n');
      expect(body).toMatchObject({
        status: 405,
        code: 'method_not_allowed',
        detail: 'The gateway answers GET, HEAD, POST only.',
        instance: '/evil.example/v1/product-upgrades',
      });
      expect(body).not.toHaveProperty('errors');
    },
  );
});

describe('CONNECT', () => {
  it('is answered with a problem, since the gateway is no proxy', async () => {
    const correlationId = randomUUID();
    const { status, headers, body } = await send(
      'CONNECT evil.example:443 HTTP/1.1',
      'Host: evil.example:443',
      `MS-CorrelationId: ${correlationId}`,
    );
    expect(status).toBe(405);
    expect(headers).toContain('\r\nAllow: GET, HEAD, POST\r\n');
    expect(headers).toContain(`\r\nMS-CorrelationId: ${correlationId}\r\n`);
    expect(body).toMatchObject({ status: 405, code: 'method_not_allowed', instance: '/', correlationId });
  });

  it('that is broken off hurts nobody', async () => {
    const socket = connect(Number(new URL(started.gateway.url).port), '127.0.0.1');
    await once(socket, 'connect');
    socket.write('CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n');
    socket.resetAndDestroy();
    await once(socket, 'close');
    expect((await started.api.get('/health/live')).status).toBe(200);
  });
});

describe('OPTIONS', () => {
  const preflight = { Origin: corsOrigin, 'Access-Control-Request-Method': 'POST' };

  it('is answered without a token as the preflight of a configured web app', async () => {
    const response = await started.api.options('/v1/product-upgrades').set(preflight);
    expect(response.status).toBe(204);
    expect(response.headers).toMatchObject({
      'access-control-allow-origin': corsOrigin,
      'access-control-allow-methods': 'GET,HEAD,POST',
    });
  });

  it.each<[string, Record<string, string>]>([
    ['no origin', {}],
    ['another origin', { ...preflight, Origin: 'https://evil.example' }],
    ['no method that is asked for', { Origin: corsOrigin }],
  ])('with %s is a request like any other: a token first, then the methods', async (_what, headers) => {
    const anonymous = await started.api.options('/v1/product-upgrades').set(headers);
    expect([anonymous.status, anonymous.body.code]).toEqual([401, 'authentication_required']);
    const known = await started.api
      .options('/v1/product-upgrades')
      .set(headers)
      .auth(token, { type: 'bearer' });
    expect([known.status, known.headers['allow']]).toEqual([405, 'GET, HEAD, POST']);
    expect(known.headers['access-control-allow-methods']).toBeUndefined();
  });

  it('tells a configured web app why it was refused', async () => {
    const response = await started.api.options('/v1/product-upgrades').set('Origin', corsOrigin);
    expect(response.headers['access-control-allow-origin']).toBe(corsOrigin);
  });
});

describe('the address of a request', () => {
  it.each(['//evil.example/v1/unknown', 'http://evil.example/v1/unknown?x=1'])(
    '%s is no other host in the problem’s instance',
    async (target) => {
      const { body } = await send(`GET ${target} HTTP/1.1`, 'Host: x', `Authorization: Bearer ${token}`);
      expect(String(body['instance'])).toMatch(/^\/(evil\.example\/)?v1\/unknown$/);
    },
  );

  it('of 10,000 characters is cut there', async () => {
    const response = await as(token, started).get(`/v1/product-upgrades/${'a'.repeat(10_000)}`);
    expect(response.body.instance).toHaveLength(256);
  });
});
