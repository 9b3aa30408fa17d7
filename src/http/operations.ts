import express, { type ErrorRequestHandler, type Express } from 'express';
import type { Log } from '../telemetry/log.ts';

export interface OperationsParts {
  readonly contentType: string;
  readonly toText: () => Promise<string>;
  readonly log: Log;
}

/** What operators scrape, on a port of its own that callers need not reach: `GET /metrics` and nothing else. */
export function createOperationsApp({ contentType, toText, log }: OperationsParts): Express {
  const app = express().disable('x-powered-by').disable('etag');
  app
    .route('/metrics')
    .get(async function getMetrics(_req, res) {
      const text = await toText();
      res.set('Cache-Control', 'no-store').type(contentType).send(text);
    })
    .all((_req, res) => void res.set('Allow', 'GET, HEAD').sendStatus(405));
  app.use((_req, res) => void res.sendStatus(404));
  const hideFault: ErrorRequestHandler = (error: unknown, _req, res, _next) => {
    log.error({ err: error }, 'The metrics could not be read');
    res.sendStatus(500);
  };
  app.use(hideFault);
  return app;
}
