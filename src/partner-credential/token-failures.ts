import {
  type GatewayError,
  IdentityProviderUnavailableError,
  PartnerConsentRequiredError,
  UpstreamRejectedError,
} from '../errors.ts';

/** The AADSTS codes of a token error, as Entra ID lists them beside the sentence. */
const findCodes = (body: Readonly<Record<string, unknown>>): string[] =>
  (Array.isArray(body['error_codes']) ? body['error_codes'] : []).filter(Number.isInteger).map(String);

/**
 * Tells the failures of the token endpoint apart, by `error` first: a person must consent again, the operator must
 * fix the registration, or Entra ID is down for now. Entra's own sentences are not shown.
 * Source: https://learn.microsoft.com/entra/identity-platform/reference-error-codes
 */
export function toCredentialFailure(
  error: string,
  body: Readonly<Record<string, unknown>>,
  status: number,
): GatewayError {
  const codes = findCodes(body);
  const upstream = { status, ...(codes.length > 0 && { code: `AADSTS${codes.at(-1)}` }) };
  if (error === 'invalid_grant' || error === 'interaction_required')
    return new PartnerConsentRequiredError(
      'The partner credential no longer yields tokens: an admin agent of the partner must consent again.',
      { upstream },
    );
  if (error === 'temporarily_unavailable' || status >= 500)
    return new IdentityProviderUnavailableError('Entra ID is unavailable for now.', {
      upstream,
      retryAfterSeconds: 10,
    });
  return new UpstreamRejectedError(
    'Entra ID refuses the gateway’s application: its registration, secret or certificate must be fixed.',
    { upstream },
  );
}
