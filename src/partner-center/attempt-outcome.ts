import {
  type GatewayError,
  UpstreamContractViolatedError,
  UpstreamTimeoutError,
  UpstreamUnavailableError,
} from '../errors.ts';
import type { RequestError } from '../http-client.ts';
import { type PartnerCenterAnswer, parseJson } from './answer.ts';

// The connection was never made, so nothing can have been done.
const unreached: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
]);

/**
 * Whether an attempt may have been carried out: no answer came to what was sent, or one that does not tell. Only an
 * answer that arrived whole counts; got hands out the status of others as well.
 */
export const isUncertain = (error: RequestError): boolean =>
  error.response && error.code === 'ERR_NON_2XX_3XX_RESPONSE'
    ? tellsNothing(error.response.statusCode)
    : !unreached.has(error.code);
/** Whether an answer with this status leaves open what was done. */
export const tellsNothing = (status: number) => status >= 500 || (status >= 300 && status < 400);

/** Whether the headers of a 2xx answer say all that is needed, whatever becomes of its body. */
export type IsEnough = (headers: PartnerCenterAnswer['headers']) => boolean;

/** The answer whose headers say all that is needed, though its body broke off. */
export function findEnough(
  { response }: RequestError,
  isEnough: IsEnough | undefined,
): PartnerCenterAnswer | undefined {
  if (!response || response.statusCode < 200 || response.statusCode > 299) return undefined;
  return isEnough?.(response.headers) ? toAnswer({ ...toHead(response), body: '' }) : undefined;
}

const toHead = ({ statusCode, statusMessage, headers }: NonNullable<RequestError['response']>) => ({
  statusCode,
  statusMessage,
  headers,
});

/** A response of got as an answer. */
export function toAnswer(response: {
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

/** What it means that no answer could be read. */
export function toTransportFailure(cause: RequestError, isOutOfTime: boolean): GatewayError {
  if (isOutOfTime || cause.code === 'ETIMEDOUT')
    return new UpstreamTimeoutError('Partner Center did not answer in time.', { cause });
  if (cause.code === 'ERR_ABORTED')
    return new UpstreamContractViolatedError('Partner Center’s answer was too large to be one of its own.', {
      cause,
    });
  return new UpstreamUnavailableError(
    cause.response ? 'Partner Center’s answer broke off.' : 'Partner Center cannot be reached.',
    { cause, retryAfterSeconds: 30 },
  );
}
