import { createPrivateKey, X509Certificate } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { createCA, createCert } from 'mkcert';
import { Configuration, modifyAssertion, PrivateKeyJwt, refreshTokenGrant } from 'openid-client';
import type { Emulator } from '../../../src/emulator/emulator.ts';
import { partnerClientId, partnerClientSecret, partnerTenantId } from '../../../src/emulator/identities.ts';
import { claimsOf, getMetadata, postToken, redeem, startTrusted } from './entra-client.ts';

let emulator: Emulator;
beforeAll(async () => {
  emulator = await startTrusted();
});
beforeEach(() => emulator.entra.outage('none'));
afterAll(() => emulator.stop());

describe('refresh tokens of the partner', () => {
  it('yield an App+User access token for Partner Center, and a new refresh token', async () => {
    const refreshToken = await emulator.entra.issueRefreshToken();
    const { status, body } = await redeem(emulator, refreshToken);
    expect(status).toBe(200);
    expect(body).toMatchObject({
      token_type: 'Bearer',
      expires_in: 3600,
      scope: `${emulator.partnerCenterUrl}/user_impersonation`,
    });
    expect(claimsOf(body.access_token)).toMatchObject({
      aud: emulator.partnerCenterUrl,
      scp: 'user_impersonation',
      amr: ['pwd', 'mfa'],
      tid: partnerTenantId,
      upn: 'ada@partner.example',
      appid: partnerClientId,
    });
    expect(body.refresh_token).not.toBe(refreshToken);
  });

  it('stay valid after use, as at Entra ID, and keep the strength of the sign-in', async () => {
    const first = await emulator.entra.issueRefreshToken({ mfa: false });
    const second = (await redeem(emulator, first)).body.refresh_token;
    const third = (await redeem(emulator, second)).body.refresh_token;
    for (const token of [first, second, third, first]) {
      const { status, body } = await redeem(emulator, token);
      expect(status).toBe(200);
      expect(claimsOf(body.access_token).amr).toEqual(['pwd']);
    }
  });

  it('are redeemed with the secret in the Authorization header too', async () => {
    const basic = Buffer.from(`${partnerClientId}:${partnerClientSecret}`).toString('base64');
    const form = { grant_type: 'refresh_token', refresh_token: await emulator.entra.issueRefreshToken() };
    expect((await postToken(emulator, form, { authorization: `Basic ${basic}` })).status).toBe(200);
  });

  const tokens: Record<string, () => Promise<string>> = {
    fresh: () => emulator.entra.issueRefreshToken(),
    expired: () => emulator.entra.issueRefreshToken({ expiresInSeconds: -60 }),
    unknown: async () => 'unknown',
  };
  it.each([
    ['no fault but theirs', 'unknown', {}, 400, 'invalid_grant', 700082],
    ['an end in the past', 'expired', {}, 400, 'invalid_grant', 700082],
    ['a wrong secret', 'fresh', { client_secret: 'x' }, 401, 'invalid_client', 7000215],
    ['an unknown application', 'fresh', { client_id: 'x' }, 400, 'unauthorized_client', 700016],
    ['a scope never consented', 'fresh', { scope: 'https://x/y' }, 400, 'invalid_scope', 70011],
    ['another grant', 'fresh', { grant_type: 'x' }, 400, 'unsupported_grant_type', 70003],
  ])('with %s are refused as Entra ID words it', async (_what, token, form, status, error, code) => {
    const answer = await redeem(emulator, (await tokens[token]?.()) ?? '', { ...form });
    expect(answer.status).toBe(status);
    expect(answer.body).toEqual({
      error,
      error_description: expect.stringMatching(
        new RegExp(`^AADSTS${code}: .+\\r\\nTrace ID: .+\\r\\nCorrelation ID: `),
      ),
      error_codes: [code],
      timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ$/),
      trace_id: expect.any(String),
      correlation_id: expect.any(String),
    });
  });

  it('fail as ordered, as often as ordered, and are recorded without secrets', async () => {
    const refreshToken = await emulator.entra.issueRefreshToken();
    emulator.entra.next({ error: 'invalid_grant', code: 50076, suberror: 'basic_action' }, 2);
    const answers = [];
    for (let count = 0; count < 3; count += 1) answers.push(await redeem(emulator, refreshToken));
    expect(answers.map(({ status }) => status)).toEqual([400, 400, 200]);
    expect(answers[0]?.body).toMatchObject({ error_codes: [50076], suberror: 'basic_action' });
    const recorded = emulator.entra.requests();
    expect(recorded.slice(-3).map(({ grantType }) => grantType)).toEqual(Array(3).fill('refresh_token'));
    expect(JSON.stringify(recorded)).not.toContain(refreshToken);
  });

  it('cannot be made to fail in a way that is none', () => {
    expect(() => emulator.entra.next({ error: '', code: -1, status: 200 }, 0)).toThrow(
      /error must .*code must .*status must .*times must /,
    );
  });
});

