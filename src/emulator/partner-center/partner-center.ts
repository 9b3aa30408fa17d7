import type { Socket } from 'node:net';
import express, {
  type ErrorRequestHandler,
  type Express,
  type Request,
  type RequestHandler,
  type Response,
} from 'express';
import type { RefreshTokenOptions } from '../entra/entra-controls.ts';
import type { Tenant } from '../entra/tenant.ts';
import { createJournal, type Journal } from '../journal.ts';
import { type Answer, type Outcome, writeAnswer } from './answers.ts';
import { checkBearer } from './bearer-check.ts';
import { controlRoutes } from './control-routes.ts';
import { createOperations, type Operation, type Perform, type Recall } from './operations.ts';
import type { PartnerCenterControls, PartnerCenterRequest } from './partner-center-controls.ts';
import { refusal } from './refusals.ts';
import { createScenarioQueue, type ScenarioQueue } from './scenario-queue.ts';
import { type ScenarioCall, scenarios } from './scenarios.ts';
import { createUpgradeBook, type Pace } from './upgrade-book.ts';

export interface PartnerCenterParts {
  /** Its own base URL, which is also the audience of the tokens that it takes. */
  url: string;
  /** Whose tokens it trusts. */
  tenant: Tenant;
  issueRefreshToken(options?: RefreshTokenOptions): Promise<string>;
  pace: Pace;
  recall: Recall;
  /** How many upgrades, calls and request ids are remembered; default 10,000. */
  capacity?: number | undefined;
  now(): number;
}

interface CallParts {
  url: string;
  tenant: Tenant;
  perform: Perform;
  queue: ScenarioQueue;
  journal: Journal<PartnerCenterRequest>;
  now(): number;
}

/** The emulated Partner Center: four calls, any case of the path, and the emulator's own controls under /emulator. */
export function createPartnerCenter({
  url,
  tenant,
  issueRefreshToken,
  pace,
  recall,
  capacity,
  now,
}: PartnerCenterParts): {
  app: Express;
  controls: PartnerCenterControls;
} {
  const book = createUpgradeBook({ pace, now, capacity });
  const { perform, forget } = createOperations({ book, recall, now, capacity });
  const queue = createScenarioQueue();
  const journal = createJournal<PartnerCenterRequest>(capacity);
  const controls: PartnerCenterControls = {
    next: (scenario, options) => queue.add(scenario, options),
    upgrades: () => book.list(),
    requests: () => journal.entries(),
    reset() {
      book.clear();
      forget();
      queue.clear();
      journal.clear();
    },
  };

  const parts: CallParts = { url, tenant, perform, queue, journal, now };
  const app = express().disable('x-powered-by').disable('etag');
  app.use('/emulator', controlRoutes({ controls, order: queue.add, issueRefreshToken }));
  app.use(express.text({ type: () => true, limit: '100kb' }));
  app.post('/v1/productUpgrades/eligibility', answer('eligibility', parts));
  app.post('/v1/productUpgrades', answer('create', parts));
  app.post('/v1/productUpgrades/:upgradeId/status', answer('status', parts));
  app.get('/v1/profiles/organization', answer('profile', parts));
  app.use((req, res) => {
    record(req, res, 'unknown', parts);
    writeAnswer(req, res, refusal(1000));
  });
  app.use(explainFault);
  return { app, controls };
}

function answer(operation: Operation, parts: CallParts): RequestHandler {
  return async function answerCall(req, res) {
    const body = record(req, res, operation, parts);
    const validatesMfa = req.get('ValidateMfa')?.toLowerCase() === 'true';
    const bearer = await checkBearer(req.get('Authorization'), {
      tenant: parts.tenant,
      audience: parts.url,
      validatesMfa,
    });
    if (bearer.refused) return writeAnswer(req, res, bearer.refused);
    if (validatesMfa) res.setHeader('isMfaCompliant', String(bearer.isMfaCompliant));
    write(req, res, await decide(toCall(operation, req, body, parts), parts.queue));
  };
}

/** A body or path that cannot be read is the caller's fault; anything else is a fault of the emulator, said as it is. */
const explainFault: ErrorRequestHandler = (error: unknown, req, res, _next) => {
  const text = error instanceof Error ? error.message : 'unknown fault';
  const isClientFault = error instanceof Error && 'status' in error && Number(error.status) < 500;
  writeAnswer(req, res, isClientFault ? refusal(2000, { values: [text] }) : emulatorFault(text));
};

function emulatorFault(text: string): Answer {
  return {
    status: 500,
    json: { code: 800003, description: `The emulator failed: ${text}`, data: [], source: 'emulator' },
  };
}

async function decide(call: ScenarioCall, queue: ScenarioQueue): Promise<Outcome> {
  const scenario = queue.take(call.operation);
  return scenario ? scenarios[scenario.name].play(call, scenario.options) : call.proceed();
}

function toCall(operation: Operation, req: Request, body: unknown, { perform }: CallParts): ScenarioCall {
  const { upgradeId } = req.params;
  const requestId = req.get('MS-RequestId');
  return {
    operation,
    customerId: textOf(body, 'customerId'),
    productFamily: textOf(body, 'productFamily'),
    upgradeId: textOf({ upgradeId }, 'upgradeId'),
    proceed: (fate) =>
      perform({ operation, upgradeId: textOf({ upgradeId }, 'upgradeId'), body, requestId }, fate),
  };
}

function write(req: Request, res: Response, outcome: Outcome): void {
  if (outcome === 'no-answer') return;
  if (outcome === 'connection-reset') reset(req.socket);
  else writeAnswer(req, res, outcome);
}

/**
 * A client that has gone away has ended its socket, and ours ends itself: reset in that moment, Node 24 neither closes it
 * (EINVAL) nor lets the process exit, which then spins for ever.
 */
function reset(socket: Socket): void {
  if (socket.writableEnded) socket.destroy();
  else socket.resetAndDestroy();
}

/** Keeps what was sent, without the token, and returns the parsed body. */
function record(
  req: Request,
  res: Response,
  operation: Operation | 'unknown',
  { journal, now }: CallParts,
): unknown {
  const body = parseJson(req.body);
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(req.headers)) headers[name] = String(value);
  if ('authorization' in headers) headers['authorization'] = 'Bearer ***';
  const entry: PartnerCenterRequest = {
    at: now(),
    operation,
    path: req.path,
    headers,
    body,
    answered: undefined,
    endedAt: undefined,
  };
  journal.add(entry);
  res.on('finish', () => {
    entry.answered = res.statusCode;
  });
  res.on('close', () => {
    entry.endedAt = now();
  });
  return body;
}

function parseJson(text: unknown): unknown {
  if (typeof text !== 'string') return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function textOf(body: unknown, name: string): string {
  if (typeof body !== 'object' || body === null) return '';
  const value: unknown = Reflect.get(body, name);
  return typeof value === 'string' ? value : '';
}
