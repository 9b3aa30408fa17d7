import { afterEach, describe, expect, it } from '@jest/globals';
import { partnerClientId, partnerTenantId } from '../../../src/emulator/identities.ts';
import { createEntraTokenClient } from '../../../src/partner-credential/entra-token-client.ts';

// Answers of the token endpoint that the emulator never gives: broken ones, and those that only a proxy would.

const authority = 'https://login.example.test';
const issuer = `${authority}/${partnerTenantId}/v2.0`;
const client = createEntraTokenClient({
  clientId: partnerClientId,
  proof: { clientSecret: 'secret' },
  scope: 'https://pc.example.test/user_impersonation',
  getMetadata: async () => ({
    issuer,
    token_endpoint: `${authority}/token`,
    authorization_endpoint: `${authority}/authorize`,
    jwks_uri: `${authority}/keys`,
  }),
});

const realFetch = globalThis.fetch;
afterEach(() => {
  globalThis.fetch = realFetch;
});
function answerWith(body: unknown, { status = 200, headers = {} as Record<string, string> } = {}) {
  globalThis.fetch = async () => Response.json(body, { status, headers });
}

const redeem = () => client.redeem('refresh-token');
const secrets = { codeVerifier: 'v'.repeat(43), nonce: 'nonce' };
const exchange = () =>
  client.exchangeCode(new URL('https://gateway.example.test/callback?code=c&state=s'), 's', secrets);

const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
const tokens = (changes: Record<string, unknown> = {}) => {
  const now = Math.floor(Date.now() / 1000);
  const claims = { iss: issuer, aud: partnerClientId, sub: 'ada', iat: now, exp: now + 3600, nonce: 'nonce' };
  return {
    token_type: 'Bearer',
    access_token: 'access-token',
    refresh_token: 'next-refresh-token',
    expires_in: 3600,
    id_token: `${encode({ alg: 'RS256' })}.${encode({ ...claims, tid: partnerTenantId, ...changes })}.c2ln`,
  };
};

describe('a 200 that holds no tokens, as of a broken proxy', () => {
  it.each([{}, { access_token: 'x' }, { token_type: 'Bearer' }, [], 'text'])(
    'when a refresh token is redeemed, %j says nothing of the credential',
    async (body) => {
      answerWith(body);
      await expect(redeem()).rejects.toMatchObject({ code: 'identity_provider_unavailable' });
    },
  );

  it('when a code is exchanged, asks for a new sign-in', async () => {
    answerWith({});
    await expect(exchange()).rejects.toMatchObject({ code: 'partner_consent_required' });
  });

  it('whole tokens are taken', async () => {
    answerWith(tokens());
    expect(await exchange()).toMatchObject({ refreshToken: 'next-refresh-token', tenantId: partnerTenantId });
  });
});

describe('a challenge (WWW-Authenticate) is judged by what its body says', () => {
  it.each([
    {
      body: { error: 'interaction_required', error_codes: [50076] },
      status: 401,
      code: 'partner_mfa_required',
    },
    { body: { error: 'invalid_grant', error_codes: [50173] }, status: 401, code: 'partner_consent_required' },
    { body: { error: 'invalid_client', error_codes: [7000222] }, status: 401, code: 'upstream_rejected' },
    { body: { error: 7 }, status: 401, code: 'upstream_rejected' },
    { body: {}, status: 401, code: 'upstream_rejected' },
    { body: {}, status: 503, code: 'identity_provider_unavailable' },
    { body: null, status: 429, code: 'identity_provider_unavailable' },
  ])('$status $body → $code', async ({ body, status, code }) => {
    answerWith(body, { status, headers: { 'www-authenticate': 'Bearer realm="x"' } });
    await expect(redeem()).rejects.toMatchObject({ code });
  });
});

describe('a clock that is wrong is named', () => {
  const now = () => Math.floor(Date.now() / 1000);
  it.each([
    ['behind', () => ({ nbf: now() + 300, iat: now() + 300, exp: now() + 3900 })],
    ['ahead', () => ({ nbf: now() - 7500, iat: now() - 7500, exp: now() - 3900 })],
  ])('%s: the ID token is not valid now', async (_what, times) => {
    answerWith(tokens(times()));
    await expect(exchange()).rejects.toMatchObject({
      code: 'upstream_rejected',
      message: expect.stringMatching(/clock.*operator must set/),
    });
  });

  it('Entra ID says so of the assertion that is signed with the certificate', async () => {
    answerWith(
      { error: 'invalid_client', error_codes: [700024] },
      { status: 401, headers: { 'www-authenticate': 'Bearer' } },
    );
    await expect(redeem()).rejects.toMatchObject({
      code: 'upstream_rejected',
      message: expect.stringMatching(/clock.*operator must set/),
    });
  });
});
