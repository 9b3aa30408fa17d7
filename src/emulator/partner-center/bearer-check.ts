import { type JWTPayload, jwtVerify } from 'jose';
import type { Tenant } from '../entra/tenant.ts';
import type { Answer } from './answers.ts';
import { refusal } from './refusals.ts';

/** The outcome of looking at an Authorization header. */
export interface BearerCheck {
  /** Set when the call is refused. */
  refused?: Answer;
  /** Whether the token comes from a sign-in with multi-factor authentication. */
  isMfaCompliant: boolean;
}

/**
 * Checks the App+User token of a call: from the partner's tenant, for this service, with `user_impersonation`
 * and `mfa` (https://learn.microsoft.com/partner-center/developer/enable-secure-app-model).
 * @param validatesMfa the call carries `ValidateMfa: true` and is told about MFA instead of being refused
 */
export async function checkBearer(
  authorization: string | undefined,
  { tenant, audience, validatesMfa }: { tenant: Tenant; audience: string; validatesMfa: boolean },
): Promise<BearerCheck> {
  const token = /^Bearer (\S+)$/i.exec(authorization ?? '')?.[1];
  const claims = token === undefined ? undefined : await verify(token, tenant, audience);
  if (!claims || claims['tid'] !== tenant.tenantId)
    return { refused: refusal(800001), isMfaCompliant: false };

  const methods = claims['amr'];
  const isMfaCompliant = Array.isArray(methods) && methods.includes('mfa');
  const scopes = typeof claims['scp'] === 'string' ? claims['scp'].split(' ') : undefined;
  if (!scopes) return { refused: refusal(900150), isMfaCompliant };
  if (!scopes.includes('user_impersonation')) return { refused: refusal(800001), isMfaCompliant };
  if (!isMfaCompliant && !validatesMfa) return { refused: refusal(900421), isMfaCompliant };
  return { isMfaCompliant };
}

async function verify(token: string, tenant: Tenant, audience: string): Promise<JWTPayload | undefined> {
  try {
    // Keys that have rolled out of the published set still count: a service caches them longer than a token lives.
    const { payload } = await jwtVerify(token, ({ kid }) => keyNamed(tenant, kid), {
      audience,
      algorithms: ['RS256'],
    });
    return payload;
  } catch {
    // Why a token is refused is nobody's business but the issuer's: Partner Center says "access denied" to all.
    return undefined;
  }
}

function keyNamed(tenant: Tenant, kid: string | undefined) {
  const key = tenant.knownKeys().find((each) => each.kid === kid);
  if (!key) throw new Error(`no key ${kid}`);
  return key.publicKey;
}
