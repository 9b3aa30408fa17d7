/**
 * Every problem that the gateway answers: its HTTP status, its title, and what it means with what to do about it (the
 * page behind `type`). The codes are public API: added, never renamed.
 */
export interface ProblemKind {
  readonly status: number;
  readonly title: string;
  readonly meaning: string;
  readonly whatToDo: string;
}

export const problemKinds = {
  invalid_request: {
    status: 400,
    title: 'The request has faults',
    meaning: 'The body, path, query or a header fails validation. Nothing was done.',
    whatToDo: 'Fix every fault that `errors` lists, then send the request again.',
  },
  authentication_required: {
    status: 401,
    title: 'A valid access token is required',
    meaning: 'No token came with the request, or one that has expired or is meant for another API or tenant.',
    whatToDo: 'Get an access token of Entra ID for this API and send it in the Authorization header.',
  },
  permission_denied: {
    status: 403,
    title: 'The token lacks the permission',
    meaning: 'The token is valid and does not carry the permission that this operation needs.',
    whatToDo:
      'Have an administrator grant the scope (users) or the app role (applications) that WWW-Authenticate names.',
  },
  not_found: {
    status: 404,
    title: 'There is nothing here',
    meaning: 'No resource has this address.',
    whatToDo: 'Compare the address with the API description at /docs.',
  },
  upgrade_not_found: {
    status: 404,
    title: 'The upgrade is not known',
    meaning: 'The gateway, or Partner Center, knows no upgrade with this id.',
    whatToDo:
      'Check the upgrade id. If the upgrade was ordered elsewhere, ask for the customer’s eligibility first.',
  },
  method_not_allowed: {
    status: 405,
    title: 'The method is not allowed here',
    meaning: 'The resource exists and does not answer this method.',
    whatToDo: 'Use one of the methods that the Allow header lists.',
  },
  not_acceptable: {
    status: 406,
    title: 'No acceptable representation',
    meaning: 'The gateway answers JSON, which the Accept header excludes.',
    whatToDo: 'Send Accept: application/json.',
  },
  payload_too_large: {
    status: 413,
    title: 'The body is too large',
    meaning: 'A request body may be at most 16 kB.',
    whatToDo: 'Send the two documented fields and nothing else.',
  },
  unsupported_media_type: {
    status: 415,
    title: 'The body is not JSON',
    meaning: 'A body must be uncompressed JSON in UTF-8.',
    whatToDo: 'Send Content-Type: application/json.',
  },
  upgrade_already_in_progress: {
    status: 409,
    title: 'An upgrade is already in progress',
    meaning:
      'The customer’s upgrade has been ordered already and is not done yet. Nothing was ordered by this request.',
    whatToDo:
      'Follow the existing upgrade at `statusUrl`. Without a `statusUrl`, the outcome of an earlier order is still being found out: wait as long as Retry-After says, then send the request again.',
  },
  upgrade_already_completed: {
    status: 409,
    title: 'The customer has been upgraded already',
    meaning: 'The customer’s upgrade is complete. Nothing was ordered.',
    whatToDo: 'Nothing. `statusUrl` shows the completed upgrade.',
  },
  idempotency_key_in_use: {
    status: 409,
    title: 'The order with this key is still running',
    meaning:
      'An earlier request with the same Idempotency-Key has no outcome yet. Nothing was ordered by this one.',
    whatToDo: 'Wait as long as Retry-After says, then send the same request with the same key again.',
  },
  idempotency_key_reused: {
    status: 422,
    title: 'The idempotency key belongs to another order',
    meaning:
      'The same Idempotency-Key was sent before with another body. Nothing was ordered by this request.',
    whatToDo: 'Use a new key for each order, and the same key only to repeat the same one.',
  },
  ledger_unavailable: {
    status: 503,
    title: 'The ledger is unavailable',
    meaning: 'The gateway’s database cannot be used. No order is begun that could not be remembered.',
    whatToDo:
      'Wait as long as Retry-After says, then send the request again; an order with the same Idempotency-Key.',
  },
  customer_not_eligible: {
    status: 422,
    title: 'The customer cannot be upgraded',
    meaning: 'Partner Center refuses the customer for a business reason, which `detail` names.',
    whatToDo: 'Do what `detail` says. Where `retryAfterSeconds` is given, waiting helps.',
  },
  customer_not_found: {
    status: 404,
    title: 'The customer is not known',
    meaning: 'Partner Center does not know the customer, or the partner has no relationship with it.',
    whatToDo: 'Check the customer’s tenant id and the reseller relationship in Partner Center.',
  },
  upstream_throttled: {
    status: 503,
    title: 'Partner Center throttles the partner',
    meaning: 'The partner made more calls than Partner Center allows.',
    whatToDo: 'Wait as long as Retry-After says, then send the request again.',
  },
  partner_consent_required: {
    status: 503,
    title: 'The partner must consent again',
    meaning: 'The gateway’s partner credential is missing or no longer yields tokens.',
    whatToDo: 'An admin agent of the partner must grant consent; callers can only wait.',
  },
  partner_mfa_required: {
    status: 503,
    title: 'The partner must consent again, with MFA',
    meaning: 'Partner Center takes only credentials that were granted with multi-factor authentication.',
    whatToDo: 'An admin agent of the partner must grant consent again and use MFA; callers can only wait.',
  },
  identity_provider_unavailable: {
    status: 503,
    title: 'Entra ID is unavailable',
    meaning: 'Entra ID cannot be reached, so tokens can be neither verified nor obtained.',
    whatToDo: 'Wait as long as Retry-After says, then send the request again.',
  },
  upstream_unavailable: {
    status: 503,
    title: 'Partner Center is unavailable',
    meaning: 'Partner Center cannot be reached, or has a fault of its own.',
    whatToDo: 'Wait as long as Retry-After says, then send the request again.',
  },
  upstream_contract_violated: {
    status: 502,
    title: 'Partner Center’s answer cannot be read',
    meaning: 'Partner Center answered something else than what it documents.',
    whatToDo:
      'For an order, ask for the customer’s eligibility: it names an upgrade that is in place. Tell the operator.',
  },
  upstream_rejected: {
    status: 502,
    title: 'Partner Center refuses the gateway',
    meaning: 'The gateway’s own rights or configuration are at fault, not the caller’s request.',
    whatToDo: 'Tell the operator of the gateway, with the correlation id.',
  },
  upstream_timeout: {
    status: 504,
    title: 'Partner Center did not answer in time',
    meaning: 'The call was sent and no answer came. An order may have been accepted all the same.',
    whatToDo:
      'For an order, send it again with the same Idempotency-Key: one that was accepted is found and not started twice.',
  },
  internal_error: {
    status: 500,
    title: 'The gateway has a fault',
    meaning: 'Something happened that the gateway did not foresee.',
    whatToDo: 'Tell the operator of the gateway, with the correlation id.',
  },
} as const satisfies Record<string, ProblemKind>;

export type ProblemCode = keyof typeof problemKinds;

export const isProblemCode = (code: string): code is ProblemCode => Object.hasOwn(problemKinds, code);
