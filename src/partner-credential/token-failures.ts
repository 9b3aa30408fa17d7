import {
  type FailureFacts,
  type GatewayError,
  IdentityProviderUnavailableError,
  PartnerConsentRequiredError,
  PartnerMfaRequiredError,
  UpstreamRejectedError,
} from '../errors.ts';

/** Who must act on a failure of the token endpoint, or of a sign-in. */
export type TokenFailureKind = 'consentRequired' | 'mfaRequired' | 'operatorRequired' | 'unreachable';

interface Meaning {
  readonly kind: TokenFailureKind;
  /** Who must do what. */
  readonly sentence: string;
}

const consent = (sentence: string): Meaning => ({ kind: 'consentRequired', sentence });
const mfa = (sentence: string): Meaning => ({ kind: 'mfaRequired', sentence });
const operator = (sentence: string): Meaning => ({ kind: 'operatorRequired', sentence });
const unreachable = (sentence: string): Meaning => ({ kind: 'unreachable', sentence });

/**
 * What each code means and who must do what. The sentences are ours: Entra's own carry ids and addresses.
 * Source: https://learn.microsoft.com/entra/identity-platform/reference-error-codes
 */
export const tokenFailures: Readonly<Record<string, Meaning>> = {
  AADSTS50053: consent(
    'The account that consented is locked: an administrator of the partner’s tenant must unlock it, then an admin agent must consent again.',
  ),
  AADSTS50057: consent(
    'The account that consented is disabled: an admin agent whose account is active must consent.',
  ),
  AADSTS50076: mfa(
    'Entra ID asks for multi-factor authentication: an admin agent of the partner must consent again, with MFA.',
  ),
  AADSTS50078: mfa(
    'The MFA of the last sign-in has expired by a policy of the partner’s tenant: an admin agent must consent again, with MFA; an administrator can lengthen the policy.',
  ),
  AADSTS50079: mfa(
    'The account that consented has no second factor yet: the admin agent must register one, then consent again, with MFA.',
  ),
  AADSTS50173: consent(
    'The partner credential was revoked, or the password of the account behind it was changed: an admin agent of the partner must consent again.',
  ),
  AADSTS50196: unreachable(
    'Entra ID has seen too many equal requests from the gateway and wants a pause; nobody has to act.',
  ),
  AADSTS53003: consent(
    'Conditional Access blocks the gateway’s token: an administrator of the partner’s tenant must allow this application, then an admin agent must consent again.',
  ),
  AADSTS54005: consent('The sign-in was used already: begin consent again.'),
  AADSTS65001: consent(
    'The application has no consent in the partner’s tenant: an admin agent of the partner must consent.',
  ),
  AADSTS65004: consent('The consent was declined: an admin agent of the partner must accept it.'),
  AADSTS70008: consent(
    'The partner credential has expired, since it was not used for too long: an admin agent of the partner must consent again.',
  ),
  AADSTS70043: consent(
    'The partner credential has expired by the sign-in frequency of Conditional Access: an admin agent of the partner must consent again; an administrator can exempt the application.',
  ),
  AADSTS700082: consent(
    'The partner credential has expired, since it was not used for 90 days: an admin agent of the partner must consent again.',
  ),
  AADSTS90002: operator(
    'Entra ID knows no such tenant: the operator must correct PARTNER_TENANT_ID or ENTRA_AUTHORITY.',
  ),
  AADSTS90033: unreachable('Entra ID has a passing fault; nobody has to act.'),
  AADSTS500011: operator(
    'The partner’s tenant does not know what the token is for: the operator must correct PARTNER_CENTER_SCOPE.',
  ),
  AADSTS700016: operator(
    'The partner’s tenant does not know the application: the operator must correct PARTNER_CLIENT_ID or PARTNER_TENANT_ID, or register the application there.',
  ),
  AADSTS700024: operator(
    'The proof by certificate is not valid at Entra ID’s time, since the clock of the gateway’s machine is wrong: the operator must set it right (NTP).',
  ),
  AADSTS700027: operator(
    'The client certificate is not registered: the operator must add it to the application’s registration, or correct PARTNER_CLIENT_CERTIFICATE.',
  ),
  AADSTS7000215: operator(
    'The client secret is wrong: the operator must set PARTNER_CLIENT_SECRET to the secret’s value (not its id).',
  ),
  AADSTS7000218: operator(
    'Entra ID wants a proof that the gateway does not send: the operator must set PARTNER_CLIENT_SECRET or PARTNER_CLIENT_CERTIFICATE.',
  ),
  AADSTS7000222: operator(
    'The client secret has expired: the operator must make a new one and set PARTNER_CLIENT_SECRET.',
  ),
};

