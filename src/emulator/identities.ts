/**
 * Who exists at the emulated Entra ID. Fixed, so that configuration, documentation and tests can name them.
 * The secrets are no secrets: they open nothing but an emulator on this machine.
 */

/** A person who can sign in. */
export interface EmulatedUser {
  /** Short name: the username for `grant_type=password`, and its password. */
  name: string;
  displayName: string;
  userPrincipalName: string;
  objectId: string;
  /** At Entra ID a user's `sub` differs per application and is never the `oid`. */
  subject: string;
  /** The user's home tenant. */
  tenantId: string;
  /** Delegated permissions (scopes) of our API; empty for users of the partner tenant. */
  scopes: readonly string[];
  /** How the user signs in: `['pwd']` or, with a second factor, `['pwd', 'mfa']`. */
  authenticationMethods: readonly string[];
}

/** An application that gets tokens for itself. */
export interface EmulatedApplication {
  clientId: string;
  clientSecret: string;
  /** Object id of its service principal: `oid`, and `sub`, of its tokens. */
  objectId: string;
  /** Application permissions (app roles) of our API. */
  appRoles: readonly string[];
}

export const callerTenantId = '5b1f3c3e-9d0f-4b73-8d0c-2f6a1d7c9e10';
/** Application id of the gateway's API, the audience of callers' tokens. */
export const callerAudience = 'c0a86a12-7d1b-4f0e-9a37-6f3d1f6e2b51';
/** Public client through which users sign in (a web app of the partner). */
export const signInClientId = '7e9d3a54-0c6b-4f6e-8b8d-4a2f9c1e7d32';

export const partnerTenantId = 'a7d2c9f4-3e58-4c1b-b6a0-91e4d5f20c68';
/** The partner's consented web application. */
export const partnerClientId = '2f4b8e6a-51c7-4d39-a0e2-c83b7d9f1e45';
export const partnerClientSecret = 'emulator-partner-secret';
/** Object id of the partner application's service principal, for app-only tokens, which Partner Center refuses. */
export const partnerApplicationObjectId = 'd3c5e7f9-1b2a-4c6d-8e0f-a1b2c3d4e5f6';
/**
 * What the gateway itself is at Azure, for Key Vault: apart from the application that the partner consented to, as a
 * managed identity is.
 */
export const gatewayIdentity = {
  clientId: '4e1d7c3b-8a52-4f96-b0e7-2c9d6a5f3b18',
  clientSecret: 'emulator-gateway-identity-secret',
  objectId: '5a9e0b7d-3c14-4d68-9f2a-7b8c1d6e4f03',
} as const;
/** A tenant that has nothing to do with the partner. */
export const foreignTenantId = 'e1f0d9c8-b7a6-4958-8473-625140312f0e';

export const callers = {
  alice: {
    name: 'alice',
    displayName: 'Alice Order',
    userPrincipalName: 'alice@callers.example',
    objectId: '11111111-a11c-4e00-8000-000000000001',
    subject: 'kQ1xW8v0alice_pairwise_subject_3m6T2b9',
    tenantId: callerTenantId,
    scopes: ['ProductUpgrade.ReadWrite'],
    authenticationMethods: ['pwd'],
  },
  bob: {
    name: 'bob',
    displayName: 'Bob Reader',
    userPrincipalName: 'bob@callers.example',
    objectId: '22222222-b0b0-4e00-8000-000000000002',
    subject: 'pL7zR4c2bob_pairwise_subject_8n5Y1d0',
    tenantId: callerTenantId,
    scopes: ['ProductUpgrade.Read'],
    authenticationMethods: ['pwd'],
  },
  admin: {
    name: 'admin',
    displayName: 'Amal Admin',
    userPrincipalName: 'admin@callers.example',
    objectId: '33333333-ad31-4e00-8000-000000000003',
    subject: 'tB5qN9e6admin_pairwise_subject_1k4U7f3',
    tenantId: callerTenantId,
    scopes: ['PartnerConsent.Manage', 'ProductUpgrade.ReadWrite'],
    authenticationMethods: ['pwd', 'mfa'],
  },
} as const satisfies Record<string, EmulatedUser>;

export const applications = {
  portal: {
    clientId: '9a6f2d18-4b3c-4e57-8f1d-0c7b5a3e9d24',
    clientSecret: 'emulator-portal-secret',
    objectId: '44444444-b0a1-4e00-8000-000000000004',
    appRoles: ['ProductUpgrade.ReadWrite.All'],
  },
  reader: {
    clientId: '0d4c8b72-6e1f-4a95-b3d8-5f2e7c9a1b06',
    clientSecret: 'emulator-reader-secret',
    objectId: '55555555-4ead-4e00-8000-000000000005',
    appRoles: ['ProductUpgrade.Read.All'],
  },
  nobody: {
    clientId: '6c2e9f41-8d5a-4b07-9e63-1a4f7d0b8c39',
    clientSecret: 'emulator-nobody-secret',
    objectId: '66666666-0b0d-4e00-8000-000000000006',
    appRoles: [],
  },
} as const satisfies Record<string, EmulatedApplication>;

/** Those who can sign in at the partner tenant to consent. */
export const partnerUsers = {
  ada: {
    name: 'ada',
    displayName: 'Ada Admin',
    userPrincipalName: 'ada@partner.example',
    objectId: '77777777-ada0-4e00-8000-000000000007',
    subject: 'zX3vM6h8ada_pairwise_subject_2j9S5g7',
    tenantId: partnerTenantId,
    scopes: [],
    authenticationMethods: ['pwd', 'mfa'],
  },
  nora: {
    name: 'nora',
    displayName: 'Nora',
    userPrincipalName: 'nora@partner.example',
    objectId: '88888888-0a0a-4e00-8000-000000000008',
    subject: 'cF8wK1j4nora_pairwise_subject_6h3R0a5',
    tenantId: partnerTenantId,
    scopes: [],
    authenticationMethods: ['pwd'],
  },
  eve: {
    name: 'eve',
    displayName: 'Eve',
    userPrincipalName: 'eve@elsewhere.example',
    objectId: '99999999-e0e0-4e00-8000-000000000009',
    subject: 'dG2yL5k7eve_pairwise_subject_9g8Q4c1',
    tenantId: foreignTenantId,
    scopes: [],
    authenticationMethods: ['pwd', 'mfa'],
  },
} as const satisfies Record<string, EmulatedUser>;
