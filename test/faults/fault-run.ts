import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { createPartnerCredentialParts } from '../../src/connect-partner.ts';
import { type Emulator, startEmulator } from '../../src/emulator/emulator.ts';
import { createHttpClient } from '../../src/http-client.ts';
import { loadSettings } from '../../src/settings.ts';
import {
  createSqliteFaultDatabase,
  type FaultDatabase,
  readLedger,
  startPostgresFaultDatabase,
} from './fault-database.ts';
import { causeTrouble, type TroubleCounts } from './fault-schedule.ts';
import { countKills, createGatewayFleet, type GatewayFleet, type KillKind } from './gateway-fleet.ts';
import { createOrderClient } from './order-client.ts';
import { createRandom, type Random } from './random.ts';
import { createSpareProcesses } from './spare-processes.ts';
import { startSteadyClock } from './steady-clock.ts';
import { createTraffic, type Progress } from './traffic.ts';
import { judge, type Verdict } from './verdict.ts';

export interface FaultRunOptions {
  readonly database: 'sqlite' | 'postgres';
  /** More than one needs PostgreSQL. */
  readonly instances: number;
  readonly orders: number;
  /** At least so many gateways are killed, while orders are under way. */
  readonly kills: number;
  /** Clients that order side by side. */
  readonly clients: number;
  readonly seed: number;
  /** How long a gateway lives at most before it is killed, in milliseconds. */
  readonly longestLifeMs: number;
  /** The database gets into trouble every so often, in milliseconds. */
  readonly databaseTroubleEveryMs: number;
  /** The whole run ends by then, in milliseconds; what is not done is a failure. */
  readonly timeoutMs: number;
  /** Ends the run early; what is not done is a failure. */
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: Progress & { readonly kills: number }) => void;
}

export interface FaultReport {
  readonly options: FaultRunOptions;
  readonly kills: ReadonlyMap<KillKind, number>;
  readonly trouble: TroubleCounts;
  readonly progress: Progress;
  readonly requests: number;
  readonly createCalls: number;
  readonly upgrades: number;
  readonly ordersInLedger: number;
  readonly verdict: Verdict;
  /** Gateways that ended by themselves, with their output. */
  readonly crashes: readonly string[];
  readonly durationMs: number;
  /** Where the gateways' output is kept; there was a failure. */
  readonly folder?: string;
}

/**
 * Times that have to fit together. One call to Partner Center with its retries takes up to 1.2 s. As long as a gateway
 * may still repeat it, Partner Center knows it by its MS-RequestId or names the upgrade in its eligibility answer. A
 * gateway that takes over from a dead one comes when the MS-RequestId is forgotten.
 */
const partnerCenterTimeoutMs = 600;
const recall = { eligibilityBlindMs: 300, requestIdsMs: 3_000, createBlindMs: 30_000 };
const orderLeaseMs = 3_500;
// No upgrade ends while Partner Center would still start a second one beside it.
const pace = { pendingMs: 20_000, inProgressMs: 20_000 };

/** What is started, to be ended in the reverse order, whatever happens. */
function createCleanUp() {
  const tasks: (() => Promise<unknown>)[] = [];
  return {
    later: (task: () => Promise<unknown>) => void tasks.push(task),
    async run() {
      for (const task of tasks.toReversed()) await task().catch((error: unknown) => console.error(error));
    },
  };
}

async function storeCredential(emulator: Emulator, variables: Readonly<Record<string, string>>) {
  const { store } = createPartnerCredentialParts(loadSettings({ variables }), createHttpClient(), Date.now);
  await store.save({ refreshToken: await emulator.entra.issueRefreshToken(), issuedAt: Date.now() });
}

const issueTokens = ({ entra }: Emulator) =>
  Promise.all([
    entra.issueCallerToken({ user: 'alice' }),
    entra.issueCallerToken({ application: 'portal' }),
    entra.issueCallerToken({ user: 'admin' }),
  ]);

interface Stage {
  readonly options: FaultRunOptions;
  readonly folder: string;
  readonly random: Random;
  readonly emulator: Emulator;
  readonly database: FaultDatabase;
  readonly fleet: GatewayFleet;
  readonly variables: Readonly<Record<string, string>>;
}

const progressEveryMs = 10_000;
// So many gateways may be killed before orders have to follow.
const killsAhead = 10;

/** Orders amid faults; then restarts everything, and waits until there is an answer to each order. */
async function order({ options, random, emulator, database, fleet, variables }: Stage) {
  const failed = new AbortController();
  const givingUp = AbortSignal.any([
    failed.signal,
    AbortSignal.timeout(options.timeoutMs),
    ...(options.signal ? [options.signal] : []),
  ]);
  let isCalm = false;
  const client = createOrderClient({
    tokens: await issueTokens(emulator),
    urls: fleet.urls,
    random: random.fork('client'),
    givingUp,
    cutPercent: () => (isCalm ? 0 : 4),
  });
  const killed = () => countKills(fleet.kills);
  const traffic = createTraffic({
    ...options,
    client,
    random: random.fork('traffic'),
    killed,
    givingUp,
    onAnswered(answered) {
      const inPace = killsAhead + (1.3 * options.kills * answered) / options.orders;
      fleet.allowKills(Math.min(options.kills, inPace));
      if (answered === options.orders) fleet.hurry();
    },
  });
  const trouble = causeTrouble({
    ...options,
    upstream: emulator.partnerCenter,
    database,
    random: random.fork('trouble'),
  });
  const telling = setInterval(
    () => options.onProgress?.({ ...traffic.progress(), kills: killed() }),
    progressEveryMs,
  );
  const running = traffic.run(trouble.beforeOrder);
  running.catch(() => failed.abort()); // nothing below waits in vain
  try {
    await traffic.allStarted;
    await trouble.stop();
    await database.restart();
    await fleet.restartAll();
    isCalm = true;
    await running;
    await traffic.until(async () => {
      const { orders } = await readLedger(database.url, variables);
      return orders.every(({ state }) => state !== 'intended' && state !== 'unknown');
    });
    await traffic.repeatAll();
  } finally {
    clearInterval(telling);
    failed.abort();
    await running.catch(() => undefined);
  }
  return {
    ...traffic.facts(),
    progress: traffic.progress(),
    trouble: trouble.counts,
    requests: client.requests(),
  };
}