const byKind: Readonly<Record<TokenFailureKind, string>> = {
  consentRequired:
    'The partner credential no longer yields tokens: an admin agent of the partner must consent again.',
  mfaRequired:
    'Entra ID asks for multi-factor authentication: an admin agent of the partner must consent again, with MFA.',
  operatorRequired:
    'Entra ID refuses the gateway’s application: the operator must fix its registration, secret or certificate.',
  unreachable: 'Entra ID is unavailable for now; nobody has to act.',
};

/** What Entra ID sends is looked up in maps: an object would also answer to `constructor`. */
function toMap<Value>(entries: Readonly<Record<string, Value>>): ReadonlyMap<string, Value> {
  return new Map(Object.entries(entries));
}

/** `error` decides first: these are the kinds that it can mean, the usual one first. */
const kindsByError: ReadonlyMap<string, readonly TokenFailureKind[]> = toMap({
  invalid_grant: ['consentRequired', 'mfaRequired', 'unreachable'],
  interaction_required: ['consentRequired', 'mfaRequired'],
  login_required: ['consentRequired', 'mfaRequired'],
  consent_required: ['consentRequired', 'mfaRequired'],
  access_denied: ['consentRequired', 'mfaRequired'],
  invalid_client: ['operatorRequired'],
  unauthorized_client: ['operatorRequired'],
  temporarily_unavailable: ['unreachable'],
  server_error: ['unreachable'],
});

/** Entra's further word on `error`, where it settles the kind. */
const kindBySuberror: ReadonlyMap<string, TokenFailureKind> = toMap({
  // "The user must do something that a basic sign-in offers", which for an unattended client is MFA.
  basic_action: 'mfaRequired',
  additional_action: 'mfaRequired',
});

function kindsOf(error: string, status: number): readonly TokenFailureKind[] {
  const kinds = kindsByError.get(error);
  if (kinds) return kinds;
  return status === 429 || status >= 500
    ? ['unreachable']
    : ['operatorRequired', 'consentRequired', 'mfaRequired', 'unreachable'];
}

function findMeaning(error: string, suberror: unknown, codes: readonly string[], status: number): Meaning {
  const kinds = kindsOf(error, status);
  const known = codes
    .map((code) => tokenFailures[code])
    .find((meaning) => meaning !== undefined && kinds.includes(meaning.kind));
  if (known) return known;
  const bySuberror = typeof suberror === 'string' ? kindBySuberror.get(suberror) : undefined;
  const kind = bySuberror && kinds.includes(bySuberror) ? bySuberror : (kinds[0] ?? 'operatorRequired');
  return { kind, sentence: byKind[kind] };
}

const failureClasses: Readonly<
  Record<TokenFailureKind, new (message: string, facts?: FailureFacts) => GatewayError>
> = {
  consentRequired: PartnerConsentRequiredError,
  mfaRequired: PartnerMfaRequiredError,
  operatorRequired: UpstreamRejectedError,
  unreachable: IdentityProviderUnavailableError,
};

/** The AADSTS codes of a token error: beside the sentence in its body, or at its beginning in a redirect. */
function findCodes(body: Readonly<Record<string, unknown>>): string[] {
  const listed = Array.isArray(body['error_codes']) ? body['error_codes'] : [];
  if (listed.length > 0) return listed.filter(Number.isInteger).map((code) => `AADSTS${code}`);
  const description = body['error_description'];
  return (typeof description === 'string' && /AADSTS\d{4,8}/.exec(description)?.slice(0, 1)) || [];
}

/**
 * Tells the failures of Entra ID apart, by `error` first, then by its codes, then by `suberror`: a person must consent
 * again, a person must use MFA, the operator must fix the registration, or Entra ID is down for now.
 */
export function toCredentialFailure(
  error: string,
  body: Readonly<Record<string, unknown>>,
  status: number,
): GatewayError {
  const codes = findCodes(body);
  const { kind, sentence } = findMeaning(error, body['suberror'], codes, status);
  const code = codes.find((each) => tokenFailures[each]) ?? codes.at(-1);
  return new failureClasses[kind](sentence, {
    upstream: { status, ...(code && { code }) },
    ...(kind === 'unreachable' && { retryAfterSeconds: 10 }),
  });
}

/** The kind of a failure to get a token; what is none of these is for the operator to look into. */
export function toFailureKind(error: unknown): TokenFailureKind {
  if (error instanceof PartnerConsentRequiredError) return 'consentRequired';
  if (error instanceof PartnerMfaRequiredError) return 'mfaRequired';
  return error instanceof IdentityProviderUnavailableError ? 'unreachable' : 'operatorRequired';
}
