/**
 * Why a store cannot be used. `busy` and `unreachable` pass by themselves; the others stay until the operator acts.
 *
 * - `damaged`: there is something that is no partner credential, or no longer a whole one
 * - `wrongKey`: it is encrypted with another key
 * - `foreign`: it belongs to another partner or application
 * - `inaccessible`: the file or its folder cannot be read or written
 * - `deleted`: the secret, or its current version, is deleted or disabled
 * - `forbidden`: the gateway's identity lacks the right
 * - `unauthenticated`: the gateway has no identity that Entra ID or the vault accepts
 * - `notFound`: there is no such vault
 * - `busy`: throttled, or written by others all the time
 * - `unreachable`: no answer in time, or none that can be read
 */
export type CredentialStoreFault =
  | 'damaged'
  | 'wrongKey'
  | 'foreign'
  | 'inaccessible'
  | 'deleted'
  | 'forbidden'
  | 'unauthenticated'
  | 'notFound'
  | 'busy'
  | 'unreachable';

/**
 * The store cannot be used; the message says who must do what, and holds no secret. What is in the store is never
 * overwritten because of it: it may be the only credential there is.
 */
export class CredentialStoreError extends Error {
  override readonly name = 'CredentialStoreError';
  readonly fault: CredentialStoreFault;
  /** How long the store asked to be left alone. */
  readonly retryAfterSeconds: number | undefined;

  constructor(
    fault: CredentialStoreFault,
    message: string,
    { cause, retryAfterSeconds }: { readonly cause?: unknown; readonly retryAfterSeconds?: number } = {},
  ) {
    super(message, { cause });
    this.fault = fault;
    this.retryAfterSeconds = retryAfterSeconds;
  }

  /** Whether trying again later can help without anyone doing anything. */
  get isTransient(): boolean {
    return this.fault === 'busy' || this.fault === 'unreachable';
  }
}
