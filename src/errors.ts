/**
 * Every failure that the gateway explains. Each is named for what it means and knows nothing of HTTP;
 * `http/problems.ts` says how each is answered. The codes are public API: added, never renamed.
 */

/** One fault of an input: where it is, and what is wrong with it. */
export interface Fault {
  readonly path: string;
  readonly message: string;
}

/** What Microsoft's support asks for about a call to Partner Center. */
export interface UpstreamReference {
  readonly status?: number;
  readonly code?: string;
  readonly requestId?: string;
  readonly correlationId?: string;
  readonly cv?: string;
}

/** What is known about a failure beside its sentence. */
export interface FailureFacts {
  readonly cause?: unknown;
  readonly faults?: readonly Fault[];
  /** The permission that would have been enough. */
  readonly permission?: string;
  readonly retryAfterSeconds?: number;
  readonly upgradeId?: string;
  readonly upstream?: UpstreamReference;
}

/** A failure whose message may be shown to the caller: it holds no secret and no upstream text that we do not know. */
export abstract class GatewayError extends Error {
  abstract readonly code: string;
  readonly facts: Omit<FailureFacts, 'cause'>;

  constructor(message: string, { cause, ...facts }: FailureFacts = {}) {
    super(message, { cause });
    this.name = new.target.name;
    this.facts = facts;
  }
}

/** The input has faults; every one of them is listed. */
export class InvalidRequestError extends GatewayError {
  readonly code = 'invalid_request';
}
/** No token came with the request. */
export class AuthenticationRequiredError extends GatewayError {
  readonly code = 'authentication_required';
}
/** A token came with the request, and it is no good. */
export class InvalidTokenError extends GatewayError {
  readonly code = 'authentication_required';
}
/** The caller is known and lacks the permission. */
export class PermissionDeniedError extends GatewayError {
  readonly code = 'permission_denied';
}
/** The first request with this idempotency key is still running. */
export class IdempotencyKeyInUseError extends GatewayError {
  readonly code = 'idempotency_key_in_use';
}
/** The idempotency key belongs to another order of the same caller. */
export class IdempotencyKeyReusedError extends GatewayError {
  readonly code = 'idempotency_key_reused';
}
/** The ledger's database cannot be used. What needs to be durable first is not begun. */
export class LedgerUnavailableError extends GatewayError {
  readonly code = 'ledger_unavailable';
}
/** The gateway, or Partner Center, knows no such upgrade. */
export class UpgradeNotFoundError extends GatewayError {
  readonly code = 'upgrade_not_found';
}
/** An upgrade of the customer is under way; `upgradeId` names it where it is known. */
export class UpgradeAlreadyInProgressError extends GatewayError {
  readonly code = 'upgrade_already_in_progress';
}
/** The customer’s upgrade is complete; `upgradeId` names it where it is known. */
export class UpgradeAlreadyCompletedError extends GatewayError {
  readonly code = 'upgrade_already_completed';
}
/** Partner Center refuses the customer for a business reason; the message says what to do. */
export class CustomerNotEligibleError extends GatewayError {
  readonly code = 'customer_not_eligible';
}
/** Partner Center does not know the customer, or the partner has no relationship with it. */
export class CustomerNotFoundError extends GatewayError {
  readonly code = 'customer_not_found';
}
/** Partner Center limits the partner’s calls; `retryAfterSeconds` says for how long. */
export class UpstreamThrottledError extends GatewayError {
  readonly code = 'upstream_throttled';
}
/** The stored partner credential no longer yields tokens; an admin agent must consent again. */
export class PartnerConsentRequiredError extends GatewayError {
  readonly code = 'partner_consent_required';
}
/** Partner Center wants a credential whose sign-in carried MFA; refreshing does not help. */
export class PartnerMfaRequiredError extends GatewayError {
  readonly code = 'partner_mfa_required';
}
/** Entra ID is down or cannot be read: tokens can be neither verified nor obtained. */
export class IdentityProviderUnavailableError extends GatewayError {
  readonly code = 'identity_provider_unavailable';
}
/** Partner Center cannot be reached, or has a fault of its own. */
export class UpstreamUnavailableError extends GatewayError {
  readonly code = 'upstream_unavailable';
}
/** An answer that we cannot read: no usable `Location`, broken JSON, another id than the one asked for. */
export class UpstreamContractViolatedError extends GatewayError {
  readonly code = 'upstream_contract_violated';
}
/** A refusal that is ours to fix: rights, audience, client secret, configuration. */
export class UpstreamRejectedError extends GatewayError {
  readonly code = 'upstream_rejected';
}
/** No answer in time. */
export class UpstreamTimeoutError extends GatewayError {
  readonly code = 'upstream_timeout';
}
