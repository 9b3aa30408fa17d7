import type { RequestHandler } from 'express';
import { InvalidRequestError } from '../errors.ts';
import { MethodNotAllowedError, NotAcceptableError, NotFoundError } from './protocol-errors.ts';

/** Headers that mean something once: a second one, added by whoever, must not decide which of them counts. */
const singleHeaders = ['authorization', 'content-type', 'host', 'idempotency-key'];

/** Refuses requests that carry such a header twice. Node drops or joins the second one, so the raw list is read. */
export const refuseDuplicateHeaders: RequestHandler = (req, _res, next) => {
  const duplicates = singleHeaders.filter((name) => (req.headersDistinct[name]?.length ?? 0) > 1);
  if (duplicates.length > 0)
    throw new InvalidRequestError('The request carries a header twice.', {
      faults: duplicates.map((name) => ({ path: name, message: 'must be sent once' })),
    });
  next();
};

/** Refuses what RFC 9112, section 3.2, says a server must refuse; Node would, without saying anything. */
export const requireHost: RequestHandler = (req, _res, next) => {
  if (req.headers.host === undefined && req.httpVersion !== '1.0')
    throw new InvalidRequestError('The request has no Host header.', {
      faults: [{ path: 'host', message: 'is required' }],
    });
  next();
};

/** Refuses requests that do not take JSON. */
export const requireJsonAccepted: RequestHandler = (req, _res, next) => {
  if (!req.accepts(['application/json', 'application/problem+json']))
    throw new NotAcceptableError('The gateway answers application/json.');
  next();
};

/** Ends a route: the methods before it are those that it allows. */
export const methodNotAllowed =
  (...allowed: string[]): RequestHandler =>
  () => {
    throw new MethodNotAllowedError(allowed);
  };

export const notFound: RequestHandler = () => {
  throw new NotFoundError('No resource has this address.');
};
