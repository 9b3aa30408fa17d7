import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { createApp } from './app.ts';
import { createAuthenticate } from './callers/authenticate.ts';
import { createSigningKeys } from './callers/signing-keys.ts';
import { connectPartner, createPartnerCredentialParts } from './connect-partner.ts';
import { openDatabase } from './database/database.ts';
import { createUseDatabase, type UseDatabase } from './database/use-database.ts';
import { fetchMetadata, fetchSigningKeys } from './entra-id/metadata.ts';
import { createOperationsApp } from './http/operations.ts';
import { listen } from './http/server.ts';
import { createHttpClient } from './http-client.ts';
import { createPartnerCenterClient } from './partner-center/client.ts';
import { createProductUpgradeOperations } from './partner-center/product-upgrade-operations.ts';
import { addCredentialGauges, createRenewalCounter } from './partner-credential/credential-metrics.ts';
import { createCheckEligibility } from './product-upgrades/check-eligibility.ts';
import { createLateAcceptances, withLateAcceptances } from './product-upgrades/late-acceptances.ts';
import { createLedger } from './product-upgrades/ledger.ts';
import { createOrderLeases } from './product-upgrades/order-lease.ts';
import { createOrderUpgrade } from './product-upgrades/order-upgrade.ts';
import { createRecoverOrders } from './product-upgrades/recover-orders.ts';
import { createResolveOrder } from './product-upgrades/resolve-order.ts';
import type { OrderPoint } from './product-upgrades/types.ts';
import { createWatchUpgrade } from './product-upgrades/watch-upgrade.ts';
import { createReadinessChecks } from './readiness-checks.ts';
import type { Settings } from './settings.ts';
import { createLog, type Log, type LogDestination } from './telemetry/log.ts';
import { createMetrics } from './telemetry/metrics.ts';

export interface GatewayOptions {
  /** Where log lines go; standard output if left out. */
  readonly logDestination?: LogDestination;
  readonly now?: () => number;
  /** Partner Center is asked for an upgrade's status at most once in this time; pollers are told to wait as long. */
  readonly statusIntervalMs?: number;
  /** The first back-off before a call to Partner Center is repeated. */
  readonly backoffBaseMs?: number;
  /** How long Entra ID may take to hand out the keys that callers' tokens are verified with, for each request. */
  readonly callerKeysTimeoutMs?: number;
  /** How often recovery looks for orders whose outcome nobody knows, and its first back-off. */
  readonly recoveryIntervalMs?: number;
  /** How long an order stays with a gateway that died at work on it. */
  readonly orderLeaseMs?: number;
  /** How long a statement of the ledger's database may take, and its start be waited for. */
  readonly databasePatienceMs?: number;
  /** For tests that make the process die at a point of an order; no setting leads here. */
  readonly atPoint?: (point: OrderPoint) => void | Promise<void>;
}

/** A gateway that listens. */
export interface Gateway {
  /** Where it listens, as `http://host:port`. */
  readonly url: string;
  /** Where its metrics are, likewise. */
  readonly operationsUrl: string;
  readonly log: Log;
  /** Not ready at once; after `drainMs` no new connections; then what runs is finished, within limits. */
  stop(options?: { readonly drainMs?: number }): Promise<void>;
}

const defaultStatusIntervalMs = 5_000;

/** The partner connection without a gateway, for the commands. */
export function openPartnerConnection(settings: Settings, logDestination: LogDestination) {
  const http = createHttpClient();
  const log = createLog({ level: 'info', destination: logDestination });
  const credentialParts = createPartnerCredentialParts(settings, http, Date.now);
  // Consent alone needs the database: the credential can be looked at and imported without one.
  let opened: ReturnType<typeof openDatabase> | undefined;
  const useDatabase: UseDatabase = async (work) => {
    opened ??= openDatabase(settings.database.url, log);
    return createUseDatabase(await opened)(work);
  };
  const connection = connectPartner(settings, { ...credentialParts, http, useDatabase, log, now: Date.now });
  return {
    ...connection,
    close: async () => (await opened?.catch(() => undefined))?.destroy(),
  };
}

