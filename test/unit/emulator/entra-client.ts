import tls from 'node:tls';
import { type Emulator, type EmulatorOptions, startEmulator } from '../../../src/emulator/emulator.ts';
import { partnerClientId, partnerClientSecret, partnerTenantId } from '../../../src/emulator/identities.ts';

/** Starts an emulator whose certificate this process trusts from then on, also with `fetch`. */
export async function startTrusted(options: EmulatorOptions = {}): Promise<Emulator> {
  const emulator = await startEmulator(options);
  tls.setDefaultCACertificates([...tls.getCACertificates('default'), emulator.certificateAuthority]);
  return emulator;
}

export const claimsOf = (jwt: string) => part(jwt, 1);
export const headerOf = (jwt: string) => part(jwt, 0);

function part(jwt: string, index: number) {
  return JSON.parse(Buffer.from(jwt.split('.')[index] ?? '', 'base64url').toString());
}

export interface Metadata {
  issuer: string;
  token_endpoint: string;
  authorization_endpoint: string;
  jwks_uri: string;
}

export async function getMetadata(authority: string, tenantId: string, query = ''): Promise<Metadata> {
  const response = await fetch(`${authority}/${tenantId}/v2.0/.well-known/openid-configuration${query}`);
  // What is read of it is what the tests look at.
  return (await response.json()) as Metadata;
}

export interface Jwk {
  kid: string;
}

export async function getKeys(authority: string, tenantId: string): Promise<Jwk[]> {
  const response = await fetch(`${authority}/${tenantId}/discovery/v2.0/keys`);
  // As above.
  return ((await response.json()) as { keys: Jwk[] }).keys;
}

export interface TokenAnswer {
  access_token: string;
  refresh_token: string;
  error?: string;
}

/** Posts a form to the partner tenant's token endpoint. */
export async function postToken(
  { authority }: Emulator,
  form: Record<string, string>,
  headers: Record<string, string> = {},
): Promise<{ status: number; body: TokenAnswer }> {
  const response = await fetch(`${authority}/${partnerTenantId}/oauth2/v2.0/token`, {
    method: 'POST',
    headers,
    body: new URLSearchParams(form),
  });
  // As above.
  return { status: response.status, body: (await response.json()) as TokenAnswer };
}

/** Redeems a refresh token as the gateway does. */
export function redeem(emulator: Emulator, refreshToken: string, form: Record<string, string> = {}) {
  return postToken(emulator, {
    grant_type: 'refresh_token',
    refresh_token: refreshToken,
    client_id: partnerClientId,
    client_secret: partnerClientSecret,
    scope: `${emulator.partnerCenterUrl}/user_impersonation offline_access`,
    ...form,
  });
}

/** An App+User access token for Partner Center. */
export async function partnerToken(emulator: Emulator, options: { mfa?: boolean } = {}): Promise<string> {
  const { body } = await redeem(emulator, await emulator.entra.issueRefreshToken(options));
  return body.access_token;
}
