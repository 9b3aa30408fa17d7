import express, { type Express, type RequestHandler } from 'express';
import helmet from 'helmet';
import { correlation } from './http/correlation.ts';
import { crossOrigin } from './http/cross-origin.ts';
import { documentationRoutes } from './http/documentation.ts';
import { type HealthChecks, healthPaths, healthRoutes } from './http/health.ts';
import { createOpenApiDocument } from './http/openapi.ts';
import { problemHandler } from './http/problem-handler.ts';
import { notFound, refuseDuplicateHeaders, requireHost, requireJsonAccepted } from './http/refusals.ts';
import { requestLog } from './http/request-log.ts';
import { partnerConsentPaths } from './partner-credential/api-description.ts';
import type { PartnerConnection } from './partner-credential/partner-connection.ts';
import { consentCallbackRoutes, partnerConsentRoutes } from './partner-credential/routes.ts';
import { productUpgradePaths } from './product-upgrades/api-description.ts';
import {
  eligibilityRoutes,
  type ProductUpgradeUseCases,
  productUpgradeRoutes,
} from './product-upgrades/routes.ts';
import type { Log } from './telemetry/log.ts';

export interface AppParts {
  readonly publicUrl: string;
  readonly trustProxyHops: number;
  readonly corsOrigins: readonly string[];
  readonly authenticate: RequestHandler;
  readonly upgrades: ProductUpgradeUseCases;
  readonly partnerConnection: PartnerConnection;
  readonly pollAfterSeconds: number;
  readonly healthChecks: HealthChecks;
  readonly log: Log;
  readonly now: () => number;
  /** Aborted when the gateway stops. */
  readonly stopping: AbortSignal;
}

// The API page loads its own script and style and asks for openapi.json; nothing here is ever framed or posted to.
const contentSecurityPolicy = {
  useDefaults: false,
  directives: {
    defaultSrc: ["'none'"],
    scriptSrc: ["'self'"],
    styleSrc: ["'self'"],
    imgSrc: ["'self'", 'data:'],
    connectSrc: ["'self'"],
    baseUri: ["'none'"],
    formAction: ["'none'"],
    frameAncestors: ["'none'"],
  },
};

/** The request pipeline, top to bottom. It never listens. */
export function createApp(parts: AppParts): Express {
  const { publicUrl, log } = parts;
  const toStatusUrl = (upgradeId: string) => `${publicUrl}/v1/product-upgrades/${upgradeId}/status`;
  const routeParts = { ...parts, ...parts.upgrades, toStatusUrl };

  const app = express();
  app
    .disable('x-powered-by')
    .disable('etag')
    .set('trust proxy', parts.trustProxyHops)
    .set('query parser', 'simple');

  app.use(correlation, requestLog(log), helmet({ contentSecurityPolicy }));
  app.use(requireHost, refuseDuplicateHeaders);
  app.use('/health', healthRoutes(parts.healthChecks, log));
  app.use(
    documentationRoutes(
      createOpenApiDocument(publicUrl, { ...productUpgradePaths, ...partnerConsentPaths, ...healthPaths }),
    ),
  );
  // A browser comes back here without a token.
  app.use('/v1/partner-consent/callback', consentCallbackRoutes({ ...parts.partnerConnection, log }));

  app.use('/v1', crossOrigin(parts.corsOrigins), requireJsonAccepted);
  app.use('/v1', parts.authenticate);
  app.use('/v1/product-upgrades', productUpgradeRoutes(routeParts));
  app.use('/v1/customers', eligibilityRoutes(routeParts));
  app.use('/v1/partner-consent', partnerConsentRoutes(parts.partnerConnection));

  app.use(notFound);
  app.use(problemHandler({ publicUrl, log, toStatusUrl }));
  return app;
}
