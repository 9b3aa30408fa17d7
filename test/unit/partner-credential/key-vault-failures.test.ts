import { describe, expect, it } from '@jest/globals';
import { toVaultFailure } from '../../../src/partner-credential/key-vault-failures.ts';

const names = { vaultUrl: 'https://upgrades.vault.azure.net', secretName: 'partner' };

// What can only happen in the real network; everything else is tried against the emulator.
describe('a failed call to Key Vault', () => {
  it.each<[string, object, object]>([
    ['an unknown name', { name: 'RestError', code: 'ENOTFOUND' }, { fault: 'notFound', isTransient: false }],
    ['name resolution that is down', { name: 'RestError', code: 'EAI_AGAIN' }, { fault: 'unreachable' }],
    [
      'a certificate that is not trusted',
      { name: 'RestError', code: 'SELF_SIGNED_CERT_IN_CHAIN' },
      { fault: 'unreachable' },
    ],
    [
      'no identity at all',
      { name: 'AggregateAuthenticationError', message: 'ChainedTokenCredential failed' },
      { fault: 'unauthenticated' },
    ],
    [
      'no network to Entra ID',
      { name: 'AuthenticationError', message: 'network_error: getaddrinfo ENOTFOUND' },
      { fault: 'unreachable' },
    ],
  ])('%s', (_what, error, expected) => {
    expect(toVaultFailure(error, names)).toMatchObject(expected);
  });

  it('keeps nothing of the request, which carries the token', () => {
    const error = {
      name: 'RestError',
      statusCode: 400,
      message: 'the value 1.AX-secret is bad',
      request: { body: '1.AX-secret', headers: { authorization: 'Bearer eyJ' } },
      details: { error: { code: 'BadParameter', message: '1.AX-secret' } },
    };
    const failure = toVaultFailure(error, names);
    expect(JSON.stringify([failure.message, failure.stack, failure.cause])).not.toMatch(/1\.AX|eyJ/);
    expect(failure.message).toContain('HTTP 400 BadParameter');
  });
});
