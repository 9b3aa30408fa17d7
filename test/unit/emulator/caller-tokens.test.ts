import { createPublicKey, verify } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Emulator } from '../../../src/emulator/emulator.ts';
import { callerAudience, callerTenantId, signInClientId } from '../../../src/emulator/identities.ts';
import { claimsOf, getKeys, getMetadata, headerOf, redeem, startTrusted } from './entra-client.ts';

let emulator: Emulator;
beforeAll(async () => {
  emulator = await startTrusted();
});
afterAll(() => emulator.stop());

describe('metadata and keys', () => {
  it('are found at the paths of Entra ID, with a query string too', async () => {
    const base = `${emulator.authority}/${callerTenantId}`;
    expect(await getMetadata(emulator.authority, callerTenantId, '?x-client-sku=passport')).toMatchObject({
      issuer: `${base}/v2.0`,
      token_endpoint: `${base}/oauth2/v2.0/token`,
      authorization_endpoint: `${base}/oauth2/v2.0/authorize`,
      jwks_uri: `${base}/discovery/v2.0/keys`,
    });
    const keys = await getKeys(emulator.authority, callerTenantId);
    const kid = keys[0]?.kid;
    expect(keys).toEqual([{ kty: 'RSA', use: 'sig', kid, x5t: kid, e: 'AQAB', n: expect.any(String) }]);
  });

  it('name the v1 issuer in the v1 document', async () => {
    const url = `${emulator.authority}/${callerTenantId}/.well-known/openid-configuration`;
    const issuer = `https://sts.windows.net/${callerTenantId}/`;
    expect(await (await fetch(url)).json()).toMatchObject({ issuer });
  });

  it('stay on the authority’s own name when they are asked for by address', async () => {
    const byAddress = emulator.authority.replace('localhost', '127.0.0.1');
    const { token_endpoint } = await getMetadata(byAddress, callerTenantId);
    expect(token_endpoint).toContain(emulator.authority);
  });

  it('do not exist for other tenants', async () => {
    const response = await fetch(`${emulator.authority}/common/v2.0/.well-known/openid-configuration`);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ error: 'invalid_tenant', error_codes: [90002] });
  });

  it('roll for both tenants: the old key leaves at once, refresh tokens stay valid', async () => {
    const before = await getKeys(emulator.authority, callerTenantId);
    const refreshToken = await emulator.entra.issueRefreshToken();
    await emulator.entra.rollSigningKeys();
    const after = await getKeys(emulator.authority, callerTenantId);
    expect(after).toHaveLength(1);
    expect(after[0]?.kid).not.toBe(before[0]?.kid);
    expect(headerOf(await emulator.entra.issueCallerToken({ user: 'bob' })).kid).toBe(after[0]?.kid);
    expect((await redeem(emulator, refreshToken)).status).toBe(200);
  });
});

