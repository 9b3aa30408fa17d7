import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { fetchMetadata, fetchSigningKeys } from '../../../src/entra-id/metadata.ts';
import { createHttpClient } from '../../../src/http-client.ts';

/** What Entra ID answers to every request. */
let answer: { status?: number; body: string };
let server: Server;
let url: string;
beforeAll(async () => {
  server = createServer((_request, response) => {
    response.writeHead(answer.status ?? 200).end(answer.body);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`; // it listens on TCP
});
afterAll(() => void server.close());

const http = createHttpClient();
const document = () => ({
  issuer: 'https://login.example/tenant/v2.0',
  jwks_uri: 'https://login.example/keys',
  token_endpoint: 'https://login.example/token',
  authorization_endpoint: 'https://login.example/authorize',
});
const getMetadata = () => fetchMetadata(http, url, 'tenant', 100);
const getKeys = () => fetchSigningKeys(http, { ...document(), jwks_uri: url }, 100);

const jwk = (bits: number) =>
  generateKeyPairSync('rsa', { modulusLength: bits }).publicKey.export({ format: 'jwk' });
const { n, e } = jwk(2048);
const good = { kty: 'RSA', kid: 'good', use: 'sig', n, e };

describe('a tenant’s metadata', () => {
  it('is handed on with everything in it', async () => {
    answer = { body: JSON.stringify({ ...document(), tenant_region_scope: 'EU' }) };
    expect(await getMetadata()).toEqual({ ...document(), tenant_region_scope: 'EU' });
  });

  it.each([
    ['a key address without TLS', { jwks_uri: 'http://login.example/keys' }],
    ['no issuer', { issuer: undefined }],
    ['a token address that is none', { token_endpoint: '/token' }],
  ])('is no metadata with %s', async (_, changes) => {
    answer = { body: JSON.stringify({ ...document(), ...changes }) };
    await expect(getMetadata()).rejects.toMatchObject({
      code: 'identity_provider_unavailable',
      facts: { retryAfterSeconds: 10 },
    });
  });

  it.each([302, 400, 404, 500])('is no metadata under HTTP %i', async (status) => {
    answer = { status, body: JSON.stringify(document()) };
    await expect(getMetadata()).rejects.toMatchObject({ code: 'identity_provider_unavailable' });
  });
});

describe('an outage page', () => {
  it.each(['<h1>Service unavailable</h1>', '', '{"issuer":', '"down"'])(
    'is neither metadata nor keys: %s',
    async (body) => {
      answer = { body };
      await expect(getMetadata()).rejects.toMatchObject({ code: 'identity_provider_unavailable' });
      await expect(getKeys()).rejects.toMatchObject({ code: 'identity_provider_unavailable' });
    },
  );
});

describe('a tenant’s signing keys', () => {
  it.each<[string, unknown]>([
    ['an elliptic one', { kty: 'EC', kid: 'ec', crv: 'P-256', x: 'AA', y: 'AA' }],
    ['one for encryption', { ...good, kid: 'enc', use: 'enc' }],
    ['one without an id', { ...good, kid: undefined }],
    ['one that is too short for RS256', { ...good, ...jwk(1024), kid: 'short' }],
    ['one without a modulus', { ...good, kid: 'empty', n: undefined }],
    ['something else', 'key'],
  ])('are those that can be used: %s does not cost us the others', async (_, other) => {
    answer = { body: JSON.stringify({ keys: [other, good] }) };
    expect((await getKeys()).keys.map(({ kid }) => kid)).toEqual(['good']);
  });

  it.each<[string, unknown]>([
    ['there is none', { keys: [] }],
    ['none can be used', { keys: [{ ...good, use: 'enc' }] }],
    ['there are too many', { keys: Array(101).fill(good) }],
    ['the answer is something else', { error: 'none' }],
  ])('cannot be had where %s', async (_, body) => {
    answer = { body: JSON.stringify(body) };
    await expect(getKeys()).rejects.toMatchObject({ code: 'identity_provider_unavailable' });
  });
});
