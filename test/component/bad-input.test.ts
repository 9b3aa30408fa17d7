import { randomUUID } from 'node:crypto';
import { request as httpRequest } from 'node:http';
import { text } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { readProblem, sendRaw } from '../support/raw-request.ts';
import { as, upgradeRequest } from '../support/requests.ts';

let started: TestGateway;
let token: string;
let alice: ReturnType<typeof as>;
beforeAll(async () => {
  started = await startTestGateway();
  token = await started.emulator.entra.issueCallerToken({ user: 'alice' });
  alice = as(token, started);
});
afterAll(() => started.stop());
beforeEach(() => started.emulator.partnerCenter.reset());
// Whatever was refused here has changed nothing.
afterEach(() => expect(started.emulator.partnerCenter.requests()).toHaveLength(0));

const faultsOf = (response: { body: { errors?: { path: string }[] } }) =>
  (response.body.errors ?? []).map(({ path }) => path).sort();

describe('a body that is wrong', () => {
  it.each([
    ['is empty', '', ['customerId', 'productFamily']],
    ['is no JSON', '{"customerId":', ['body']],
    ['is null', 'null', ['body']],
    ['is a list', '[]', ['body']],
    ['is a string', '"Azure"', ['body']],
    ['has no field', '{}', ['customerId', 'productFamily']],
    ['has a number for a customer', '{"customerId":1,"productFamily":"Azure"}', ['customerId']],
    ['has a customer that is no GUID', '{"customerId":"contoso","productFamily":"Azure"}', ['customerId']],
    [
      'has a list for a family',
      `{"customerId":"${randomUUID()}","productFamily":["Azure"]}`,
      ['productFamily'],
    ],
    ['has an unknown family', `{"customerId":"${randomUUID()}","productFamily":"Office"}`, ['productFamily']],
    [
      'has unknown fields and a wrong family and no customer',
      '{"productFamily":"X","force":true,"__proto__":{}}',
      ['__proto__', 'customerId', 'force', 'productFamily'],
    ],
  ])('%s: every fault is listed', async (_what, body, paths) => {
    const response = await alice.post('/v1/product-upgrades').type('application/json').send(body);
    expect(response.status).toBe(400);
    expect(response.body.code).toBe('invalid_request');
    expect(faultsOf(response)).toEqual(paths);
  });

  it('comes with a query: each of its fields is listed beside the faults of the body', async () => {
    const response = await alice
      .post('/v1/product-upgrades?force=true&dryRun=1')
      .send({ productFamily: 'X' });
    expect(response.status).toBe(400);
    expect(faultsOf(response)).toEqual(['customerId', 'dryRun', 'force', 'productFamily']);
  });

  it('has a field that the query has, too: the query’s own is told apart', async () => {
    const response = await alice
      .post('/v1/product-upgrades?x=1&y=1&customerId=1')
      .send({ x: 1, customerId: 'contoso', productFamily: 'Azure' });
    expect(faultsOf(response)).toEqual(['customerId', 'query.customerId', 'query.x', 'x', 'y']);
  });

  it('is JSON in UTF-8: to say so does no harm', async () => {
    const response = await alice
      .post('/v1/product-upgrades')
      .type('application/json; charset="UTF-8"')
      .send('{}');
    expect(response.status).toBe(400);
  });

  it('is not there at all: that is the fault, and not its media type', async () => {
    const answer = await sendRaw(started.gateway.url, [
      'POST /v1/product-upgrades HTTP/1.1',
      'Host: x',
      `Authorization: Bearer ${token}`,
      'Content-Type: application/json',
      'Connection: close',
      '',
      '',
    ]);
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    expect(answer).toContain('"errors":[{"path":"body"');
  });

  it.each([
    ['1 MB', 1_000_000],
    ['one byte more than 16 kB', 16 * 1024 + 1],
  ])('%s is too large', async (_what, size) => {
    const empty = JSON.stringify(upgradeRequest({ note: '' }));
    const body = JSON.stringify(upgradeRequest({ note: 'x'.repeat(size - empty.length) }));
    expect(body).toHaveLength(size);
    const response = await alice.post('/v1/product-upgrades').type('application/json').send(body);
    expect(response.status).toBe(413);
    expect(response.body.code).toBe('payload_too_large');
  });

  it.each([
    ['no media type', {}],
    ['a form', { 'content-type': 'application/x-www-form-urlencoded' }],
    ['text', { 'content-type': 'text/plain' }],
    ['another charset', { 'content-type': 'application/json; charset=iso-8859-1' }],
    ['UTF-16', { 'content-type': 'application/json; charset=utf-16' }],
    ['UTF-32 in quotes', { 'content-type': 'application/json;v=1 ; Charset="UTF-32"' }],
    ['UTF-16 after UTF-8', { 'content-type': 'application/json; charset=utf-8; charset=utf-16le' }],
    ['compression', { 'content-type': 'application/json', 'content-encoding': 'gzip' }],
    ['a malformed media type', { 'content-type': ';;;' }],
  ])('%s is not supported', async (_what, headers) => {
    const response = await new Promise<{ status: number | undefined; body: string }>((resolve, reject) => {
      const call = httpRequest(
        `${started.gateway.url}/v1/product-upgrades`,
        { method: 'POST', headers: { authorization: `Bearer ${token}`, ...headers } },
        async (answer) => resolve({ status: answer.statusCode, body: await text(answer) }),
      );
      call.on('error', reject).end(JSON.stringify(upgradeRequest()));
    });
    expect(response.status).toBe(415);
    expect(JSON.parse(response.body)).toMatchObject({ code: 'unsupported_media_type' });
  });
});

