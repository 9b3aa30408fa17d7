import { type GatewayError, UpstreamTimeoutError } from '../errors.ts';
import type { HttpClient, RequestError, RetryFunction } from '../http-client.ts';
import type { AccessToken, PartnerTokenCredential } from '../partner-credential/ports.ts';
import type { CallIds, CallOptions } from '../product-upgrades/ports.ts';
import { errorCode, type PartnerCenterAnswer, parseRetryAfter, toUpstreamReference } from './answer.ts';
import {
  findEnough,
  type IsEnough,
  isUncertain,
  tellsNothing,
  toAnswer,
  toTransportFailure,
} from './attempt-outcome.ts';
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
  /** Told of each refusal, for whoever watches over the credential. */
  readonly onRefusal?: (error: GatewayError) => void;
}

export interface PartnerCenterLog {
  info(facts: object, message: string): void;
}

export interface PostOptions extends CallOptions {
  readonly isEnough?: IsEnough;
}

/** Calls Partner Center. It answers 2xx only; whatever else comes back is thrown as the failure that it means. */
export interface PartnerCenterClient {
  post(path: string, body: object, ids: CallIds, options?: PostOptions): Promise<PartnerCenterAnswer>;
}

const retriedStatuses = [429, 500, 502, 503, 504];
const mostRetries = 3;

/** Whether another token may help. It does not where the audience is wrong (900420) or MFA is missing (900421). */
const isCuredByNewToken = (answer: PartnerCenterAnswer) =>
  answer.status === 401 &&
  !['900420', '900421'].includes(errorCode(answer) ?? '') &&
  !/MFA required/i.test(answer.reasonPhrase);

/** One call as the caller means it, whatever attempts it takes. */
interface Call {
  readonly path: string;
  readonly body: object;
  readonly ids: CallIds;
  readonly options: PostOptions;
  /** No attempt is made after this time (epoch milliseconds). */
  readonly deadline: number;
}

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
  onRefusal = () => undefined,
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
    ({ deadline, options }: Call): RetryFunction =>
    ({ attemptCount, error }) => {
      if (findEnough(error, options.isEnough)) return 0; // got takes 0 for "do not retry"
      return (
        planRetry({
          attempt: attemptCount,
          retryAfterSeconds: parseRetryAfter(error.response?.headers['retry-after'], now()),
          remainingMs: deadline - now(),
          random: random(),
          baseMs: backoffBaseMs,
        }) ?? 0
      );
    };

  async function send(logicalCall: Call, { token }: AccessToken) {
    const { path, body, ids, options, deadline } = logicalCall;
    const { onSent, onUncertain, mayBeSent = () => true } = options;
    // For a call that must not be made any more, a token may have come too late.
    if (now() >= deadline || !mayBeSent()) throw new UpstreamTimeoutError('The call’s time is over.');
    const outOfTime = AbortSignal.timeout(Math.max(1, deadline - now()));
    let isStopped = false;
    try {
      const call = client(path, {
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
          calculateDelay: calculateDelay(logicalCall),
        },
        hooks: {
          beforeRetry: [
            (error) => {
              if (isUncertain(error)) onUncertain?.();
              isStopped = !mayBeSent();
              if (isStopped) throw error;
            },
          ],
        },
      });
      if (onSent) call.on('request', (request) => request.once('finish', onSent));
      const answer = toAnswer(await call);
      if (tellsNothing(answer.status)) onUncertain?.();
      return answer;
    } catch (error) {
      const failure = error as RequestError; // got rejects with nothing else
      const enough = findEnough(failure, options.isEnough);
      if (enough) return enough;
      // What became of the attempt before has been said already.
      if (isStopped)
        throw new UpstreamTimeoutError('The call must not be repeated any more.', { cause: failure });
      if (isUncertain(failure)) onUncertain?.();
      throw toTransportFailure(failure, outOfTime.aborted);
    }
  }

  return {
    async post(path, body, ids, options = {}) {
      const startedAt = now();
      const token = await credential.getToken();
      const deadline = Math.min(startedAt + 2 * timeoutMs, options.notAfter ?? Number.POSITIVE_INFINITY);
      const call = { path, body, ids, options, deadline };
      let answer = await send(call, token);
      if (isCuredByNewToken(answer)) {
        const newToken = await credential.getToken({ rejectedToken: token.token });
        answer = await send(call, newToken);
      }
      log.info(
        { operation: path, upstream: toUpstreamReference(answer), durationMs: now() - startedAt },
        'Partner Center answered',
      );
      if (answer.status < 200 || answer.status > 299) {
        const rejection = toRejection(answer, now());
        onRefusal(rejection);
        throw rejection;
      }
      return answer;
    },
  };
}
