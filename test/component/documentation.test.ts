import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import supertest from 'supertest';
import { problemKinds } from '../../src/http/problems.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';

let started: TestGateway;
let web: ReturnType<typeof supertest>; // pages are no part of the OpenAPI document
beforeAll(async () => {
  started = await startTestGateway();
  web = supertest(started.gateway.url);
});
afterAll(() => started.stop());

describe('GET /openapi.json', () => {
  it('describes every operation with its permission, bodies and problems', async () => {
    const { body } = await web.get('/openapi.json');
    expect(body.openapi).toMatch(/^3\.1\./);
    expect(Object.keys(body.paths)).toEqual(
      expect.arrayContaining([
        '/v1/product-upgrades',
        '/v1/product-upgrades/{upgradeId}/status',
        '/v1/customers/{customerId}/product-upgrade-eligibility',
        '/health/live',
        '/health/ready',
      ]),
    );
    expect(body.servers).toEqual([{ url: 'https://upgrades.example.test' }]);
    const order = body.paths['/v1/product-upgrades'].post;
    expect(Object.keys(order.responses)).toEqual(
      expect.arrayContaining([
        '202',
        '400',
        '401',
        '403',
        '404',
        '409',
        '413',
        '415',
        '422',
        '502',
        '503',
        '504',
      ]),
    );
    expect(body.components.schemas.AcceptedUpgrade.required).toEqual(['upgradeId', 'statusUrl']);
    expect(body.components.schemas.AcceptedUpgrade.additionalProperties).toBe(false);
  });

  it('names the headers of every response, and those that belong to a problem of its status', async () => {
    const { body } = await web.get('/openapi.json');
    const order = body.paths['/v1/product-upgrades'].post;
    const headersOf = (status: string) => Object.keys(order.responses[status].headers).sort();
    expect(headersOf('202')).toEqual([
      'Location',
      'MS-CorrelationId',
      'MS-RequestId',
      'Operation-Location',
      'Retry-After',
    ]);
    expect(headersOf('401')).toEqual(['MS-CorrelationId', 'MS-RequestId', 'WWW-Authenticate']);
    expect(headersOf('403')).toEqual(['MS-CorrelationId', 'MS-RequestId', 'WWW-Authenticate']);
    expect(headersOf('405')).toEqual(['Allow', 'MS-CorrelationId', 'MS-RequestId']);
    expect(headersOf('409')).toEqual(['MS-CorrelationId', 'MS-RequestId', 'Retry-After']);
    expect(headersOf('503')).toEqual(['MS-CorrelationId', 'MS-RequestId', 'Retry-After']);
    const { $ref } = order.responses['401'].headers['WWW-Authenticate'];
    expect($ref).toBe('#/components/headers/WWW-Authenticate');
    expect(body.components.headers['WWW-Authenticate']).toMatchObject({ description: expect.any(String) });
    expect(order.parameters).toContainEqual({ $ref: '#/components/parameters/MS-CorrelationId' });
    expect(body.components.parameters['MS-CorrelationId']).toMatchObject({ in: 'header' });
  });

  it('explains every field of what callers read', async () => {
    const { body } = await web.get('/openapi.json');
    const unexplained = [
      'Problem',
      'StatusMonitor',
      'UpgradeLineItem',
      'UpgradeEligibility',
      'ProductUpgrade',
    ].flatMap((name) =>
      Object.entries<Record<string, unknown>>(body.components.schemas[name].properties)
        .filter(([, field]) => !('description' in field || '$ref' in field))
        .map(([field]) => `${name}.${field}`),
    );
    expect(unexplained).toEqual([]);
  });
});

describe('GET /docs', () => {
  it('is a page whose every part comes from the gateway itself, under a policy without inline code', async () => {
    const page = await web.get('/docs');
    expect(page.status).toBe(200);
    expect(page.headers['content-security-policy']).toContain("default-src 'none'");
    expect(page.headers['content-security-policy']).not.toMatch(/unsafe|\*/);
    expect(page.text).not.toMatch(/<script>|style="|https?:\/\//);

    const parts = [...page.text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, path]) => path);
    expect(parts.length).toBeGreaterThanOrEqual(3);
    for (const path of parts) {
      const part = await web.get(`/${path}`).buffer(true);
      expect([path, part.status]).toEqual([path, 200]);
    }
  });

  it('has one address, since its parts are named relative to it', async () => {
    const slashed = await web.get('/docs/').redirects(0);
    expect(slashed.status).toBe(308);
    expect(slashed.headers['location']).toBe('../docs');
  });

  it.each([
    '/docs',
    '/docs/',
    '/docs/assets/start.js',
    '/docs/assets/page.css',
    '/docs/assets/swagger-ui.css',
  ])('%s is there to be read, and nothing else', async (path) => {
    for (const method of ['options', 'delete'] as const) {
      const { status, headers, body } = await web[method](path);
      expect([status, headers['allow'], body.code]).toEqual([405, 'GET, HEAD', 'method_not_allowed']);
    }
  });

  it('serves no other file of the package', async () => {
    for (const path of [
      '/docs/assets/package.json',
      '/docs/assets/index.html',
      '/docs/assets/..%2fpackage.json',
    ]) {
      const { status } = await web.get(path);
      expect([path, status]).toEqual([path, 404]);
    }
  });
});

describe('GET /problems/{code}', () => {
  it.each(Object.keys(problemKinds))('%s is explained, with what to do', async (code) => {
    const page = await web.get(`/problems/${code}`);
    expect(page.status).toBe(200);
    expect(page.type).toBe('text/html');
    expect(page.text).toContain(code);
    expect(page.text).toContain('What to do');
  });

  it('upgrade_already_in_progress says what to do where no upgrade is named', async () => {
    const { text } = await web.get('/problems/upgrade_already_in_progress');
    expect(text).toContain('<code>statusUrl</code>');
    expect(text).toContain('Retry-After');
  });

  it.each(['nonsense', '__proto__', 'constructor', '<script>'])(
    '%s is no problem that we know',
    async (code) => {
      const { status, body } = await web.get(`/problems/${encodeURIComponent(code)}`);
      expect(status).toBe(404);
      expect(body.code).toBe('not_found');
    },
  );
});