describe('callers’ tokens', () => {
  it('of a user, version 2, carry scp, and an oid that is not the subject', async () => {
    const jwt = await emulator.entra.issueCallerToken({ user: 'alice' });
    const claims = claimsOf(jwt);
    expect(headerOf(jwt)).toEqual({ typ: 'JWT', alg: 'RS256', kid: expect.any(String) });
    expect(claims).toMatchObject({
      iss: `${emulator.authority}/${callerTenantId}/v2.0`,
      aud: callerAudience,
      tid: callerTenantId,
      ver: '2.0',
      scp: 'ProductUpgrade.ReadWrite',
      azp: signInClientId,
      azpacr: '0',
      preferred_username: 'alice@callers.example',
    });
    expect(claims.exp - claims.iat).toBe(3600);
    expect(claims.oid).not.toBe(claims.sub);
    expect(claims.roles).toBeUndefined();
  });

  it('of a user, version 1, have the issuer and the audience of version 1', async () => {
    const jwt = await emulator.entra.issueCallerToken({ user: 'admin' }, { version: 1 });
    expect(headerOf(jwt).x5t).toBe(headerOf(jwt).kid);
    expect(claimsOf(jwt)).toMatchObject({
      iss: `https://sts.windows.net/${callerTenantId}/`,
      aud: `api://${callerAudience}`,
      ver: '1.0',
      appid: signInClientId,
      scp: 'PartnerConsent.Manage ProductUpgrade.ReadWrite',
    });
  });

  it('of bob only allow reading', async () => {
    expect(claimsOf(await emulator.entra.issueCallerToken({ user: 'bob' })).scp).toBe('ProductUpgrade.Read');
  });

  it.each([
    ['portal', ['ProductUpgrade.ReadWrite.All']],
    ['reader', ['ProductUpgrade.Read.All']],
    ['nobody', undefined],
  ] as const)('of the application %s carry its roles and no scp', async (application, roles) => {
    const v2 = claimsOf(await emulator.entra.issueCallerToken({ application }));
    const v1 = claimsOf(await emulator.entra.issueCallerToken({ application }, { version: 1 }));
    expect(v2).toMatchObject({ idtyp: 'app', azpacr: '1', ver: '2.0', sub: v2.oid });
    expect(v1).toMatchObject({ idtyp: 'app', appidacr: '1', ver: '1.0', sub: v2.oid, appid: v2.azp });
    for (const claims of [v1, v2]) {
      expect(claims.roles).toEqual(roles);
      expect(claims.scp).toBeUndefined();
    }
  });

  it('can be asked for with a role by name', async () => {
    const jwt = await emulator.entra.issueCallerToken({ role: 'ProductUpgrade.Read.All' });
    expect(claimsOf(jwt).roles).toEqual(['ProductUpgrade.Read.All']);
  });

  it('are given for the scopes asked for, of those that the user has', async () => {
    const ask = (username: string, password: string, scope: string) =>
      fetch(`${emulator.authority}/${callerTenantId}/oauth2/v2.0/token`, {
        method: 'POST',
        body: new URLSearchParams({
          grant_type: 'password',
          client_id: signInClientId,
          username,
          password,
          scope,
        }),
      }).then((response) => response.json());
    const api = `api://${callerAudience}`;
    // Seen only through the claims that the next line names.
    const token = (await ask('admin', 'admin', `${api}/ProductUpgrade.ReadWrite`)) as {
      access_token: string;
    };
    expect(claimsOf(token.access_token).scp).toBe('ProductUpgrade.ReadWrite');
    expect(await ask('bob', 'bob', `${api}/ProductUpgrade.ReadWrite`)).toMatchObject({
      error_codes: [65001],
    });
    expect(await ask('bob', 'wrong', `${api}/.default`)).toMatchObject({ error_codes: [50126] });
    expect(await ask('bob', 'bob', 'api://another/.default')).toMatchObject({ error: 'invalid_resource' });
  });

  it('are only given to those who exist', async () => {
    const { entra }: { entra: { issueCallerToken(who: object, options?: object): Promise<string> } } =
      emulator;
    await expect(entra.issueCallerToken({ user: 'mallory' })).rejects.toThrow('alice, bob, admin');
    await expect(entra.issueCallerToken({ application: 'x' })).rejects.toThrow('portal, reader, nobody');
    await expect(entra.issueCallerToken({})).rejects.toThrow('name a user');
    await expect(entra.issueCallerToken({ user: 'bob' }, { version: 3 })).rejects.toThrow('version 1 or 2');
  });

  it('can be forged with the current key, for negative tests', async () => {
    const jwt = await emulator.entra.sign({ aud: 'someone else' }, { kid: 'other' });
    const [head, payload, signature = ''] = jwt.split('.');
    const key = createPublicKey(await emulator.entra.publicKey());
    expect(headerOf(jwt)).toEqual({ typ: 'JWT', alg: 'RS256', kid: 'other' });
    expect(
      verify('sha256', Buffer.from(`${head}.${payload}`), key, Buffer.from(signature, 'base64url')),
    ).toBe(true);
  });
});
