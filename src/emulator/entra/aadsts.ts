import { randomUUID } from 'node:crypto';
import type { OIDCProviderError } from 'oidc-provider';

/** A failure as the token endpoint of Entra ID words it. */
export interface TokenFailure {
  /** The OAuth error, e.g. `invalid_grant`. */
  error: string;
  /** The number behind `AADSTS`. */
  code: number;
  /** HTTP status; default 401 for `invalid_client`, 400 otherwise. */
  status?: number | undefined;
  suberror?: string | undefined;
}

/** Short forms of the texts on https://learn.microsoft.com/entra/identity-platform/reference-error-codes */
const texts: Readonly<Record<number, string>> = {
  50034: 'The user account does not exist in the directory.',
  50053: 'The account is locked because the user tried to sign in too many times with an incorrect password.',
  50057: 'The user account is disabled.',
  50076:
    'Due to a configuration change made by your administrator, or because you moved to a new location, you must use multi-factor authentication to access the resource.',
  50078:
    'Presented multi-factor authentication has expired due to policies configured by your administrator, you must refresh your multi-factor authentication to access the resource.',
  50079:
    'Due to a configuration change made by your administrator, or because you moved to a new location, you must enroll in multi-factor authentication to access the resource.',
  50126: 'Error validating credentials due to invalid username or password.',
  50173:
    'The provided grant has expired due to it being revoked, a fresh auth token is needed. The user might have changed or reset their password.',
  50196:
    'The server terminated an operation because it encountered a client request loop. Please contact your app vendor.',
  53003:
    'Access has been blocked by Conditional Access policies. The access policy does not allow token issuance.',
  54005:
    'OAuth2 Authorization code was already redeemed, please retry with a new valid code or use an existing refresh token.',
  65001:
    'The user or administrator has not consented to use the application. Send an interactive authorization request for this user and resource.',
  65004: 'User declined to consent to access the app.',
  70000: 'The provided value for the input parameter is not valid.',
  70003: 'The app requested an unsupported grant type.',
  70008:
    'The provided authorization code or refresh token has expired due to inactivity. Send a new interactive authorization request for this user and resource.',
  70011: "The provided value for the input parameter 'scope' is not valid.",
  70043: 'The refresh token has expired or is invalid due to sign-in frequency checks by conditional access.',
  90002:
    'Tenant not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud.',
  90014: 'A required field is missing from the request.',
  90033: 'A transient error has occurred. Please try again.',
  500011:
    'The resource principal was not found in the tenant. You might have sent your authentication request to the wrong tenant.',
  501481: 'The Code_Verifier does not match the code_challenge supplied in the authorization request.',
  700016: 'Application was not found in the directory.',
  700027:
    'The certificate with identifier used to sign the client assertion is not registered on application.',
  700082:
    'The refresh token has expired due to inactivity. The token was issued on an earlier date and was inactive for 90.00:00:00.',
  7000215:
    'Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID.',
  7000218: "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.",
  7000222:
    'The provided client secret keys are expired. Create new keys for your app to continue authentication.',
};

/**
 * The body of a failed token request, shaped as recorded from the live service: numbers in `error_codes`,
 * the ids and the time repeated in the description after CR LF.
 */
export function aadstsBody(
  { error, code, suberror }: TokenFailure,
  detail?: string,
): Record<string, unknown> {
  const traceId = randomUUID();
  const correlationId = randomUUID();
  const timestamp = `${new Date().toISOString().slice(0, 19).replace('T', ' ')}Z`;
  const text = detail ?? texts[code] ?? 'The request was refused.';
  const lines = [
    `AADSTS${code}: ${text}`,
    `Trace ID: ${traceId}`,
    `Correlation ID: ${correlationId}`,
    `Timestamp: ${timestamp}`,
  ];
  return {
    error,
    error_description: lines.join('\r\n'),
    error_codes: [code],
    timestamp,
    trace_id: traceId,
    correlation_id: correlationId,
    ...(suberror === undefined ? {} : { suberror }),
  };
}

/** HTTP status of a failure, where none is asked for. */
export function statusOf({ error, status }: TokenFailure): number {
  return status ?? (error === 'invalid_client' ? 401 : 400);
}

/** Translates what the OpenID provider found wrong into what Entra ID says. */
export function toTokenFailure(fault: OIDCProviderError): TokenFailure {
  const detail = fault.error_detail ?? fault.error_description ?? '';
  switch (fault.error) {
    case 'invalid_client':
      if (detail.includes('not found')) return { error: 'unauthorized_client', code: 700016 };
      if (detail.includes('mechanism')) return { error: 'invalid_client', code: 7000218 };
      return { error: 'invalid_client', code: detail.includes('secret') ? 7000215 : 700027 };
    case 'invalid_grant':
      return { error: 'invalid_grant', code: grantCode(detail) };
    case 'invalid_scope':
      return { error: 'invalid_scope', code: 70011 };
    case 'invalid_target':
      return { error: 'invalid_resource', code: 500011 };
    case 'unsupported_grant_type':
      return { error: 'unsupported_grant_type', code: 70003 };
    case 'invalid_request':
      return { error: 'invalid_request', code: 90014 };
    default:
      return { error: fault.error ?? 'server_error', code: 90033, status: fault.statusCode ?? 500 };
  }
}

function grantCode(detail: string): number {
  if (detail.includes('password')) return 50126;
  if (detail.includes('consent')) return 65001;
  if (detail.includes('already consumed')) return 54005;
  if (detail.includes('code is expired')) return 70008;
  if (detail.includes('PKCE')) return 501481;
  if (detail.includes('refresh token') || detail.includes('grant')) return 700082;
  return 70000;
}
