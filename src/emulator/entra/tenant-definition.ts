import type { ClientMetadata, Context, IssuedToken, Provider, ResourceServerInfo } from 'oidc-provider';
import type { EmulatedUser } from '../identities.ts';

/** What tells one tenant from another. */
export interface TenantDefinition {
  tenantId: string;
  clients: readonly ClientMetadata[];
  users: readonly EmulatedUser[];
  isRedirectUriAllowed(uri: string): boolean;
  /** Describes a resource that tokens may be asked for; throws `InvalidTarget` for others. */
  describeResource(resource: string): ResourceServerInfo;
  /** All claims of an access token about to be signed. */
  accessTokenClaims(context: Context, token: IssuedToken, times: TokenTimes): Record<string, unknown>;
  /** Throws when a client assertion does not name a certificate that is registered. */
  checkAssertionHeader?(header: Record<string, unknown>): void;
  /** Adds grants that the provider does not know. */
  extend?(provider: Provider): void;
}

/** Seconds since 1970. */
export interface TokenTimes {
  issuedAt: number;
  expiresAt: number;
}
