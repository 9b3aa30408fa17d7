/** An access token in the Azure SDK's shape. */
export interface AccessToken {
  readonly token: string;
  /** Epoch milliseconds. */
  readonly expiresOnTimestamp: number;
}

/** Gives App+User access tokens for Partner Center (Secure Application Model). */
export interface PartnerTokenCredential {
  /**
   * @param options.rejectedToken a token that Partner Center did not accept: another one is redeemed in its place
   * @throws {PartnerConsentRequiredError} a person must consent again
   * @throws {UpstreamRejectedError} the operator must fix the registration or its secret
   * @throws {IdentityProviderUnavailableError} Entra ID cannot be reached
   */
  getToken(options?: { readonly rejectedToken?: string }): Promise<AccessToken>;
}

/** The refresh token and what is known of it. Times are epoch milliseconds. */
export interface PartnerCredential {
  readonly refreshToken: string;
  /** When Entra ID issued this refresh token. */
  readonly issuedAt: number;
  /** When an admin agent last consented, and who: renewals hand both on. */
  readonly consentedAt?: number;
  readonly consentedBy?: string;
  /** Whether that sign-in carried MFA; left out where it is not known. */
  readonly hasMfa?: boolean;
}

/** What a store holds: the credential before the current one is kept until the current one has worked. */
export interface StoredCredential {
  readonly current: PartnerCredential;
  readonly previous?: PartnerCredential;
}

/** Keeps the partner credential. */
export interface CredentialStore {
  /**
   * What is stored; undefined if there is nothing.
   * @throws {CredentialStoreError} there is something that cannot be read, or the store cannot be reached
   */
  load(): Promise<StoredCredential | undefined>;
  /**
   * Makes `next` the current credential and keeps the one before it as the previous one; resolves once it is durable.
   * Several processes may save at once, and the same credential may be saved again: the strongest stays.
   * @returns false, and changes nothing, where `next` does not supersede what is stored (`supersedes`)
   * @throws {CredentialStoreError} nothing can be said of what is stored, or it cannot be replaced: save again
   */
  save(next: PartnerCredential): Promise<boolean>;
}

/** A redeemed refresh token: the access token, and the refresh token that succeeds the redeemed one. */
export interface RedeemedTokens {
  readonly accessToken: AccessToken;
  readonly refreshToken: string;
}

/** Exchanges a refresh token at Entra ID. It throws as `PartnerTokenCredential.getToken` does. */
export type RedeemRefreshToken = (refreshToken: string) => Promise<RedeemedTokens>;

/** What a sign-in is begun with and ended by: random values that only the gateway and the sign-in's address know. */
export interface SignInSecrets {
  readonly codeVerifier: string;
  readonly nonce: string;
}

/** What a finished sign-in yields: the tokens, and of the ID token the tenant that the person belongs to. */
export interface SignedInTokens extends RedeemedTokens {
  readonly tenantId?: string;
}

/** The browser's part of consent: the authorization-code flow at Entra ID. */
export interface EntraSignIn {
  /** The address at which an admin agent signs in. @throws {IdentityProviderUnavailableError} */
  buildAuthorizationUrl(state: string, secrets: SignInSecrets, redirectUri: string): Promise<string>;
  /** Exchanges the code in the address that the browser came back to. It throws as `getToken` does. */
  exchangeCode(callbackUrl: URL, state: string, secrets: SignInSecrets): Promise<SignedInTokens>;
}

/** Partner Center's own word on a token. */
export interface AccessAnswer {
  /** Whether it counts as one with MFA; left out where Partner Center does not say. */
  readonly isMfaCompliant?: boolean;
}

/**
 * Asks Partner Center, by a call that changes nothing, whether it accepts an access token.
 * @throws {GatewayError} it refuses the token, or does not answer
 */
export type CheckAccess = (accessToken: string, correlationId: string) => Promise<AccessAnswer>;

/** Who asked for consent. */
export interface ConsentAsker {
  readonly tenantId: string;
  readonly applicationId: string;
  readonly objectId: string;
}

/** A sign-in that was begun and has not come back yet. Times are epoch milliseconds. */
export interface ConsentSession {
  /** Names the consent in the log. */
  readonly consentId: string;
  /** SHA-256 of the one-time `state`, which itself is kept nowhere. */
  readonly stateHash: string;
  /** The sign-in's secrets, encrypted. */
  readonly sealedSecrets: string;
  readonly askedBy: ConsentAsker;
  readonly expiresAt: number;
}

/** How a consent ended; `detail` is a sentence for a person. */
export interface ConsentEnd {
  readonly isGranted: boolean;
  readonly reason: string;
  readonly detail: string;
}

/** Sign-ins under way, shared by all instances: one may begin what another finishes. */
export interface ConsentSessions {
  /** Keeps a session, and drops those that are long over and the oldest ones beyond a bound. */
  add(session: ConsentSession): Promise<void>;
  /** Hands out a session once: whoever asks again, at whichever instance, gets nothing. It may have expired. */
  take(stateHash: string): Promise<ConsentSession | undefined>;
  recordEnd(stateHash: string, end: ConsentEnd): Promise<void>;
  findEnd(stateHash: string): Promise<ConsentEnd | undefined>;
}

/** What became of one attempt to renew. */
export type RenewalOutcome =
  | 'renewed'
  | 'consentRequired'
  | 'mfaRequired'
  | 'operatorRequired'
  | 'unreachable';

export interface CredentialLog {
  info(facts: object, message: string): void;
  warn(facts: object, message: string): void;
  error(facts: object, message: string): void;
}