/** What everybody says at the end, and how it fits together. */
async function play(stage: Stage): Promise<Omit<FaultReport, 'durationMs' | 'folder'>> {
  const { options, emulator, database, fleet, variables } = stage;
  const { progress, trouble, requests, ...clientFacts } = await order(stage);
  const upgrades = emulator.partnerCenter.upgrades();
  const creates = emulator.partnerCenter
    .requests()
    .flatMap(({ operation, headers, body, at, endedAt = Number.POSITIVE_INFINITY }) =>
      operation === 'create'
        ? [
            {
              requestId: headers['ms-requestid'] ?? '',
              customerId: toCustomerId(body),
              sentBy: headers['ms-partnercenter-application'] ?? '',
              at,
              endedAt,
            },
          ]
        : [],
    );
  const ledger = await readLedger(database.url, variables);
  return {
    options,
    kills: fleet.kills,
    trouble,
    progress,
    requests,
    createCalls: creates.length,
    upgrades: upgrades.length,
    ordersInLedger: ledger.orders.length,
    verdict: judge({ ...clientFacts, upgrades, creates, ledger }),
    crashes: fleet.crashes,
  };
}

const toCustomerId = (body: unknown) =>
  typeof body === 'object' && body !== null && 'customerId' in body ? String(body.customerId) : '';

/** Whether nothing was lost or doubled, nobody was told two things, and the run was as long and as rough as asked for. */
export function isPassed({
  verdict,
  crashes,
  options,
  kills,
  progress,
}: Omit<FaultReport, 'durationMs'>): boolean {
  return (
    Object.values(verdict).every(({ length }) => length === 0) &&
    crashes.length === 0 &&
    countKills(kills) >= options.kills &&
    progress.answered === options.orders
  );
}

/** Runs real gateways into all kinds of faults. Ends every process that it started. */
export async function runFaults(options: FaultRunOptions): Promise<FaultReport> {
  const startedAt = performance.now();
  const random = createRandom(options.seed);
  const folder = await mkdtemp(join(tmpdir(), 'gateway-faults-'));
  const cleanUp = createCleanUp();
  let isKept = true;
  try {
    const clock = startSteadyClock();
    cleanUp.later(async () => clock.stop());
    const emulator = await startEmulator({
      dataDirectory: join(folder, 'emulator'),
      pace,
      recall,
      capacity: Math.max(10_000, 20 * options.orders),
      now: clock.now,
    });
    cleanUp.later(() => emulator.stop());
    setDefaultCACertificates([...getCACertificates('default'), emulator.certificateAuthority]);
    const database =
      options.database === 'sqlite' ? createSqliteFaultDatabase(folder) : await startPostgresFaultDatabase();
    cleanUp.later(() => database.stop());
    const key = randomBytes(32).toString('base64');
    const variablesOf = (instance: number): Record<string, string> => ({
      ...emulator.environment,
      HOST: '127.0.0.1',
      PORT: '0',
      OPERATIONS_PORT: '0',
      PUBLIC_URL: 'https://upgrades.example.test',
      CREDENTIAL_STORE: `file:${join(folder, `credential-${instance}`)}`,
      CREDENTIAL_KEY: key,
      DATABASE_URL: database.url,
      PARTNER_CENTER_TIMEOUT_MS: String(partnerCenterTimeoutMs),
      PARTNER_CENTER_APPLICATION: `gateway ${instance}`,
      RATE_LIMIT_PER_MINUTE: '1000000',
      LOG_LEVEL: process.env['FAULTS_LOG_LEVEL'] ?? 'warn',
    });
    for (let index = 0; index < options.instances; index += 1)
      await storeCredential(emulator, variablesOf(index));
    const spares = createSpareProcesses({
      folder,
      count: options.instances > 1 ? 2 : 1,
      environment: { NODE_EXTRA_CA_CERTS: emulator.certificateAuthorityPath },
    });
    cleanUp.later(() => spares.stop());
    const fleet = createGatewayFleet({
      instances: options.instances,
      spares,
      random: random.fork('fleet'),
      longestLifeMs: options.longestLifeMs,
      latestOccurrence: Math.ceil((0.7 * options.orders) / options.kills),
      lifeOf: (index) => ({
        variables: variablesOf(index),
        options: { statusIntervalMs: 1_000, backoffBaseMs: 20, recoveryIntervalMs: 300, orderLeaseMs },
      }),
    });
    cleanUp.later(() => fleet.stop());
    const report = await play({
      options,
      folder,
      random,
      emulator,
      database,
      fleet,
      variables: variablesOf(0),
    });
    isKept = !isPassed(report);
    return { ...report, durationMs: performance.now() - startedAt, ...(isKept && { folder }) };
  } finally {
    await cleanUp.run();
    if (!isKept) await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}