describe('a query that is wrong', () => {
  const statuses = 'NotStarted, Running, Succeeded, Failed, Canceled';
  it.each([
    ['limit=5&limit=6', [{ path: 'limit', message: 'must be sent once' }]],
    ['customerId=a&customerId=b', [{ path: 'customerId', message: 'must be sent once' }]],
    ['cursor=a&cursor=b', [{ path: 'cursor', message: 'must be sent once' }]],
    ['status=Running&status=Failed', [{ path: 'status', message: 'must be sent once' }]],
    ['status=running', [{ path: 'status', message: `must be one of ${statuses}` }]],
    ['x=1&x=2', [{ path: 'x', message: 'is not a known field' }]],
    [
      'customerId=&limit=0&cursor=x',
      [
        { path: 'customerId', message: 'must be a GUID' },
        { path: 'limit', message: 'must be a whole number from 1 to 100' },
        { path: 'cursor', message: 'is not a cursor of this list' },
      ],
    ],
  ])('%s is told in plain words', async (query, errors) => {
    const response = await alice.get(`/v1/product-upgrades?${query}`);
    expect(response.status).toBe(400);
    expect(response.body.errors).toEqual(errors);
  });

  it('names the family twice: one of them must not decide', async () => {
    const response = await alice.getEligibility(randomUUID(), 'productFamily=Azure&productFamily=Azure');
    expect(response.body.errors).toEqual([{ path: 'productFamily', message: 'must be sent once' }]);
  });
});

describe('partner consent, which takes neither query nor fields', () => {
  let admin: ReturnType<typeof as>;
  beforeAll(async () => {
    admin = as(await started.emulator.entra.issueCallerToken({ user: 'admin' }), started);
  });

  it('refuses a query', async () => {
    const answers = [
      await admin.get('/v1/partner-consent?x=1'),
      await admin.post('/v1/partner-consent?x=1').send({ a: 1 }),
    ];
    expect(answers.map(({ status }) => status)).toEqual([400, 400]);
    expect(answers.map(faultsOf)).toEqual([['x'], ['a', 'x']]);
  });

  it.each([
    ['a field', '{"a":1}', ['a']],
    ['a list', '[]', ['body']],
    ['null', 'null', ['body']],
    ['no JSON', '{', ['body']],
  ])('refuses a body that is %s, and begins nothing', async (_what, body, paths) => {
    const response = await admin.post('/v1/partner-consent').type('application/json').send(body);
    expect(response.status).toBe(400);
    expect(faultsOf(response)).toEqual(paths);
    expect(response.body).not.toHaveProperty('authorizationUrl');
  });

  it.each([
    ['no body', () => admin.post('/v1/partner-consent')],
    ['an empty body', () => admin.post('/v1/partner-consent').type('application/json').send('')],
    ['an empty form', () => admin.post('/v1/partner-consent').type('form').send('')],
    ['an object without fields', () => admin.post('/v1/partner-consent').send({})],
  ])('takes %s', async (_what, post) => expect((await post()).status).toBe(200));
});

describe('a path that is wrong', () => {
  it.each([
    ['..%2f', '..%2f'],
    ['an encoded null', '%00'],
    ['no GUID', 'upgrade-1'],
    ['10,000 characters', 'a'.repeat(10_000)],
    ['a GUID and more', `${randomUUID()}x`],
    ['a quote', "'%20OR%201=1--"],
  ])('%s as an upgrade id is refused', async (_what, segment) => {
    const response = await alice.get(`/v1/product-upgrades/${segment}/status`);
    expect(response.status).toBe(400);
    expect(response.body.code).toBe('invalid_request');
    expect(faultsOf(response)).toEqual(['upgradeId']);
  });

  it('a broken escape is refused', async () => {
    const response = await alice.get('/v1/product-upgrades/%E0%A4%A/status');
    expect(response.status).toBe(400);
    expect(response.body.code).toBe('invalid_request');
  });

  it('a customer id that is no GUID is refused together with the query’s faults', async () => {
    const response = await alice.getEligibility('contoso', 'productFamily=Office&x=1');
    expect(response.status).toBe(400);
    expect(faultsOf(response)).toEqual(['customerId', 'productFamily', 'x']);
  });

  it.each([
    '/',
    '/v1',
    '/v1/unknown',
    '/v2/product-upgrades',
    '/.env',
    '/v1/product-upgrades/../../etc/passwd',
  ])('%s is nothing here', async (path) => {
    const response = await alice.get(path);
    expect(response.status).toBe(404);
    expect(response.body.code).toBe('not_found');
  });

  it('a method that a resource does not have names those that it has', async () => {
    const { api } = started;
    const answers = await Promise.all([
      api.delete('/v1/product-upgrades').auth(token, { type: 'bearer' }),
      api.put(`/v1/product-upgrades/${randomUUID()}/status`).auth(token, { type: 'bearer' }),
      api.post(`/v1/customers/${randomUUID()}/product-upgrade-eligibility`).auth(token, { type: 'bearer' }),
      api.post('/health/ready'),
      api.delete('/openapi.json'),
    ]);
    expect(answers.map(({ status }) => status)).toEqual([405, 405, 405, 405, 405]);
    expect(answers.map(({ headers }) => headers['allow'])).toEqual([
      'GET, HEAD, POST',
      'GET, HEAD',
      'GET, HEAD',
      'GET, HEAD',
      'GET, HEAD',
    ]);
  });
});

