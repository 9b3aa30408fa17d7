import type { RequestHandler } from 'express';
import { pinoHttp } from 'pino-http';
import type { Log } from '../telemetry/log.ts';
import { findCorrelation } from './correlation.ts';

/** One line for each request, with nothing of it but the method, the path and the ids: no header, no query, no body. */
export function requestLog(log: Log): RequestHandler {
  const middleware = pinoHttp({
    logger: log,
    quietReqLogger: true,
    customProps: (_req, res) => ({ ...findCorrelation(res as Parameters<RequestHandler>[1]) }), // Express made both
    customLogLevel: (req) => (req.url?.startsWith('/health/') ? 'debug' : 'info'),
    customSuccessMessage: () => 'Request answered',
    customErrorMessage: () => 'Request answered',
    serializers: {
      req: ({ method, url }: { method: string; url: string }) => ({ method, path: url.split('?', 1)[0] }),
      res: ({ statusCode }: { statusCode: number }) => ({ status: statusCode }),
    },
  });
  return (req, res, next) => middleware(req, res, next as () => void); // pino-http calls it without an error
}
