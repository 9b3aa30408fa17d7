import { SecretClient } from '@azure/keyvault-secrets';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Emulator } from '../../../src/emulator/emulator.ts';
import { partnerClientId, partnerClientSecret, partnerTenantId } from '../../../src/emulator/identities.ts';
import { createVaultIdentity } from '../../support/credential-stores.ts';
import { claimsOf, startTrusted } from './entra-client.ts';

let emulator: Emulator;
let client: SecretClient;
let token: string;
const name = 'a-secret';

beforeAll(async () => {
  emulator = await startTrusted();
  const identity = createVaultIdentity(emulator);
  token = (await identity.getToken('https://vault.azure.net/.default')).token;
  client = new SecretClient(emulator.keyVaultUrl, identity, {
    disableChallengeResourceVerification: true,
    retryOptions: { maxRetries: 0 },
  });
});
beforeEach(() => emulator.keyVault.reset());
afterAll(() => emulator.stop());

const call = (path: string, authorization?: string, init: RequestInit = {}) =>
  fetch(`${emulator.keyVaultUrl}${path}`, { ...init, headers: { ...(authorization && { authorization }) } });

describe('the real SDK', () => {
  it('is challenged, gets a token, and sends what it had to say again', async () => {
    const fresh = new SecretClient(emulator.keyVaultUrl, createVaultIdentity(emulator), {
      disableChallengeResourceVerification: true,
    });
    await fresh.setSecret(name, 'value');
    expect(emulator.keyVault.requests()).toMatchObject([
      { method: 'PUT', path: `/secrets/${name}`, answered: 401 },
      { method: 'PUT', path: `/secrets/${name}`, answered: 200 },
    ]);
    expect(JSON.stringify(emulator.keyVault.requests())).not.toContain('value');
  });

  it('sets, gets and updates secrets, their tags, their content type and their versions', async () => {
    const expiresOn = new Date('2030-01-01T00:00:00Z');
    const first = await client.setSecret(name, 'one', { tags: { a: '1' }, contentType: 'text', expiresOn });
    expect(first).toMatchObject({
      value: 'one',
      properties: {
        tags: { a: '1' },
        contentType: 'text',
        expiresOn,
        enabled: true,
        createdOn: expect.any(Date),
      },
    });
    const version = first.properties.version ?? '';
    expect(version).toMatch(/^[0-9a-f]{32}$/);
    await client.setSecret(name, 'two');
    expect((await client.getSecret(name)).value).toBe('two');
    expect((await client.getSecret(name, { version })).value).toBe('one');
    const updated = await client.updateSecretProperties(name, version, { tags: { b: '2' }, enabled: false });
    expect(updated).toMatchObject({ tags: { b: '2' }, enabled: false, contentType: 'text' });
    const listed = [];
    for await (const each of client.listPropertiesOfSecretVersions(name)) listed.push(each.enabled);
    expect(listed).toEqual([false, true]);
  });

  it('deletes softly, recovers and purges', async () => {
    await client.setSecret(name, 'one');
    await (await client.beginDeleteSecret(name)).pollUntilDone();
    await expect(client.getSecret(name)).rejects.toMatchObject({ statusCode: 404, code: 'SecretNotFound' });
    await expect(client.setSecret(name, 'two')).rejects.toMatchObject({
      statusCode: 409,
      details: { error: { innerError: { code: 'ObjectIsDeletedButRecoverable' } } },
    });
    await (await client.beginRecoverDeletedSecret(name)).pollUntilDone();
    expect((await client.getSecret(name)).value).toBe('one');
    await (await client.beginDeleteSecret(name)).pollUntilDone();
    await client.purgeDeletedSecret(name);
    await client.setSecret(name, 'two');
    expect(emulator.keyVault.versions(name)).toHaveLength(1);
  });

  it('is refused a version that is disabled', async () => {
    const { properties } = await client.setSecret(name, 'one');
    await client.updateSecretProperties(name, properties.version ?? '', { enabled: false });
    await expect(client.getSecret(name)).rejects.toMatchObject({
      statusCode: 403,
      details: { error: { innerError: { code: 'SecretDisabled' } } },
    });
  });

  it.each<[string, string, object]>([
    ['a value over 25 kB', 'x'.repeat(25_601), {}],
    [
      'more than 15 tags',
      'x',
      { tags: Object.fromEntries(Array.from({ length: 16 }, (_, tag) => [`${tag}`, ''])) },
    ],
    ['a tag over 256 characters', 'x', { tags: { a: 'x'.repeat(257) } }],
    ['a content type over 255 characters', 'x', { contentType: 'x'.repeat(256) }],
  ])('is refused %s', async (_what, value, options) => {
    await expect(client.setSecret(name, value, options)).rejects.toMatchObject({
      statusCode: 400,
      code: 'BadParameter',
    });
    expect(emulator.keyVault.versions(name)).toEqual([]);
  });
});

describe('a token', () => {
  it('that is missing is asked for with the tenant and the resource', async () => {
    const response = await call(`/secrets/${name}?api-version=7.6`);
    expect(response.status).toBe(401);
    expect(response.headers.get('www-authenticate')).toBe(
      `Bearer authorization="${emulator.authority}/${partnerTenantId}", resource="https://vault.azure.net"`,
    );
  });

  it('that is valid is let in, and the api version is asked for', async () => {
    expect((await call(`/secrets/${name}?api-version=7.6`, `Bearer ${token}`)).status).toBe(404);
    expect((await call(`/secrets/${name}`, `Bearer ${token}`)).status).toBe(400);
  });

  it('with a changed signature, of the caller tenant, or of a user is refused', async () => {
    const changed = `${token.slice(0, -6)}AAAAAA`;
    const foreign = await emulator.entra.sign(claimsOf(token));
    for (const bad of [changed, foreign, await emulator.entra.issueCallerToken({ user: 'alice' })])
      expect((await call(`/secrets/${name}?api-version=7.6`, `Bearer ${bad}`)).status).toBe(401);
  });

  it('that has expired is refused', async () => {
    const later = await startTrusted({ now: () => Date.now() + 2 * 3_600_000 });
    const identity = createVaultIdentity(later);
    const expired = (await identity.getToken('https://vault.azure.net/.default')).token;
    const response = await fetch(`${later.keyVaultUrl}/secrets/${name}?api-version=7.6`, {
      headers: { authorization: `Bearer ${expired}` },
    });
    expect(response.status).toBe(401);
    await later.stop();
  });

  it('of an identity without rights is forbidden', async () => {
    const identity = createVaultIdentity(emulator, {
      clientId: partnerClientId,
      clientSecret: partnerClientSecret,
    });
    const { token: powerless } = await identity.getToken('https://vault.azure.net/.default');
    expect((await call(`/secrets/${name}?api-version=7.6`, `Bearer ${powerless}`)).status).toBe(403);
  });
});

it('a fault that there is not is refused', () => {
  // Tests in plain JavaScript can ask for anything.
  expect(() => emulator.keyVault.next('nonsense' as 'throttled')).toThrow(/must be one of/);
  expect(() => emulator.keyVault.next('throttled', { times: 0 })).toThrow(/times/);
});