describe('headers that are wrong', () => {
  it.each(['text/html', 'application/xml', 'image/png'])('Accept: %s cannot be met', async (accept) => {
    const response = await alice.order().set('Accept', accept);
    expect(response.status).toBe(406);
    expect(response.body.code).toBe('not_acceptable');
  });

  it.each([
    ['is no GUID', 'not-a-guid'],
    ['is a script', '<script>alert(1)</script>'],
    ['has braces', `{${randomUUID()}}`],
    ['is long', 'a'.repeat(1000)],
  ])('a correlation id that %s is replaced, not echoed', async (_what, correlationId) => {
    const response = await alice.get('/v1/unknown').set('MS-CorrelationId', correlationId);
    expect(response.headers['ms-correlationid']).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    expect(response.text).not.toContain(correlationId);
  });

  it('a correlation id sent twice is replaced', async () => {
    const [first, second] = [randomUUID(), randomUUID()];
    const answer = await sendRaw(started.gateway.url, [
      'GET /v1/unknown HTTP/1.1',
      'Host: x',
      `MS-CorrelationId: ${first}`,
      `MS-CorrelationId: ${second}`,
      'Connection: close',
      '',
      '',
    ]);
    expect(answer).not.toContain(first);
    expect(answer).not.toContain(second);
  });

  it.each(['Authorization: Bearer other', 'Content-Type: application/json'])(
    'a second "%s" is refused, so that it cannot decide which counts',
    async (second) => {
      const body = JSON.stringify(upgradeRequest());
      const answer = await sendRaw(started.gateway.url, [
        'POST /v1/product-upgrades HTTP/1.1',
        'Host: x',
        `Authorization: Bearer ${token}`,
        'Content-Type: application/json',
        second,
        `Content-Length: ${body.length}`,
        'Connection: close',
        '',
        body,
      ]);
      expect(answer).toMatch(/^HTTP\/1\.1 400 /);
      expect(answer).toContain('"code":"invalid_request"');
      expect(answer).toContain('must be sent once');
    },
  );

  it('an idempotency key that is wrong is listed beside the faults of the body', async () => {
    const response = await alice.order({ productFamily: 'Azure' }).set('Idempotency-Key', 'two words');
    expect(response.status).toBe(400);
    expect(faultsOf(response)).toEqual(['customerId', 'idempotency-key']);
  });

  it('an unknown expectation is ignored', async () => {
    const lines = ['GET /health/live HTTP/1.1', 'Host: x', 'Expect: wonders', 'Connection: close', '', ''];
    expect(await sendRaw(started.gateway.url, lines)).toMatch(/^HTTP\/1\.1 200 /);
  });

  it('a body that ends before its announced length starts nothing', async () => {
    const answer = await sendRaw(started.gateway.url, [
      'POST /v1/product-upgrades HTTP/1.1',
      'Host: x',
      `Authorization: Bearer ${token}`,
      'Content-Type: application/json',
      'Content-Length: 1000',
      '',
      '{"customerId":',
    ]);
    expect(answer).not.toContain('202');
  });

  it.each([
    ['more than 16 kB of headers', ['GET / HTTP/1.1', 'Host: x', `X: ${'a'.repeat(20_000)}`, '', '']],
    ['no Host header', ['GET /health/live HTTP/1.1', 'Connection: close', '', '']],
    ['two Host headers', ['GET / HTTP/1.1', 'Host: x', 'Host: y', 'Connection: close', '', '']],
    ['no HTTP at all', ['\u0001\u0002 nonsense', '', '']],
    ['two lengths', ['POST / HTTP/1.1', 'Host: x', 'Content-Length: 1', 'Content-Length: 2', '', 'a']],
    [
      'a length and chunks (request smuggling)',
      ['POST / HTTP/1.1', 'Host: x', 'Content-Length: 5', 'Transfer-Encoding: chunked', '', '0', '', ''],
    ],
  ])('%s is answered with a problem all the same', async (_what, lines) => {
    const answer = await sendRaw(started.gateway.url, lines);
    const { status, body } = readProblem(answer);
    expect(status).toBe(400);
    expect(answer).toContain('Content-Type: application/problem+json');
    expect(body).toMatchObject({ status, code: 'invalid_request' });
  });
});
