import express, { type RequestHandler } from 'express';
import { UnsupportedMediaTypeError } from './protocol-errors.ts';

const parse = express.json({ limit: '16kb', inflate: false, strict: false, type: 'application/json' });

/** Reads a JSON body of at most 16 kB; other media types are refused. No body at all is left to validation. */
export const jsonBody: RequestHandler = (req, res, next) => {
  // `req.is` alone says no where there is no body, whatever its media type was to be.
  if (!/^application\/json\s*(;|$)/i.test(req.get('Content-Type') ?? ''))
    throw new UnsupportedMediaTypeError('Send Content-Type: application/json.');
  parse(req, res, next);
};
