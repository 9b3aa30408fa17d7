import {
  GatewayError,
  IdentityProviderUnavailableError,
  PartnerMfaRequiredError,
  UpstreamThrottledError,
  UpstreamTimeoutError,
  UpstreamUnavailableError,
} from '../errors.ts';
import { readAccessTokenFacts } from './access-token-facts.ts';
import type { CheckAccess, ConsentSession, EntraSignIn, SignedInTokens } from './ports.ts';
import { RefusedConsent } from './refused-consent.ts';
import type { SessionSeal } from './session-seal.ts';
import { toCredentialFailure } from './token-failures.ts';

export interface CompleteSignInParts {
  readonly entra: EntraSignIn;
  readonly seal: SessionSeal;
  readonly checkAccess: CheckAccess;
  readonly redirectUri: string;
  readonly partnerTenantId: string;
  readonly now?: () => number;
}

/** A sign-in that was found good. */
export interface CompletedSignIn {
  readonly refreshToken: string;
  readonly userName?: string;
  readonly hasMfa?: boolean;
}

/** A sign-in as the browser comes back from it. */
export interface ReturnedSignIn {
  readonly query: URLSearchParams;
  readonly state: string;
  readonly session: ConsentSession;
  readonly correlationId: string;
}

/** @throws {RefusedConsent} it must not become a credential */
export type CompleteSignIn = (signIn: ReturnedSignIn) => Promise<CompletedSignIn>;

const isPassing = (error: unknown) =>
  [
    IdentityProviderUnavailableError,
    UpstreamUnavailableError,
    UpstreamTimeoutError,
    UpstreamThrottledError,
  ].some((kind) => error instanceof kind);

/** Exchanges the code, then checks the tenant, the MFA claim and Partner Center's own word on the token. */
export function createCompleteSignIn({
  entra,
  seal,
  checkAccess,
  redirectUri,
  partnerTenantId,
  now = Date.now,
}: CompleteSignInParts): CompleteSignIn {
  async function exchange({ query, session, state }: ReturnedSignIn): Promise<SignedInTokens> {
    if (session.expiresAt <= now()) throw new RefusedConsent('expired');
    const error = query.get('error');
    if (error) {
      const failure = toCredentialFailure(
        error,
        { error_description: query.get('error_description') ?? '' },
        400,
      );
      if (error === 'access_denied') throw new RefusedConsent('declined', { cause: failure });
      throw new RefusedConsent(isPassing(failure) ? 'unavailable' : 'signInFailed', {
        detail: failure.message,
        cause: failure,
      });
    }
    const secrets = seal.open(state, session.sealedSecrets);
    if (!secrets) throw new RefusedConsent('unknown');
    const callbackUrl = new URL(`${redirectUri}?${query}`);
    return entra.exchangeCode(callbackUrl, state, secrets).catch((cause: unknown) => {
      if (!(cause instanceof GatewayError)) throw cause;
      const reason = isPassing(cause)
        ? 'unavailable'
        : cause instanceof PartnerMfaRequiredError
          ? 'mfaMissing'
          : 'signInFailed';
      throw new RefusedConsent(reason, { detail: cause.message, cause });
    });
  }

  async function checkTokens({ accessToken, tenantId }: SignedInTokens, correlationId: string) {
    const facts = readAccessTokenFacts(accessToken.token);
    // The sign-in was at the partner's own tenant: tokens that name another one are a mix-up, or worse.
    if (tenantId !== partnerTenantId || (facts.tenantId ?? tenantId) !== partnerTenantId)
      throw new RefusedConsent('wrongTenant');
    if (facts.hasMfa === false) throw new RefusedConsent('mfaMissing');
    const answer = await checkAccess(accessToken.token, correlationId).catch((cause: unknown) => {
      if (!(cause instanceof GatewayError)) throw cause;
      if (cause instanceof PartnerMfaRequiredError) throw new RefusedConsent('mfaMissing', { cause });
      throw new RefusedConsent(isPassing(cause) ? 'unavailable' : 'partnerCenterRefused', {
        detail: cause.message,
        cause,
      });
    });
    if (answer.isMfaCompliant === false) throw new RefusedConsent('mfaMissing');
    const hasMfa = facts.hasMfa ?? answer.isMfaCompliant;
    return {
      ...(facts.userName && { userName: facts.userName }),
      ...(hasMfa !== undefined && { hasMfa }),
    };
  }

  return async function completeSignIn(signIn) {
    const tokens = await exchange(signIn);
    const facts = await checkTokens(tokens, signIn.correlationId);
    return { refreshToken: tokens.refreshToken, ...facts };
  };
}
