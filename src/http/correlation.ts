import { randomUUID } from 'node:crypto';
import type { RequestHandler, Response } from 'express';

/** Ids of one request to the gateway. Both are GUIDs. */
export interface Correlation {
  /** Traces one operation across services: the caller's own if it sent a valid one. */
  readonly correlationId: string;
  /** This request alone. */
  readonly requestId: string;
}

const guidPattern = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

export const getCorrelation = (res: Response): Correlation => res.locals['correlation'] as Correlation; // set for every request, first of all

/** Gives every response `MS-CorrelationId` and `MS-RequestId`. A malformed id is replaced, never echoed. */
export function correlation({ newId = randomUUID }: { newId?: () => string } = {}): RequestHandler {
  return (req, res, next) => {
    const sent = req.get('MS-CorrelationId');
    const ids: Correlation = {
      correlationId: sent && guidPattern.test(sent) ? sent : newId(),
      requestId: newId(),
    };
    res.locals['correlation'] = ids;
    res.set({ 'MS-CorrelationId': ids.correlationId, 'MS-RequestId': ids.requestId });
    next();
  };
}
