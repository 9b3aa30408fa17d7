import express, { type ErrorRequestHandler, Router } from 'express';
import * as z from 'zod';
import type { RefreshTokenOptions } from '../entra/entra-controls.ts';
import { customerStories } from './customers.ts';
import type { PartnerCenterControls } from './partner-center-controls.ts';
import { ScenarioError } from './scenario-queue.ts';
import { scenarios } from './scenarios.ts';

export interface ControlParts {
  controls: PartnerCenterControls;
  /** Orders a scenario; throws `ScenarioError`. */
  order(name: unknown, options: unknown): void;
  issueRefreshToken(options?: RefreshTokenOptions): Promise<string>;
}

const ScenarioOrder = z.strictObject({ scenario: z.unknown(), options: z.unknown().optional() });
const RefreshTokenOrder = z.strictObject({
  mfa: z.boolean().optional(),
  expiresInSeconds: z.number().optional(),
});

/** The controls over HTTP, for teams that run the emulator alone. */
export function controlRoutes({ controls, order, issueRefreshToken }: ControlParts): Router {
  const router = Router();
  router.use(express.json({ type: () => true }));
  router.get('/', (_req, res) => void res.json(contents()));
  router.get('/upgrades', (_req, res) => void res.json({ items: controls.upgrades() }));
  router.get('/requests', (_req, res) => void res.json({ items: controls.requests() }));
  router.post('/scenarios', (req, res) => {
    const { scenario, options } = parse(ScenarioOrder, req.body);
    order(scenario, options);
    res.status(201).json({ scenario, options: options ?? {} });
  });
  router.post('/reset', (_req, res) => {
    controls.reset();
    res.sendStatus(204);
  });
  router.post('/refresh-tokens', async (req, res) => {
    const options = parse(RefreshTokenOrder, req.body);
    res.status(201).json({ refreshToken: await issueRefreshToken(options) });
  });
  router.use(
    (_req, res) => void res.status(404).json({ faults: ['there is no such control: see GET /emulator/'] }),
  );
  router.use(explain);
  return router;
}

function contents(): Record<string, unknown> {
  return {
    description: "Stands in for Partner Center's product upgrade API and for Entra ID",
    controls: {
      'POST /emulator/scenarios': '{scenario, options}: what the next call meets',
      'GET /emulator/upgrades': 'all upgrades',
      'GET /emulator/requests': 'the calls received',
      'POST /emulator/refresh-tokens':
        '{mfa, expiresInSeconds} → {refreshToken}: as if an admin agent had consented',
      'POST /emulator/reset': 'forget everything',
    },
    scenarios: Object.keys(scenarios),
    customers: Object.fromEntries(
      Object.entries(customerStories).map(([id, { description }]) => [id, description]),
    ),
  };
}

function parse<Output>(schema: z.ZodType<Output>, body: unknown): Output {
  const { success, data, error } = schema.safeParse(body ?? {});
  if (success) return data;
  throw new ScenarioError(error.issues.map(({ path, message }) => `${path.join('.') || 'body'}: ${message}`));
}

const explain: ErrorRequestHandler = (error: unknown, _req, res, _next) => {
  if (error instanceof ScenarioError) return void res.status(400).json({ faults: error.faults });
  // express.json names its faults by status.
  const status = error instanceof Error && 'status' in error && error.status === 413 ? 413 : 400;
  res.status(status).json({ faults: [error instanceof Error ? error.message : 'the request failed'] });
};
