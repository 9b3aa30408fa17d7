import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import {
  callerAudience,
  callerTenantId,
  partnerClientId,
  partnerClientSecret,
  partnerTenantId,
} from '../../src/emulator/identities.ts';
import type { Fault } from '../../src/errors.ts';
import { loadSettings, SettingsError } from '../../src/settings.ts';

const required = {
  CALLER_TENANT_ID: '5B1F3C3E-9D0F-4B73-8D0C-2F6A1D7C9E10',
  CALLER_AUDIENCE: 'c0a86a12-7d1b-4f0e-9a37-6f3d1f6e2b51',
  PARTNER_TENANT_ID: 'a7d2c9f4-3e58-4c1b-b6a0-91e4d5f20c68',
  PARTNER_CLIENT_ID: '2f4b8e6a-51c7-4d39-a0e2-c83b7d9f1e45',
  PARTNER_CLIENT_SECRET: 'secret',
  CREDENTIAL_KEY: Buffer.alloc(32, 1).toString('base64'),
};
const load = (changes: Record<string, string> = {}) =>
  loadSettings({ variables: { ...required, ...changes } });

function explain(changes: Record<string, string>): readonly Fault[] {
  try {
    load(changes);
    return [];
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
    return error.faults;
  }
}
const faultsOf = (changes: Record<string, string>) => explain(changes).map(({ path }) => path);

const touched = new Set<string>();
afterEach(() => {
  for (const name of touched) delete process.env[name];
});

