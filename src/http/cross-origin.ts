import cors from 'cors';
import type { RequestHandler } from 'express';

// What a web app in a browser may read of an answer.
const exposedHeaders = [
  'Location',
  'Operation-Location',
  'Retry-After',
  'Preference-Applied',
  'ETag',
  'WWW-Authenticate',
  'MS-CorrelationId',
  'MS-RequestId',
];

/**
 * Answers the preflights of these web apps, which come without a token, and lets them read the answers. Every other
 * OPTIONS is a request like any other, while the package alone would answer it 204.
 */
export function crossOrigin(origins: readonly string[]): RequestHandler {
  const options = { origin: [...origins], methods: ['GET', 'HEAD', 'POST'], exposedHeaders, maxAge: 600 };
  const answerPreflight = cors(options);
  const letRead = cors({ origin: options.origin, exposedHeaders, methods: [], preflightContinue: true });
  return (req, res, next) => {
    const isPreflight =
      req.method === 'OPTIONS' &&
      req.headers['access-control-request-method'] !== undefined &&
      origins.includes(req.headers.origin ?? '');
    (isPreflight ? answerPreflight : letRead)(req, res, next);
  };
}
