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
  readonly issuedAt: number;
}

/** Keeps the partner credential. */
export interface CredentialStore {
  /** The stored credential; undefined if there is none. Throws if there is one that cannot be read. */
  load(): Promise<PartnerCredential | undefined>;
  /** Resolves once the credential is durable; the one before it is there until then. */
  save(credential: PartnerCredential): Promise<void>;
}

/** A redeemed refresh token: the access token, and the refresh token that succeeds the redeemed one. */
export interface RedeemedTokens {
  readonly accessToken: AccessToken;
  readonly refreshToken: string;
}

/** Exchanges a refresh token at Entra ID. It throws as `PartnerTokenCredential.getToken` does. */
export type RedeemRefreshToken = (refreshToken: string) => Promise<RedeemedTokens>;
