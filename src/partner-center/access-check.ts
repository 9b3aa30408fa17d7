import { UpstreamContractViolatedError, UpstreamTimeoutError, UpstreamUnavailableError } from '../errors.ts';
import type { HttpClient, RequestError } from '../http-client.ts';
import type { CheckAccess } from '../partner-credential/ports.ts';
import { parseJson, toUpstreamReference } from './answer.ts';
import { toRejection } from './rejections.ts';

export interface AccessCheckParts {
  readonly http: HttpClient;
  readonly url: string;
  /** Our name, for Microsoft's support. */
  readonly application: string;
  readonly timeoutMs: number;
  readonly now?: () => number;
}

/**
 * Asks for the partner's own profile, which takes App+User tokens alone, changes nothing and counts against no limit of
 * upgrades. With `ValidateMfa: true` Partner Center says whether the token counts as one with MFA, without refusing it.
 * Source: https://learn.microsoft.com/partner-center/developer/get-an-organization-profile
 */
export function createAccessCheck({
  http,
  url,
  application,
  timeoutMs,
  now = Date.now,
}: AccessCheckParts): CheckAccess {
  return async function checkAccess(accessToken, correlationId) {
    const response = await http
      .get('v1/profiles/organization', {
        prefixUrl: url,
        responseType: 'text',
        timeout: { request: timeoutMs },
        // A passing fault should not cost a person another sign-in. Throttling is waited out by nobody here.
        retry: { limit: 1, statusCodes: [500, 502, 503, 504], backoffLimit: 500 },
        headers: {
          accept: 'application/json',
          authorization: `Bearer ${accessToken}`,
          'ms-correlationid': correlationId,
          'ms-partnercenter-application': application,
          validatemfa: 'true',
        },
      })
      .catch((error: unknown) => {
        throw toTransportFailure(error as RequestError); // got rejects with nothing else
      });
    const answer = {
      status: response.statusCode,
      reasonPhrase: response.statusMessage ?? '',
      headers: response.headers,
      body: parseJson(response.body),
    };
    if (answer.status < 200 || answer.status > 299) throw toRejection(answer, now());
    if (typeof answer.body !== 'object')
      throw new UpstreamContractViolatedError('Partner Center gave an answer that the gateway cannot read.', {
        upstream: toUpstreamReference(answer),
      });
    const word = String(answer.headers['ismfacompliant'] ?? '').toLowerCase();
    return word === 'true' || word === 'false' ? { isMfaCompliant: word === 'true' } : {};
  };
}

function toTransportFailure(cause: RequestError) {
  if (cause.code === 'ETIMEDOUT')
    return new UpstreamTimeoutError('Partner Center did not answer in time.', { cause });
  return new UpstreamUnavailableError('Partner Center cannot be reached.', { cause, retryAfterSeconds: 30 });
}