describe('an application with a certificate', () => {
  it('proves itself by an assertion that names the certificate by its thumbprint', async () => {
    const ca = await createCA({
      organization: 'x',
      countryCode: 'US',
      state: 'x',
      locality: 'x',
      validity: 2,
    });
    const { cert, key } = await createCert({ ca, domains: ['partner'], validity: 1 });
    const other = await startTrusted({ partnerClientCertificate: cert });
    const metadata = await getMetadata(other.authority, partnerTenantId);
    const privateKey = createPrivateKey(key).toCryptoKey({ name: 'RSA-PSS', hash: 'SHA-256' }, false, [
      'sign',
    ]);
    async function redeemNaming(thumbprint: string) {
      const proof = PrivateKeyJwt(privateKey, {
        [modifyAssertion](header, payload) {
          header['x5t#S256'] = thumbprint;
          payload['aud'] = metadata.token_endpoint;
        },
      });
      const configuration = new Configuration({ ...metadata }, partnerClientId, {}, proof);
      return refreshTokenGrant(configuration, await other.entra.issueRefreshToken());
    }

    const fingerprint = new X509Certificate(cert).fingerprint256.replaceAll(':', '');
    const tokens = await redeemNaming(Buffer.from(fingerprint, 'hex').toString('base64url'));
    expect(claimsOf(tokens.access_token).aud).toBe(other.partnerCenterUrl);
    await expect(redeemNaming('another')).rejects.toMatchObject({ cause: { error_codes: [700027] } });
    expect(other.environment['PARTNER_CLIENT_SECRET']).toBeUndefined();
    await other.stop();
  });
});

describe('an outage of Entra ID', () => {
  const metadataUrl = () => `${emulator.authority}/${partnerTenantId}/v2.0/.well-known/openid-configuration`;

  it('can refuse connections', async () => {
    emulator.entra.outage('refuse-connections');
    await expect(fetch(metadataUrl())).rejects.toThrow('fetch failed');
  });

  it('can be a server error', async () => {
    emulator.entra.outage('server-error');
    expect(await redeem(emulator, 'any')).toMatchObject({
      status: 503,
      body: { error: 'temporarily_unavailable' },
    });
  });

  it('can be a page that is not JSON', async () => {
    emulator.entra.outage('not-json');
    expect(await (await fetch(metadataUrl())).text()).toContain('<html>');
  });

  it('can be silence', async () => {
    emulator.entra.outage('never-answers');
    await expect(fetch(metadataUrl(), { signal: AbortSignal.timeout(100) })).rejects.toThrow('timeout');
  });

  it('does not keep a test from issuing tokens, nor records that', async () => {
    emulator.entra.outage('refuse-connections');
    const recorded = emulator.entra.requests().length;
    expect(claimsOf(await emulator.entra.issueCallerToken({ user: 'alice' })).scp).toBeDefined();
    expect(emulator.entra.requests()).toHaveLength(recorded);
  });
});
