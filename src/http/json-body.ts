import express, { type RequestHandler } from 'express';
import { UnsupportedMediaTypeError } from './protocol-errors.ts';

const parse = express.json({ limit: '16kb', inflate: false, strict: false, type: 'application/json' });

/** Reads a JSON body of at most 16 kB; other media types are refused. */
export const jsonBody: RequestHandler = (req, res, next) => {
  if (!req.is('application/json'))
    throw new UnsupportedMediaTypeError('Send Content-Type: application/json.');
  parse(req, res, next);
};
