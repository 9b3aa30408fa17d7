import { generateKeyPairSync } from 'node:crypto';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { createSigningKeys, type SigningKeys } from '../../../src/callers/signing-keys.ts';
import type { EntraMetadata, SigningKeySet } from '../../../src/entra-id/metadata.ts';
import { IdentityProviderUnavailableError } from '../../../src/errors.ts';

const url = 'https://login.example';
const metadata: EntraMetadata = {
  issuer: url,
  jwks_uri: url,
  token_endpoint: url,
  authorization_endpoint: url,
};
const { n = '', e = '' } = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey.export({
  format: 'jwk',
});
const key = (kid: string): SigningKeySet['keys'][number] => ({ kty: 'RSA', kid, n, e });

/** Entra ID: what it publishes, how often it was asked, and answers that can be held back. */
let published: SigningKeySet['keys'];
let failure: Error | undefined;
let gate: Promise<void> | undefined;
let lookups: number;
let time: number;
let warnings: string[];
let signingKeys: SigningKeys;

beforeEach(() => {
  [published, failure, gate, lookups, time, warnings] = [[key('first')], undefined, undefined, 0, 0, []];
  signingKeys = createSigningKeys({
    fetchMetadata: async () => metadata,
    async fetchKeys() {
      lookups += 1;
      await gate;
      if (failure) throw failure;
      return { keys: published };
    },
    log: {
      warn(_facts, message) {
        warnings.push(message);
      },
    },
    now: () => time,
    maxAgeMs: 1000,
    coolDownMs: 100,
  });
});

const down = () => new IdentityProviderUnavailableError('down', { retryAfterSeconds: 10 });
const knownIds = () => [...(signingKeys.current?.pemByKeyId.keys() ?? [])];

describe('signing keys', () => {
  it('are known by key id and by thumbprint', async () => {
    published = [{ ...key('first'), x5t: 'thumbprint' }];
    const { issuer, pemByKeyId } = await signingKeys.get('thumbprint');
    expect(issuer).toBe(url);
    expect(pemByKeyId.get('first')).toMatch(/^-----BEGIN PUBLIC KEY-----/);
    expect(pemByKeyId.get('thumbprint')).toBe(pemByKeyId.get('first'));
  });

  it('are fetched once for all who ask at the same time', async () => {
    await Promise.all([signingKeys.get('first'), signingKeys.get('first'), signingKeys.refresh()]);
    expect(lookups).toBe(1);
  });

  it('are fetched in the background at half of their age: nobody waits', async () => {
    await signingKeys.get('first');
    time = 501;
    gate = new Promise(() => undefined);
    expect((await signingKeys.get('first')).pemByKeyId.has('first')).toBe(true);
    expect(lookups).toBe(2);
  });

  it('are fetched before they are used at their full age', async () => {
    await signingKeys.get('first');
    published = [key('second')];
    time = 1001;
    expect((await signingKeys.get('first')).pemByKeyId.has('first')).toBe(false);
  });

  it('stay in force while Entra ID is down, and cost no one a wait after the first attempt', async () => {
    await signingKeys.get('first');
    failure = down();
    time = 1001;
    expect((await signingKeys.get('first')).pemByKeyId.has('first')).toBe(true);
    gate = new Promise(() => undefined);
    time += 100;
    expect((await signingKeys.get('first')).pemByKeyId.has('first')).toBe(true);
    expect(lookups).toBe(3);
  });

  it('are replaced as a whole: a key that is no longer published is forgotten', async () => {
    await signingKeys.get('first');
    published = [key('second')];
    time = 100;
    await signingKeys.get('second');
    expect(knownIds()).toEqual(['second']);
  });

  it('are asked for again only when the cool-down after the last answer is over', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    gate = promise;
    failure = down();
    const first = signingKeys.get('first');
    time = 5_000; // the answer took that long
    resolve();
    await expect(first).rejects.toBe(failure);
    await expect(signingKeys.get('first')).rejects.toBe(failure);
    time += 99;
    await expect(signingKeys.get('first')).rejects.toBe(failure);
    expect(lookups).toBe(1);
    time += 1;
    failure = undefined;
    await signingKeys.get('first');
    expect(lookups).toBe(2);
  });

  it('that cannot be used leave the last good ones in force', async () => {
    await signingKeys.get('first');
    failure = new TypeError('not a key');
    time = 100;
    await expect(signingKeys.get('second')).rejects.toMatchObject({
      code: 'identity_provider_unavailable',
      facts: { retryAfterSeconds: 10 },
    });
    expect(knownIds()).toEqual(['first']);
    expect(warnings).toEqual([expect.stringContaining('the last good ones stay in force')]);
  });

  it('are refreshed without an error, whatever happens', async () => {
    failure = new TypeError('broken');
    await expect(signingKeys.refresh()).resolves.toBeUndefined();
    expect(signingKeys.current).toBeUndefined();
    expect(warnings).toEqual([expect.stringContaining('no caller can be let in')]);
    await expect(signingKeys.get('first')).rejects.toBeInstanceOf(IdentityProviderUnavailableError);
  });
});
