import type { ErrorRequestHandler, Request, Response } from 'express';
import {
  AuthenticationRequiredError,
  GatewayError,
  InvalidRequestError,
  InvalidTokenError,
  PermissionDeniedError,
} from '../errors.ts';
import type { Log } from '../telemetry/log.ts';
import { getCorrelation } from './correlation.ts';
import { toInstance } from './instance.ts';
import { isProblemCode, type ProblemCode, problemKinds } from './problems.ts';
import { MethodNotAllowedError, PayloadTooLargeError, UnsupportedMediaTypeError } from './protocol-errors.ts';

export interface ProblemHandlerParts {
  readonly publicUrl: string;
  readonly log: Log;
  /** The address of an upgrade's status monitor, where there are upgrades. */
  readonly toStatusUrl?: (upgradeId: string) => string;
}

/** These mean that a person must act: the credential, the registration, the code. */
const errorLevelCodes: ReadonlySet<ProblemCode> = new Set<ProblemCode>([
  'internal_error',
  'partner_consent_required',
  'partner_mfa_required',
  'upstream_rejected',
  'upstream_contract_violated',
]);

/** What Express and its body parser throw, told by their documented `type` or status. */
function fromExpress(error: unknown): GatewayError | undefined {
  if (typeof error !== 'object' || error === null || !('status' in error)) return undefined;
  const type = 'type' in error ? error.type : undefined;
  if (type === 'entity.too.large') return new PayloadTooLargeError('The body is larger than 16 kB.');
  if (type === 'encoding.unsupported' || type === 'charset.unsupported')
    return new UnsupportedMediaTypeError('The body must be uncompressed JSON in UTF-8.');
  if (type === 'entity.parse.failed')
    return new InvalidRequestError('The body is not JSON.', {
      faults: [{ path: 'body', message: 'is not valid JSON' }],
    });
  if (error.status === 400)
    return new InvalidRequestError('The request cannot be read.', {
      faults: [{ path: 'request', message: 'is malformed or was cut short' }],
    });
  return undefined;
}

function toChallenge(error: GatewayError): string | undefined {
  // RFC 6750: no error code where the request carried no token at all (section 3.1), yet one parameter (section 3).
  if (error instanceof AuthenticationRequiredError) return 'Bearer realm="Product Upgrade Gateway"';
  if (error instanceof InvalidTokenError)
    return `Bearer error="invalid_token", error_description="${error.message}"`;
  if (error instanceof PermissionDeniedError)
    return `Bearer error="insufficient_scope", scope="${error.facts.permission}"`;
  return undefined;
}

/** The one place where a failure becomes a response: RFC 9457, the same in every environment. */
export function problemHandler({ publicUrl, log, toStatusUrl }: ProblemHandlerParts): ErrorRequestHandler {
  function toProblem(code: ProblemCode, error: GatewayError | undefined, req: Request, res: Response) {
    const { status, title } = problemKinds[code];
    const { faults, upgradeId, upstream, retryAfterSeconds } = error?.facts ?? {};
    return {
      type: `${publicUrl}/problems/${code}`,
      title,
      status,
      detail: error?.message ?? 'The gateway has a fault of its own. Its log has the cause under these ids.',
      instance: toInstance(req.originalUrl),
      code,
      ...getCorrelation(res),
      ...(faults && { errors: faults }),
      ...(upstream && { upstream }),
      ...(retryAfterSeconds !== undefined && { retryAfterSeconds }),
      ...(upgradeId && { upgradeId, ...(toStatusUrl && { statusUrl: toStatusUrl(upgradeId) }) }),
    };
  }

  return (thrown: unknown, req, res, next) => {
    if (res.headersSent) return next(thrown);
    const error = thrown instanceof GatewayError ? thrown : fromExpress(thrown);
    const code = error && isProblemCode(error.code) ? error.code : 'internal_error';
    const problem = toProblem(code, error, req, res);
    if (problem.status >= 500)
      (res.locals['log'] ?? log)[errorLevelCodes.has(code) ? 'error' : 'warn'](
        { code, err: thrown, ...getCorrelation(res) },
        problem.title,
      );
    const challenge = error && toChallenge(error);
    if (challenge) res.set('WWW-Authenticate', challenge);
    if (error instanceof MethodNotAllowedError) res.set('Allow', error.allowedMethods.join(', '));
    if (problem.retryAfterSeconds !== undefined) res.set('Retry-After', String(problem.retryAfterSeconds));
    res
      .status(problem.status)
      .set('Cache-Control', 'no-store')
      .type('application/problem+json')
      .send(JSON.stringify(problem));
  };
}