/** Puts the gateway together from its settings, and starts it. With connect-partner.ts, the only place that chooses adapters. */
export async function startGateway(
  settings: Settings,
  {
    logDestination,
    now = Date.now,
    statusIntervalMs = defaultStatusIntervalMs,
    backoffBaseMs = 500,
    callerKeysTimeoutMs,
    recoveryIntervalMs = 5_000,
    orderLeaseMs = 15_000,
    databasePatienceMs,
    atPoint,
  }: GatewayOptions = {},
): Promise<Gateway> {
  const { server, callers, entra, partnerCenter } = settings;
  const log = createLog({
    level: settings.log.level,
    ...(logDestination && { destination: logDestination }),
  });
  const http = createHttpClient();
  const credentialParts = createPartnerCredentialParts(settings, http, now); // before anything is opened
  const database = await openDatabase(settings.database.url, log, databasePatienceMs);
  const metrics = createMetrics();
  const partnerConnection = connectPartner(settings, {
    ...credentialParts,
    http,
    useDatabase: createUseDatabase(database),
    log,
    now,
    onRenewal: createRenewalCounter(metrics),
  });
  const { credential, diagnose, schedule, noteRefusal: onRefusal } = partnerConnection;
  addCredentialGauges(metrics, diagnose, now);
  const operations = createProductUpgradeOperations(
    createPartnerCenterClient({ ...partnerCenter, http, credential, log, now, backoffBaseMs, onRefusal }),
  );
  const signingKeys = createSigningKeys({
    fetchMetadata: () => fetchMetadata(http, entra.authority, callers.tenantId, callerKeysTimeoutMs),
    fetchKeys: (metadata) => fetchSigningKeys(http, metadata, callerKeysTimeoutMs),
    log,
    now,
  });
  const stopping = new AbortController();
  const recorded = createLedger(database);
  const lateAcceptances = createLateAcceptances({ ledger: recorded, now, log, stopping: stopping.signal });
  const ledger = withLateAcceptances(recorded, lateAcceptances);
  const useCaseParts = { partnerCenter: operations, ledger, now, newId: randomUUID, log };
  // Eligibility and create, each within two time-outs, with the tokens and the ledger's words around them.
  const longestWorkMs = 4 * partnerCenter.timeoutMs + 60_000;
  const leases = createOrderLeases({ ...useCaseParts, leaseMs: orderLeaseMs, longestWorkMs });
  const resolveOrder = createResolveOrder({ ...useCaseParts, backoffBaseMs: recoveryIntervalMs });
  const orderParts = {
    ...useCaseParts,
    leases,
    resolveOrder,
    lateAcceptances,
    backoffBaseMs: recoveryIntervalMs,
  };
  const recovery = createRecoverOrders({ ...orderParts, intervalMs: recoveryIntervalMs });

  const app = createApp({
    publicUrl: server.publicUrl,
    trustProxyHops: server.trustProxyHops,
    corsOrigins: server.corsOrigins,
    authenticate: createAuthenticate({ ...callers, signingKeys, now }),
    upgrades: {
      orderUpgrade: createOrderUpgrade({ ...orderParts, ...(atPoint && { atPoint }) }),
      watch: createWatchUpgrade({ ...useCaseParts, intervalMs: statusIntervalMs }),
      checkEligibility: createCheckEligibility(useCaseParts),
      records: ledger,
    },
    partnerConnection,
    pollAfterSeconds: Math.max(1, Math.ceil(statusIntervalMs / 1000)),
    healthChecks: createReadinessChecks({
      ledger,
      signingKeys,
      partnerConnection,
      stopping: stopping.signal,
    }),
    log,
    now,
    stopping: stopping.signal,
  });
  const closeDatabase = async (error: unknown) => {
    await database.destroy();
    throw error;
  };
  const listening = await listen(app, {
    ...server,
    idleTimeoutMs: 4 * partnerCenter.timeoutMs + 120_000,
  }).catch(closeDatabase);
  const operationsListening = await listen(
    createOperationsApp({ ...metrics, publicUrl: server.publicUrl, log }),
    {
      ...server,
      port: server.operationsPort,
    },
  ).catch(async (error: unknown) => {
    await listening.stop(0);
    return closeDatabase(error);
  });
  const toUrl = (port: number) =>
    `http://${server.host.includes(':') ? `[${server.host}]` : server.host}:${port}`;
  const url = toUrl(listening.port);
  const operationsUrl = toUrl(operationsListening.port);
  log.info({ url, operationsUrl, publicUrl: server.publicUrl }, 'The gateway is listening');

  // What the first request needs is fetched before it comes; whatever fails is in the log and in /health/ready.
  void signingKeys.refresh();
  void credential.getToken().catch(() => undefined); // the credential logs it
  schedule.start();
  const recovering = recovery.run(stopping.signal);

  return {
    url,
    operationsUrl,
    log,
    async stop({ drainMs = 0 } = {}) {
      stopping.abort();
      log.info({ drainMs }, 'The gateway is stopping');
      if (drainMs > 0) await sleep(drainMs);
      await Promise.all([listening.stop(2 * partnerCenter.timeoutMs + 5_000), recovering]);
      await Promise.all([operationsListening.stop(0), schedule.stop()]);
      await database.destroy();
      log.info({}, 'The gateway has stopped');
    },
  };
}
