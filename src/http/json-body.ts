import express, { type RequestHandler } from 'express';
import { UnsupportedMediaTypeError } from './protocol-errors.ts';

const parse = express.json({ limit: '16kb', inflate: false, strict: false, type: 'application/json' });

// The parser would take every UTF there is; JSON between systems is UTF-8 (RFC 8259, section 8.1).
const isUtf8 = (contentType: string) =>
  [...contentType.matchAll(/;\s*charset\s*=\s*"?([^\s";]*)/gi)].every(([, charset]) =>
    /^utf-?8$/i.test(charset ?? ''),
  );

/** Reads a JSON body of at most 16 kB; other media types are refused. No body at all is left to validation. */
export const jsonBody: RequestHandler = (req, res, next) => {
  const contentType = req.get('Content-Type') ?? '';
  // `req.is` alone says no where there is no body, whatever its media type was to be.
  if (!/^application\/json\s*(;|$)/i.test(contentType))
    throw new UnsupportedMediaTypeError('Send Content-Type: application/json.');
  if (!isUtf8(contentType))
    throw new UnsupportedMediaTypeError('The body must be uncompressed JSON in UTF-8.');
  parse(req, res, next);
};

/** For what needs no body: one that comes all the same is read, so that its fields can be refused. */
export const optionalJsonBody: RequestHandler = (req, res, next) => {
  const { 'transfer-encoding': transferEncoding, 'content-length': length = '0' } = req.headers;
  if (transferEncoding === undefined && Number(length) === 0) next();
  else jsonBody(req, res, next);
};
