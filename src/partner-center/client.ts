import {
  type GatewayError,
  UpstreamContractViolatedError,
  UpstreamTimeoutError,
  UpstreamUnavailableError,
} from '../errors.ts';
import type { HttpClient, RequestError, RetryFunction } from '../http-client.ts';
import type { AccessToken, PartnerTokenCredential } from '../partner-credential/ports.ts';
import type { CallIds } from '../product-upgrades/ports.ts';
import {
  errorCode,
  type PartnerCenterAnswer,
  parseJson,
  parseRetryAfter,
  toUpstreamReference,
} from './answer.ts';
import { toRejection } from './rejections.ts';
import { planRetry } from './retry.ts';

export interface PartnerCenterClientParts {
  readonly http: HttpClient;
  readonly url: string;
  /** Our name, for Microsoft's support. */
  readonly application: string;
  /** One attempt; a whole call, with its retries, may take twice as long. */
  readonly timeoutMs: number;
  readonly credential: PartnerTokenCredential;
  readonly log: PartnerCenterLog;
  readonly now?: () => number;
  readonly random?: () => number;
  readonly backoffBaseMs?: number;
}

export interface PartnerCenterLog {
  info(facts: object, message: string): void;
}

/** Calls Partner Center. It answers 2xx only; whatever else comes back is thrown as the failure that it means. */
export interface PartnerCenterClient {
  post(path: string, body: object, ids: CallIds): Promise<PartnerCenterAnswer>;
}

const retriedStatuses = [429, 500, 502, 503, 504];
const mostRetries = 3;

/** A new token would not help against these: the audience is wrong, or MFA is missing. */
const isCuredByNewToken = (answer: PartnerCenterAnswer) =>
  answer.status === 401 &&
  !['900420', '900421'].includes(errorCode(answer) ?? '') &&
  !/MFA required/i.test(answer.reasonPhrase);

export function createPartnerCenterClient({
  http,
  url,
  application,
  timeoutMs,
  credential,
  log,
  now = Date.now,
  random = Math.random,
  backoffBaseMs = 500,
}: PartnerCenterClientParts): PartnerCenterClient {
  const client = http.extend({
    prefixUrl: url,
    method: 'POST',
    responseType: 'text',
    timeout: { request: timeoutMs },
    headers: {
      accept: 'application/json',
      'x-locale': 'en-US',
      'ms-contract-version': 'v1',
      'ms-partnercenter-application': application,
    },
  });

  const calculateDelay =
    (deadline: number): RetryFunction =>
    ({ attemptCount, error }) =>
      planRetry({
        attempt: attemptCount,
        retryAfterSeconds: parseRetryAfter(error.response?.headers['retry-after'], now()),
        remainingMs: deadline - now(),
        random: random(),
        baseMs: backoffBaseMs,
      }) ?? 0; // got takes 0 for "do not retry"

  async function send(path: string, body: object, ids: CallIds, { token }: AccessToken, deadline: number) {
    const outOfTime = AbortSignal.timeout(Math.max(1, deadline - now()));
    try {
      const response = await client(path, {
        json: body,
        signal: outOfTime,
        headers: {
          authorization: `Bearer ${token}`,
          // "Used to ensure id-potency": set once for the logical call, so that every attempt carries the same one.
          'ms-requestid': ids.requestId,
          'ms-correlationid': ids.correlationId,
        },
        retry: {
          methods: ['POST'],
          limit: mostRetries,
          statusCodes: retriedStatuses,
          maxRetryAfter: Number.POSITIVE_INFINITY, // planRetry decides, by the caller's deadline
          calculateDelay: calculateDelay(deadline),
        },
      });
      return toAnswer(response);
    } catch (error) {
      throw toTransportFailure(error as RequestError, outOfTime.aborted); // got rejects with nothing else
    }
  }

  return {
    async post(path, body, ids) {
      const startedAt = now();
      const deadline = startedAt + 2 * timeoutMs;
      const token = await credential.getToken();
      let answer = await send(path, body, ids, token, deadline);
      if (isCuredByNewToken(answer)) {
        const newToken = await credential.getToken({ rejectedToken: token.token });
        answer = await send(path, body, ids, newToken, deadline);
      }
      log.info(
        { operation: path, upstream: toUpstreamReference(answer), durationMs: now() - startedAt },
        'Partner Center answered',
      );
      if (answer.status < 200 || answer.status > 299) throw toRejection(answer, now());
      return answer;
    },
  };
}

function toAnswer(response: {
  statusCode: number;
  statusMessage?: string | undefined;
  headers: PartnerCenterAnswer['headers'];
  body: string;
}): PartnerCenterAnswer {
  return {
    status: response.statusCode,
    reasonPhrase: response.statusMessage ?? '',
    headers: response.headers,
    body: parseJson(response.body),
  };
}

function toTransportFailure(cause: RequestError, isOutOfTime: boolean): GatewayError {
  if (isOutOfTime || cause.code === 'ETIMEDOUT')
    return new UpstreamTimeoutError('Partner Center did not answer in time.', { cause });
  if (cause.code === 'ERR_ABORTED')
    return new UpstreamContractViolatedError('Partner Center’s answer was too large to be one of its own.', {
      cause,
    });
  return new UpstreamUnavailableError('Partner Center cannot be reached.', { cause, retryAfterSeconds: 30 });
}
