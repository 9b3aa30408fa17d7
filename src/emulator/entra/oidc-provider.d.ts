/**
 * The part of oidc-provider 9 that the emulator uses; the package ships no types.
 * https://github.com/panva/node-oidc-provider/blob/main/docs/README.md
 */
declare module 'oidc-provider' {
  import type { IncomingMessage, ServerResponse } from 'node:http';

  export interface ClientMetadata {
    client_id: string;
    client_secret?: string;
    redirect_uris: string[];
    response_types: string[];
    grant_types: string[];
    token_endpoint_auth_method: 'none' | 'client_secret_post' | 'client_secret_basic' | 'private_key_jwt';
    jwks?: { keys: readonly Record<string, unknown>[] };
  }
  export interface Client {
    readonly clientId: string;
    readonly clientAuthMethod: string;
    redirectUriAllowed(uri: string): boolean;
  }
  export interface ResourceServerInfo {
    scope: string;
    audience: string;
    accessTokenFormat: 'jwt';
    accessTokenTTL: number;
    jwt: { sign: { alg: 'RS256' } };
  }
  export interface ResourceServer {
    identifier(): string;
  }
  export interface Grant {
    addOIDCScope(scope: string): void;
    addResourceScope(resource: string, scope: string): void;
    save(ttlSeconds?: number): Promise<string>;
  }
  export interface IssuedToken {
    readonly kind: string;
    readonly accountId?: string;
    readonly client?: Client;
    readonly clientId: string;
    readonly amr?: string[];
    readonly expiration: number;
    readonly tokenType: string;
    resourceServer?: ResourceServer;
    scope?: string;
    save(): Promise<string>;
  }
  export interface TokenInput {
    accountId: string;
    client: Client;
    grantId?: string;
    gty: string;
    amr?: string[];
    authTime?: number;
    resource?: string;
    scope?: string;
    exp?: number;
    expiresIn?: number;
  }
  export interface Account {
    accountId: string;
    claims(): Record<string, unknown>;
  }
  /** The Koa context as far as it is looked at. */
  export interface Context {
    readonly req: IncomingMessage;
    readonly res: ServerResponse;
    readonly path: string;
    status: number;
    body: unknown;
    readonly response: { get(name: string): string };
    set(name: string, value: string): void;
    readonly oidc: {
      readonly route?: string;
      readonly body?: Record<string, unknown>;
      readonly params: Record<string, string | undefined>;
      readonly client: Client;
      readonly provider: Provider;
      readonly entities: {
        AuthorizationCode?: IssuedToken;
        RefreshToken?: IssuedToken;
        Client?: Client;
      };
      entity(name: string, value: unknown): void;
    };
  }
  export interface StructuredToken {
    header?: Record<string, unknown>;
    payload: Record<string, unknown> & { iat: number; exp: number };
  }
  export interface Interaction {
    readonly uid: string;
    readonly params: Record<string, string | undefined>;
  }
  export interface Adapter {
    upsert(id: string, payload: Record<string, unknown>): Promise<void>;
    find(id: string | undefined): Promise<Record<string, unknown> | undefined>;
    findByUid(uid: string): Promise<Record<string, unknown> | undefined>;
    findByUserCode(userCode: string): Promise<Record<string, unknown> | undefined>;
    consume(id: string): Promise<void>;
    destroy(id: string): Promise<void>;
    revokeByGrantId(grantId: string): Promise<void>;
  }
  export class Provider {
    constructor(issuer: string, configuration: Record<string, unknown>);
    readonly Client: { find(id: string): Promise<Client | undefined>; prototype: Client };
    readonly Grant: new (input: {
      accountId: string;
      clientId: string;
    }) => Grant;
    readonly AccessToken: new (
      input: TokenInput,
    ) => IssuedToken;
    readonly RefreshToken: new (
      input: TokenInput,
    ) => IssuedToken;
    readonly ResourceServer: new (
      identifier: string,
      info: ResourceServerInfo,
    ) => ResourceServer;
    callback(): (request: IncomingMessage, response: ServerResponse) => Promise<void>;
    use(middleware: (context: Context, next: () => Promise<void>) => Promise<void>): this;
    on(event: string, listener: (context: Context, error: OIDCProviderError) => void): this;
    registerGrantType(name: string, handler: (context: Context) => Promise<void>, parameters: string[]): void;
    interactionDetails(request: IncomingMessage, response: ServerResponse): Promise<Interaction>;
    interactionFinished(
      request: IncomingMessage,
      response: ServerResponse,
      result: Record<string, unknown>,
      options?: { mergeWithLastSubmission: boolean },
    ): Promise<void>;
  }
  export class OIDCProviderError extends Error {
    readonly error: string;
    readonly error_description?: string;
    readonly error_detail?: string;
    readonly statusCode: number;
  }
  export const errors: {
    InvalidClientAuth: new (detail: string) => OIDCProviderError;
    InvalidGrant: new (detail: string) => OIDCProviderError;
    InvalidTarget: new (description?: string) => OIDCProviderError;
  };
}
