import { sign as signBytes } from 'node:crypto';
import {
  applications,
  callerAudience,
  callers,
  partnerClientId,
  partnerUsers,
  signInClientId,
} from '../identities.ts';
import type { Journal } from '../journal.ts';
import type { EntraRequest } from './entra-server.ts';
import type { Tenant } from './tenant.ts';
import type { RequestToken } from './token-client.ts';
import type { OutageKind, TokenFaults } from './token-faults.ts';

/** Whose token: a user's, an application's, or that of an application that has just this app role. */
export type CallerIdentity =
  | { user: keyof typeof callers }
  | { application: keyof typeof applications }
  | { role: string };

/** What a test or a command can make the emulated Entra ID do. */
export interface EntraControls {
  /** A caller's access token, from the real token endpoint over TLS, also during an outage. `version` default 2. */
  issueCallerToken(who: CallerIdentity, options?: { version?: 1 | 2 }): Promise<string>;
  /**
   * A refresh token of the partner application, as if an admin agent had just consented (with MFA unless `mfa` is false).
   * `expiresInSeconds`: default 90 days; 0 or less makes one that has expired.
   */
  issueRefreshToken(options?: RefreshTokenOptions): Promise<string>;
  /** A JWT of any content, signed (RSA, SHA-256) by the caller tenant's current key, whatever `header` says. */
  sign(payload: Record<string, unknown>, header?: Record<string, unknown>): Promise<string>;
  /** SPKI PEM of the caller tenant's current key. */
  publicKey(): Promise<string>;
  /** A new signing key for both tenants; the old one leaves the published keys at once. */
  rollSigningKeys(): Promise<void>;
  /** Lasts until `outage('none')`. `refuse-connections` destroys the socket of each request. */
  outage(kind: OutageKind): void;
  /** The token endpoint of the partner tenant fails like this, once or `times`. */
  next(failure: OrderedFailure, times?: number): void;
  /** The last 10,000 requests, oldest first. */
  requests(): readonly EntraRequest[];
  /**
   * The last 10,000 tokens, codes, verifiers and client secrets that went over the token endpoint, and issued refresh
   * tokens: for tests that look for them where they must not be.
   */
  secrets(): readonly string[];
}

export interface RefreshTokenOptions {
  mfa?: boolean | undefined;
  expiresInSeconds?: number | undefined;
}

export interface OrderedFailure {
  error: string;
  code: number;
  status?: number;
  suberror?: string;
}

export interface EntraControlParts {
  callerTenant: Tenant;
  partnerTenant: Tenant;
  partnerCenterUrl: string;
  faults: TokenFaults;
  journal: Journal<EntraRequest>;
  requestToken: RequestToken;
  secrets: Journal<string>;
}

export function createEntraControls(parts: EntraControlParts): EntraControls {
  const { callerTenant, partnerTenant, faults } = parts;
  return {
    async issueCallerToken(who, { version = 2 } = {}) {
      if (version !== 1 && version !== 2)
        throw new Error(`tokens are of version 1 or 2, not ${String(version)}`);
      return parts.requestToken(callerTenant.tenantId, { ...tokenForm(who), token_version: String(version) });
    },
    async issueRefreshToken(options = {}) {
      const refreshToken = await issueRefreshToken(partnerTenant, parts.partnerCenterUrl, options);
      parts.secrets.add(refreshToken);
      return refreshToken;
    },
    async sign(payload, header = {}) {
      const { kid, privateKey } = callerTenant.currentKey();
      const head = { typ: 'JWT', alg: 'RS256', kid, ...header };
      const content = `${encode(head)}.${encode(payload)}`;
      return `${content}.${signBytes('sha256', Buffer.from(content), privateKey).toString('base64url')}`;
    },
    publicKey: async () =>
      callerTenant.currentKey().publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    async rollSigningKeys() {
      await Promise.all([callerTenant.rollKeys(), partnerTenant.rollKeys()]);
    },
    outage: (kind) => faults.setOutage(kind),
    next: (failure, times = 1) => faults.add(failure, times),
    requests: () => parts.journal.entries(),
    secrets: () => parts.secrets.entries(),
  };
}

function tokenForm(who: CallerIdentity): Record<string, string> {
  const scope = `api://${callerAudience}/.default`;
  if ('user' in who) {
    const user = callers[who.user];
    if (!user) throw new Error(`there is no user ${who.user}, only ${Object.keys(callers).join(', ')}`);
    return {
      grant_type: 'password',
      client_id: signInClientId,
      username: user.name,
      password: user.name,
      scope,
    };
  }
  if (!('application' in who) && !('role' in who)) throw new Error('name a user, an application or a role');
  const name = 'application' in who ? who.application : 'portal';
  const application = applications[name];
  if (!application) {
    throw new Error(`there is no application ${name}, only ${Object.keys(applications).join(', ')}`);
  }
  return {
    grant_type: 'client_credentials',
    client_id: application.clientId,
    client_secret: application.clientSecret,
    scope,
    ...('role' in who ? { role: who.role } : {}),
  };
}

async function issueRefreshToken(
  tenant: Tenant,
  resource: string,
  { mfa = true, expiresInSeconds }: RefreshTokenOptions,
): Promise<string> {
  if (expiresInSeconds !== undefined && !Number.isFinite(expiresInSeconds)) {
    throw new Error('expiresInSeconds must be a number of seconds');
  }
  const provider = tenant.provider();
  const client = await provider.Client.find(partnerClientId);
  if (!client) throw new Error('the partner application is not registered');
  const user = mfa ? partnerUsers.ada : partnerUsers.nora;
  const scope = `openid profile offline_access ${resource}/user_impersonation ${resource}/.default`;
  const grant = new provider.Grant({ accountId: user.objectId, clientId: partnerClientId });
  grant.addOIDCScope(scope);
  grant.addResourceScope(resource, scope);
  const nowSeconds = Math.floor(Date.now() / 1000);
  const token = new provider.RefreshToken({
    accountId: user.objectId,
    client,
    grantId: await grant.save(),
    gty: 'authorization_code',
    amr: [...user.authenticationMethods],
    authTime: nowSeconds,
    resource,
    scope,
    ...(expiresInSeconds === undefined ? {} : { exp: nowSeconds + Math.floor(expiresInSeconds) }),
  });
  return token.save();
}

function encode(value: Record<string, unknown>): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
