import { Router } from 'express';
import { z } from 'zod';
import type { ZodOpenApiPathsObject } from 'zod-openapi';
import type { Log } from '../telemetry/log.ts';
import { methodNotAllowed } from './refusals.ts';

/** How one thing that the gateway needs is doing; `detail` says in words what is wrong. */
export interface HealthCheckResult {
  readonly status: 'ok' | 'degraded' | 'failing';
  readonly detail?: string;
}

/** Checks by name. A check that throws is failing; its error is not shown. */
export type HealthChecks = Readonly<Record<string, () => Promise<HealthCheckResult> | HealthCheckResult>>;

const statusWord = z.enum(['ok', 'degraded', 'failing']);
const healthSchema = z
  .strictObject({
    status: statusWord,
    checks: z.record(z.string(), z.strictObject({ status: statusWord, detail: z.string().optional() })),
  })
  .meta({ id: 'Health' });

const checkTimeoutMs = 2_000;

async function runCheck(name: string, check: HealthChecks[string], log: Log): Promise<HealthCheckResult> {
  const { promise: tooSlow, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error('too slow')), checkTimeoutMs);
  try {
    return await Promise.race([check(), tooSlow]);
  } catch (error) {
    log.warn({ check: name, err: error }, 'A readiness check failed');
    return { status: 'failing', detail: 'The check failed; the log has the cause.' };
  } finally {
    clearTimeout(timer);
  }
}

/**
 * `/health/live`: the process works. `/health/ready`: this instance should get requests. It is 503 only for what
 * another instance may do better (its database, its start, its stop); what hits all instances alike and needs a person
 * is `degraded` and 200, since taking every instance out of service would help nobody.
 */
export function healthRoutes(checks: HealthChecks, log: Log): Router {
  const router = Router();

  router.get('/live', (_req, res) => {
    res.set('Cache-Control', 'no-store').json({ status: 'ok', checks: {} });
  });

  router.get('/ready', async function getReadiness(_req, res) {
    const results = await Promise.all(
      Object.entries(checks).map(async ([name, check]) => [name, await runCheck(name, check, log)] as const),
    );
    const found = new Set(results.map(([, { status }]) => status));
    const status = found.has('failing') ? 'failing' : found.has('degraded') ? 'degraded' : 'ok';
    res
      .status(status === 'failing' ? 503 : 200)
      .set('Cache-Control', 'no-store')
      .json({ status, checks: Object.fromEntries(results) });
  });

  router.all(['/live', '/ready'], methodNotAllowed('GET', 'HEAD'));
  return router;
}

const health = { 'application/json': { schema: healthSchema } };

export const healthPaths: ZodOpenApiPathsObject = {
  '/health/live': {
    get: {
      operationId: 'getLiveness',
      summary: 'The process works',
      tags: ['Operations'],
      security: [],
      responses: { '200': { description: 'It does.', content: health } },
    },
  },
  '/health/ready': {
    get: {
      operationId: 'getReadiness',
      summary: 'This instance should get requests',
      description: '`degraded` means that it works in part, or that a person must act; each check says why.',
      tags: ['Operations'],
      security: [],
      responses: {
        '200': { description: 'Ready, perhaps degraded.', content: health },
        '503': { description: 'Not ready.', content: health },
      },
    },
  },
};
