import express, { type Express } from 'express';
import type { Log } from '../telemetry/log.ts';
import { correlation } from './correlation.ts';
import { problemHandler } from './problem-handler.ts';
import { methodNotAllowed, notFound } from './refusals.ts';

export interface OperationsParts {
  readonly contentType: string;
  readonly toText: () => Promise<string>;
  /** Where problems are explained: at the gateway's own address. */
  readonly publicUrl: string;
  readonly log: Log;
}

/** What operators scrape, on a port of its own that callers need not reach: `GET /metrics` and nothing else. */
export function createOperationsApp({ contentType, toText, publicUrl, log }: OperationsParts): Express {
  const app = express().disable('x-powered-by').disable('etag');
  app.use(correlation);
  app
    .route('/metrics')
    .get(async function getMetrics(_req, res) {
      const text = await toText();
      res.set('Cache-Control', 'no-store').type(contentType).send(text);
    })
    .all(methodNotAllowed('GET', 'HEAD'));
  app.use(notFound);
  app.use(problemHandler({ publicUrl, log }));
  return app;
}
