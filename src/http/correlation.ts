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

/** The ids of a request whose `MS-CorrelationId` was `sent`. A malformed id is replaced, never echoed. */
export function toCorrelation(sent: unknown): Correlation {
  const isValid = typeof sent === 'string' && guidPattern.test(sent);
  return { correlationId: isValid ? sent : randomUUID(), requestId: randomUUID() };
}

/** Gives every response `MS-CorrelationId` and `MS-RequestId`. */
export const correlation: RequestHandler = (req, res, next) => {
  const ids = toCorrelation(req.get('MS-CorrelationId'));
  res.locals['correlation'] = ids;
  res.set({ 'MS-CorrelationId': ids.correlationId, 'MS-RequestId': ids.requestId });
  next();
};