describe('settings', () => {
  it('have the documented defaults', () => {
    expect(load()).toMatchObject({
      server: {
        host: '127.0.0.1',
        port: 8080,
        operationsPort: 9090,
        publicUrl: 'http://localhost:8080',
        trustProxyHops: 0,
        corsOrigins: [],
      },
      rateLimit: { perMinute: 1200 },
      entra: { authority: 'https://login.microsoftonline.com' },
      partnerCenter: {
        url: 'https://api.partnercenter.microsoft.com',
        scope: 'https://api.partnercenter.microsoft.com/user_impersonation',
        application: 'Product Upgrade Gateway',
        timeoutMs: 30_000,
      },
      credential: { store: { kind: 'file', path: 'data/partner-credential' } },
      database: { url: { kind: 'sqlite', path: 'data/gateway.db' } },
      log: { level: 'info' },
    });
  });

  it('come from the environment', () => {
    touched.add('TRUST_PROXY_HOPS');
    process.env['TRUST_PROXY_HOPS'] = '2';
    expect(load().server.trustProxyHops).toBe(2);
  });

  it('are frozen, with GUIDs in lower case and URLs without a trailing slash', () => {
    const settings = load({ PUBLIC_URL: 'https://upgrades.example.com/base/' });
    expect(settings.callers.tenantId).toBe('5b1f3c3e-9d0f-4b73-8d0c-2f6a1d7c9e10');
    expect(settings.server.publicUrl).toBe('https://upgrades.example.com/base');
    expect(Object.isFrozen(settings)).toBe(true);
    expect(Object.isFrozen(settings.server)).toBe(true);
  });

  it('take the scope from the URL unless it is given', () => {
    expect(load({ PARTNER_CENTER_URL: 'https://pc.example' }).partnerCenter.scope).toBe(
      'https://pc.example/user_impersonation',
    );
    expect(load({ PARTNER_CENTER_SCOPE: 'https://x/.default' }).partnerCenter.scope).toBe(
      'https://x/.default',
    );
  });

  it('take our API’s application id in its api:// form, too', () => {
    const audience = 'c0a86a12-7d1b-4f0e-9a37-6f3d1f6e2b51';
    expect(load({ CALLER_AUDIENCE: `api://${audience}` }).callers.audience).toBe(audience);
  });

  it('never repeat a value that is wrong', () => {
    const secret = 'https://user:hunter2@a.example';
    const names = [
      'CORS_ORIGINS',
      'PUBLIC_URL',
      'CREDENTIAL_STORE',
      'DATABASE_URL',
      'CALLER_AUDIENCE',
      'LOG_LEVEL',
    ];
    for (const name of names) expect(() => load({ [name]: secret })).toThrow(/^(?!.*hunter2)/s);
  });

  it('take origins from a list, and both kinds of store and of database', () => {
    const settings = load({
      CORS_ORIGINS: 'https://a.example, https://b.example:8443',
      CREDENTIAL_STORE: 'keyvault:https://vault.vault.azure.net/partner-refresh-token',
      DATABASE_URL: 'postgres://user:password@db/gateway',
    });
    expect(settings.server.corsOrigins).toEqual(['https://a.example', 'https://b.example:8443']);
    expect(settings.credential.store).toEqual({
      kind: 'keyvault',
      vaultUrl: 'https://vault.vault.azure.net',
      secretName: 'partner-refresh-token',
    });
    expect(settings.database.url.kind).toBe('postgres');
  });

  it.each([
    ['PORT', '-1'],
    ['PORT', '65536'],
    ['PORT', '80.5'],
    ['OPERATIONS_PORT', 'x'],
    ['PUBLIC_URL', 'localhost:8080'],
    ['PUBLIC_URL', 'ftp://x'],
    ['PUBLIC_URL', 'https://user:password@upgrades.example.com'],
    ['PUBLIC_URL', 'https://upgrades.example.com/?a=b'],
    ['PUBLIC_URL', 'https://upgrades.example.com/#'],
    ['TRUST_PROXY_HOPS', 'true'],
    ['TRUST_PROXY_HOPS', '-1'],
    ['TRUST_PROXY_HOPS', ' '],
    ['PORT', ' '],
    ['CORS_ORIGINS', '*'],
    ['CORS_ORIGINS', 'https://a.example/path'],
    ['ENTRA_AUTHORITY', 'http://login.example.com'],
    ['ENTRA_AUTHORITY', 'https://user:password@login.example.com'],
    ['CALLER_AUDIENCE', 'https://upgrades.example.com'],
    ['PARTNER_CLIENT_CERTIFICATE', '/nowhere.pem'],
    ['PARTNER_CENTER_TIMEOUT_MS', '0'],
    ['PARTNER_CENTER_APPLICATION', 'line\nbreak'],
    ['CREDENTIAL_STORE', 's3://bucket'],
    ['CREDENTIAL_STORE', 'keyvault:http://vault/secret'],
    ['CREDENTIAL_STORE', 'keyvault:https://user:password@vault.vault.azure.net/secret'],
    ['CREDENTIAL_KEY', 'dG9vIHNob3J0'],
    ['DATABASE_URL', 'mysql://x'],
    ['RATE_LIMIT_PER_MINUTE', '0'],
    ['LOG_LEVEL', 'loud'],
    ['PARTNER_CENTER_SCOPE', 'user_impersonation'],
    ['PARTNER_CENTER_SCOPE', 'https://pc.example/user_impersonation offline_access'],
    ['PARTNER_CENTER_SCOPE', ' '],
    ['PARTNER_CENTER_SCOPE', 'https://pc.example'],
    ['PARTNER_CENTER_SCOPE', 'https://pc.example/'],
  ])('%s = %j is a fault', (name, value) => {
    expect(faultsOf({ [name]: value })).toContain(name);
  });

  it.each(['https://pc.example/user_impersonation', 'https://pc.example//.default', 'api://app-id/user'])(
    'PARTNER_CENTER_SCOPE = %s is a scope',
    (scope) => {
      expect(load({ PARTNER_CENTER_SCOPE: scope }).partnerCenter.scope).toBe(scope);
    },
  );

  it('LOG_LEVEL’s fault says what there is', () => {
    expect(explain({ LOG_LEVEL: 'loud' })).toEqual([
      { path: 'LOG_LEVEL', message: 'must be trace, debug, info, warn, error, fatal or silent' },
    ]);
  });

  it.each(['HOST', 'PARTNER_CLIENT_SECRET'])('%s’s fault says that it is empty', (name) => {
    expect(explain({ [name]: '' })).toContainEqual({ path: name, message: 'must not be empty' });
  });

  it('PORT and OPERATIONS_PORT must differ, but for 0', () => {
    expect(explain({ PORT: '9090' })).toEqual([
      { path: 'PORT', message: expect.stringContaining('OPERATIONS_PORT') },
    ]);
    expect(faultsOf({ PORT: '09000', OPERATIONS_PORT: '9000' })).toEqual(['PORT']);
    expect(load({ PORT: '0', OPERATIONS_PORT: '0' }).server.port).toBe(0);
    expect(faultsOf({ PORT: 'x', OPERATIONS_PORT: 'x' })).toEqual(['PORT', 'OPERATIONS_PORT']);
  });

  it('PARTNER_CLIENT_CERTIFICATE with a key that Entra ID does not take is a fault from the start', () => {
    const path = join(import.meta.dirname, '..', 'support', 'ec-certificate.pem');
    expect(explain({ PARTNER_CLIENT_CERTIFICATE: path })).toContainEqual({
      path: 'PARTNER_CLIENT_CERTIFICATE',
      message: expect.stringContaining('RSA'),
    });
  });

  it('name every fault at once', () => {
    expect(faultsOf({ PORT: 'x', LOG_LEVEL: 'x', PARTNER_TENANT_ID: 'x', CREDENTIAL_KEY: 'x' })).toEqual(
      expect.arrayContaining(['PORT', 'LOG_LEVEL', 'PARTNER_TENANT_ID', 'CREDENTIAL_KEY']),
    );
  });

  it('never show a value', () => {
    expect(() =>
      load({ PARTNER_CLIENT_SECRET: 'hush', PARTNER_CLIENT_CERTIFICATE: 'hush', CREDENTIAL_KEY: 'hush' }),
    ).toThrow(expect.not.objectContaining({ message: expect.stringContaining('hush') }));
  });
});

describe('config/', () => {
  it('local.yaml holds the emulator’s own values', () => {
    expect(loadSettings({ local: true })).toMatchObject({
      callers: { tenantId: callerTenantId, audience: callerAudience },
      partner: { tenantId: partnerTenantId, clientId: partnerClientId, clientSecret: partnerClientSecret },
    });
  });

  it('default.yaml documents every setting that a variable can set', () => {
    const names = readFileSync('config/custom-environment-variables.yaml', 'utf8').matchAll(
      /^ {2}(\w+): [A-Z_]+$/gm,
    );
    const defaults = readFileSync('config/default.yaml', 'utf8');
    const settings = [...names].map(([, setting]) => setting);
    expect(settings.length).toBeGreaterThanOrEqual(22);
    for (const setting of settings) expect(defaults).toMatch(new RegExp(`^ {2}${setting}: .*$`, 'm'));
  });
});
