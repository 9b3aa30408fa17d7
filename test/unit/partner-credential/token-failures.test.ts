import { describe, expect, it } from '@jest/globals';
import { GatewayError } from '../../../src/errors.ts';
import {
  type TokenFailureKind,
  toCredentialFailure,
  toFailureKind,
  tokenFailures,
} from '../../../src/partner-credential/token-failures.ts';

const codeOf: Record<TokenFailureKind, string> = {
  consentRequired: 'partner_consent_required',
  mfaRequired: 'partner_mfa_required',
  operatorRequired: 'upstream_rejected',
  unreachable: 'identity_provider_unavailable',
};

interface Failure {
  readonly error: string;
  readonly codes?: readonly number[];
  readonly suberror?: string;
  readonly status?: number;
  readonly kind: TokenFailureKind;
  readonly says: RegExp;
}

const failures: readonly Failure[] = [
  { error: 'invalid_grant', codes: [50076], kind: 'mfaRequired', says: /admin agent.*with MFA/ },
  { error: 'interaction_required', codes: [50076], kind: 'mfaRequired', says: /with MFA/ },
  { error: 'invalid_grant', codes: [50079], kind: 'mfaRequired', says: /register/ },
  { error: 'interaction_required', codes: [50079], kind: 'mfaRequired', says: /register/ },
  { error: 'invalid_grant', codes: [50078], kind: 'mfaRequired', says: /policy/ },
  { error: 'invalid_grant', codes: [700082], kind: 'consentRequired', says: /90 days/ },
  { error: 'invalid_grant', codes: [70008], kind: 'consentRequired', says: /not used/ },
  { error: 'invalid_grant', codes: [50173], kind: 'consentRequired', says: /password/ },
  { error: 'invalid_grant', codes: [65001], kind: 'consentRequired', says: /admin agent.*must consent/ },
  {
    error: 'invalid_grant',
    codes: [53003],
    kind: 'consentRequired',
    says: /administrator.*Conditional|Conditional.*administrator/,
  },
  { error: 'invalid_grant', codes: [70043], kind: 'consentRequired', says: /sign-in frequency/ },
  {
    error: 'invalid_client',
    codes: [7000215],
    status: 401,
    kind: 'operatorRequired',
    says: /PARTNER_CLIENT_SECRET/,
  },
  { error: 'invalid_client', codes: [7000222], status: 401, kind: 'operatorRequired', says: /expired/ },
  { error: 'unauthorized_client', codes: [700016], kind: 'operatorRequired', says: /PARTNER_CLIENT_ID/ },
  { error: 'invalid_client', codes: [700027], status: 401, kind: 'operatorRequired', says: /CERTIFICATE/ },
  // The error decides, whatever code comes with it.
  { error: 'invalid_client', codes: [50076], status: 401, kind: 'operatorRequired', says: /operator/ },
  { error: 'invalid_grant', codes: [7000215], kind: 'consentRequired', says: /must consent again/ },
  // Codes and sub-errors that nobody has explained yet.
  { error: 'invalid_grant', codes: [999999], kind: 'consentRequired', says: /must consent again/ },
  { error: 'invalid_grant', kind: 'consentRequired', says: /must consent again/ },
  { error: 'invalid_grant', suberror: 'basic_action', kind: 'mfaRequired', says: /with MFA/ },
  { error: 'invalid_grant', suberror: 'bad_token', kind: 'consentRequired', says: /must consent again/ },
  { error: 'invalid_scope', codes: [70011], kind: 'operatorRequired', says: /operator/ },
  { error: 'invalid_resource', codes: [500011], kind: 'operatorRequired', says: /PARTNER_CENTER_SCOPE/ },
  {
    error: 'temporarily_unavailable',
    codes: [90033],
    status: 503,
    kind: 'unreachable',
    says: /nobody has to act/,
  },
  { error: 'server_error', status: 500, kind: 'unreachable', says: /unavailable/ },
  { error: 'invalid_request', codes: [50196], kind: 'unreachable', says: /pause; nobody has to act/ },
  { error: 'invalid_request', codes: [900144], kind: 'operatorRequired', says: /operator/ },
  { error: 'invalid_client', codes: [700024], status: 401, kind: 'operatorRequired', says: /clock/ },
  // Names that every object answers to.
  { error: 'constructor', kind: 'operatorRequired', says: /operator/ },
  { error: '__proto__', codes: [50076], kind: 'mfaRequired', says: /with MFA/ },
  { error: 'invalid_grant', suberror: 'constructor', kind: 'consentRequired', says: /must consent again/ },
  { error: 'something_new', status: 502, kind: 'unreachable', says: /unavailable/ },
  { error: 'something_new', status: 429, kind: 'unreachable', says: /unavailable/ },
  { error: 'something_new', status: 400, kind: 'operatorRequired', says: /operator/ },
];

describe('failures of the token endpoint', () => {
  it.each(failures)(
    '$error $codes $suberror → $kind',
    ({ error, codes = [], suberror, status = 400, kind, says }) => {
      const body = { error_codes: codes, suberror, error_description: 'AADSTS0: do not show this' };
      const failure = toCredentialFailure(error, body, status);
      expect(failure).toBeInstanceOf(GatewayError);
      expect(failure.code).toBe(codeOf[kind]);
      expect(toFailureKind(failure)).toBe(kind);
      expect(failure.message).toMatch(says);
      expect(failure.message).not.toContain('do not show');
      expect(failure.facts.upstream?.code).toBe(codes[0] === undefined ? undefined : `AADSTS${codes[0]}`);
    },
  );

  it('the code is found in a redirect’s description too, where no list of codes comes with it', () => {
    const failure = toCredentialFailure('access_denied', { error_description: 'AADSTS65004: declined' }, 400);
    expect(failure.facts.upstream?.code).toBe('AADSTS65004');
  });

  it.each([50076, 50079, 50078, 700082, 70008, 50173, 65001, 53003, 70043, 700016, 7000215, 7000222])(
    'AADSTS%s has a sentence that says who must do what',
    (code) => {
      expect(tokenFailures[`AADSTS${code}`]?.sentence).toMatch(/(admin agent|administrator|operator).* must/);
    },
  );

  it.each([{ error_codes: 'text' }, { error_codes: [null, {}, '50076'] }, { suberror: 7 }, {}])(
    'a body of another shape does no harm: %j',
    (body) => {
      expect(toCredentialFailure('invalid_grant', body, 400).code).toBe('partner_consent_required');
    },
  );
});
