import type { RequestHandler } from 'express';
import { pinoHttp } from 'pino-http';
import type { Log } from '../telemetry/log.ts';
import { getCorrelation } from './correlation.ts';

// A path that is longer is none of ours.
const longestPath = 500;

/** One line for each request, with nothing of it but the method, the path and the ids: no header, no query, no body. */
export function requestLog(log: Log): RequestHandler {
  const middleware = pinoHttp({
    logger: log,
    quietReqLogger: true,
    customProps: (_req, res) => ({ ...getCorrelation(res as Parameters<RequestHandler>[1]) }), // Express made both
    customLogLevel: (req) => (req.url?.startsWith('/health/') ? 'debug' : 'info'),
    customSuccessMessage: () => 'Request answered',
    customErrorMessage: () => 'Request answered',
    // For a 5xx pino-http makes an error of its own; the real one is logged by the problem handler.
    customErrorObject: (_req, _res, _error, { err: _made, ...facts }: { err?: unknown }) => facts,
    serializers: {
      req: ({ method, url }: { method: string; url: string }) => ({
        method,
        path: url.split('?', 1)[0]?.slice(0, longestPath),
      }),
      res: ({ statusCode }: { statusCode: number }) => ({ status: statusCode }),
    },
  });
  return (req, res, next) => middleware(req, res, next as () => void); // pino-http calls it without an error
}
