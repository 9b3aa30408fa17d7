import express, { type Express } from 'express';

export interface OperationsParts {
  readonly contentType: string;
  readonly toText: () => Promise<string>;
}

/** What operators scrape, on a port of its own that callers need not reach: `GET /metrics` and nothing else. */
export function createOperationsApp({ contentType, toText }: OperationsParts): Express {
  const app = express().disable('x-powered-by').disable('etag');
  app
    .route('/metrics')
    .get(async function getMetrics(_req, res) {
      const text = await toText();
      res.set('Cache-Control', 'no-store').type(contentType).send(text);
    })
    .all((_req, res) => void res.set('Allow', 'GET, HEAD').sendStatus(405));
  app.use((_req, res) => void res.sendStatus(404));
  return app;
}
