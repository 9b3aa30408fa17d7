import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import * as openid from 'openid-client';
import type { Emulator } from '../../../src/emulator/emulator.ts';
import {
  partnerClientId,
  partnerClientSecret,
  partnerTenantId,
  partnerUsers,
} from '../../../src/emulator/identities.ts';
import { claimsOf, redeem, startTrusted } from './entra-client.ts';

let emulator: Emulator;
beforeAll(async () => {
  emulator = await startTrusted();
});
afterAll(() => emulator.stop());

describe('consent in the browser', () => {
  it.each([
    { user: partnerUsers.ada, amr: ['pwd', 'mfa'] },
    { user: partnerUsers.nora, amr: ['pwd'] },
    { user: partnerUsers.eve, amr: ['pwd', 'mfa'] },
  ])('by $user.name ends at the gateway with tokens that show who consented', async ({ user, amr }) => {
    const flow = await startConsent();
    const callback = await flow.choose(user.name);
    expect(callback.searchParams.has('iss')).toBe(false);
    const tokens = await openid.authorizationCodeGrant(flow.configuration, callback, {
      pkceCodeVerifier: flow.verifier,
      expectedState: 'state-1',
      expectedNonce: 'nonce-1',
    });
    expect(tokens.claims()).toMatchObject({ oid: user.objectId, tid: user.tenantId, name: user.displayName });
    expect(claimsOf(tokens.access_token)).toMatchObject({ oid: user.objectId, tid: user.tenantId, amr });
    const again = await redeem(emulator, tokens.refresh_token ?? '');
    expect(claimsOf(again.body.access_token)).toMatchObject({ oid: user.objectId, amr });
  });

  it('lists those who can sign in, with a button each', async () => {
    const { page } = await startConsent();
    expect(page.match(/<button id="\w+"/g)).toEqual(
      ['ada', 'nora', 'eve', 'decline'].map((id) => `<button id="${id}"`),
    );
    for (const text of [
      'admin agent, with MFA',
      'admin agent, password only (no MFA)',
      'user of another tenant',
    ]) {
      expect(page).toContain(text);
    }
  });

  it('can be declined', async () => {
    const callback = await (await startConsent()).choose('');
    expect(callback.searchParams.get('error')).toBe('access_denied');
    expect(callback.searchParams.get('error_description')).toContain('AADSTS65004');
    expect(callback.searchParams.get('state')).toBe('state-1');
  });

  it('asks who signs in each time, also where somebody did before', async () => {
    const first = await startConsent();
    await first.choose('ada');
    const second = await startConsent(first.cookies);
    expect(second.page).toContain('Pick an account');
  });

  it('says so where the sign-in is over', async () => {
    const response = await fetch(`${emulator.authority}/${partnerTenantId}/emulator/sign-in/none`);
    expect(response.status).toBe(400);
    expect(await response.text()).toContain('Start again');
  });

  it.each(['https://attacker.example/v1/partner-consent/callback', 'http://localhost:8080/another/path'])(
    'does not send the browser to %s, which is not registered',
    async (redirectUri) => {
      const { url } = await authorizationUrl(redirectUri);
      const response = await fetch(url, { redirect: 'manual', headers: { accept: 'text/html' } });
      expect(response.status).toBe(400);
      expect(await response.text()).toContain('redirect_uri');
    },
  );
});

async function authorizationUrl(redirectUri: string) {
  const configuration = await openid.discovery(
    new URL(`${emulator.authority}/${partnerTenantId}/v2.0`),
    partnerClientId,
    {},
    openid.ClientSecretPost(partnerClientSecret),
  );
  const verifier = openid.randomPKCECodeVerifier();
  const url = openid.buildAuthorizationUrl(configuration, {
    redirect_uri: redirectUri,
    scope: `openid profile offline_access ${emulator.partnerCenterUrl}/user_impersonation`,
    code_challenge: await openid.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    state: 'state-1',
    nonce: 'nonce-1',
    prompt: 'select_account',
  });
  return { configuration, verifier, url };
}

/** A browser in miniature: follows redirects by hand and carries cookies. */
async function startConsent(cookies = new Map<string, string>()) {
  const { configuration, verifier, url } = await authorizationUrl(
    'http://127.0.0.1:54321/v1/partner-consent/callback',
  );
  async function go(target: string, init: RequestInit = {}) {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const response = await fetch(target, { ...init, redirect: 'manual', headers: { cookie } });
    for (const line of response.headers.getSetCookie()) {
      const [pair = ''] = line.split(';');
      cookies.set(pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1));
    }
    return response;
  }
  const locationOf = (response: Response) =>
    new URL(response.headers.get('location') ?? '', emulator.authority).href;
  const signInUrl = locationOf(await go(url.href));
  const page = await (await go(signInUrl)).text();
  async function choose(user: string) {
    const resume = locationOf(await go(signInUrl, { method: 'POST', body: new URLSearchParams({ user }) }));
    return new URL(locationOf(await go(resume)));
  }
  return { configuration, verifier, page, cookies, choose };
}
