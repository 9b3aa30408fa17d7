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
  /** When an admin agent last consented, and who: renewals hand both on. Unknown for one that was adopted. */
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
