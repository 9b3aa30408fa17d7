import { type GatewayError, IdentityProviderUnavailableError, UpstreamRejectedError } from '../errors.ts';
import { CredentialStoreError } from './credential-store-error.ts';

/** What a store fault without an own word on it is waited for. */
const retryAfterSeconds = 10;

/** A store that is away for now: what is in memory is good enough meanwhile. */
export const isTransientStoreFault = (error: unknown): boolean =>
  error instanceof CredentialStoreError && error.isTransient;

/** A fault of the store in the words of whoever needs a token, with the store's own sentence: it holds no secret. */
export function toStoreFailure(error: CredentialStoreError): GatewayError {
  if (!error.isTransient) return new UpstreamRejectedError(error.message, { cause: error });
  return new IdentityProviderUnavailableError(error.message, {
    cause: error,
    retryAfterSeconds: error.retryAfterSeconds ?? retryAfterSeconds,
  });
}
