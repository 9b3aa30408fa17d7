import { type ErrorRequestHandler, type Response, Router } from 'express';
import { getCaller } from '../callers/authenticate.ts';
import { requirePermission } from '../callers/permissions.ts';
import { GatewayError } from '../errors.ts';
import { getCorrelation } from '../http/correlation.ts';
import { optionalJsonBody } from '../http/json-body.ts';
import { methodNotAllowed } from '../http/refusals.ts';
import { noFields, noQuery, parseRequest } from '../http/validation.ts';
import { consentPage, faultPage } from './callback-page.ts';
import type { FinishedConsent } from './finish-consent.ts';
import type { PartnerConnection } from './partner-connection.ts';
import type { CredentialLog } from './ports.ts';
import { toPartnerConsent } from './schemas.ts';

type ConsentRoutesParts = Pick<PartnerConnection, 'beginConsent' | 'diagnose' | 'checkAccess'>;

/** `/v1/partner-consent`, for those who may manage consent. */
export function partnerConsentRoutes({ beginConsent, diagnose, checkAccess }: ConsentRoutesParts): Router {
  const router = Router();
  router.use(requirePermission('PartnerConsent.Manage'));

  router.get('/', async function getConsent(req, res) {
    parseRequest(req, { query: noQuery });
    await checkAccess(getCorrelation(res).correlationId);
    res.set('Cache-Control', 'no-store').json(toPartnerConsent(await diagnose({ isFresh: true })));
  });

  router.post('/', optionalJsonBody, async function beginOne(req, res) {
    parseRequest(req, { query: noQuery, body: noFields });
    const { authorizationUrl, expiresAt } = await beginConsent(
      getCaller(res),
      getCorrelation(res).correlationId,
    );
    res
      .set('Cache-Control', 'no-store')
      .json({ authorizationUrl, expiresAt: new Date(expiresAt).toISOString() });
  });
  router.all('/', methodNotAllowed('GET', 'HEAD', 'POST'));

  return router;
}

function statusOf(finished: FinishedConsent): number {
  if (finished.isGranted) return 200;
  return finished.reason === 'unavailable' || finished.reason === 'notStored' ? 503 : 400;
}

const sendPage = (res: Response, status: number, html: string) =>
  res.status(status).set('Cache-Control', 'no-store').type('html').send(html);

export interface ConsentCallbackParts {
  readonly finishConsent: PartnerConnection['finishConsent'];
  readonly log: CredentialLog;
}

/** `/v1/partner-consent/callback`, for the browser of whoever signed in: it carries no token, and gets pages. */
export function consentCallbackRoutes({ finishConsent, log }: ConsentCallbackParts): Router {
  const router = Router();

  // A mail scanner or a preview that only looks must not use the sign-in up.
  router.head('/', methodNotAllowed('GET'));
  router.get('/', async function finishOne(req, res) {
    const { correlationId } = getCorrelation(res);
    const query = new URLSearchParams(req.originalUrl.split('?').slice(1).join('?'));
    const finished = await finishConsent(query, correlationId);
    sendPage(res, statusOf(finished), consentPage(finished, correlationId));
  });
  router.all('/', methodNotAllowed('GET'));

  const showFault: ErrorRequestHandler = (error: unknown, _req, res, next) => {
    if (res.headersSent || error instanceof GatewayError) return next(error);
    const { correlationId } = getCorrelation(res);
    log.error({ err: error, correlationId }, 'The end of a partner consent failed');
    sendPage(res, 500, faultPage(correlationId));
  };
  router.use(showFault);
  return router;
}
