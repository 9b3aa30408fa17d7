import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { createApp } from './app.ts';
import { createAuthenticate } from './callers/authenticate.ts';
import { createSigningKeys, type SigningKeys } from './callers/signing-keys.ts';
import { openDatabase } from './database/database.ts';
import { fetchMetadata, fetchSigningKeys } from './entra-id/metadata.ts';
import { GatewayError, LedgerUnavailableError } from './errors.ts';
import type { HealthChecks } from './http/health.ts';
import { listen } from './http/server.ts';
import { createHttpClient, type HttpClient } from './http-client.ts';
import { createPartnerCenterClient } from './partner-center/client.ts';
import { createProductUpgradeOperations } from './partner-center/product-upgrade-operations.ts';
import { createEntraTokenClient } from './partner-credential/entra-token-client.ts';
import { createFileCredentialStore } from './partner-credential/file-credential-store.ts';
import { createKeyVaultCredentialStore } from './partner-credential/key-vault-credential-store.ts';
import type {
  CredentialStore,
  PartnerTokenCredential,
  RedeemRefreshToken,
} from './partner-credential/ports.ts';
import { createPartnerTokenCredential } from './partner-credential/token-credential.ts';
import { createCheckEligibility } from './product-upgrades/check-eligibility.ts';
import { createLedger } from './product-upgrades/ledger.ts';
import { createOrderLeases } from './product-upgrades/order-lease.ts';
import { createOrderUpgrade, type OrderPoint } from './product-upgrades/order-upgrade.ts';
import type { Ledger } from './product-upgrades/ports.ts';
import { createRecoverOrders } from './product-upgrades/recover-orders.ts';
import { createResolveOrder } from './product-upgrades/resolve-order.ts';
import { createWatchUpgrade } from './product-upgrades/watch-upgrade.ts';
import { type Settings, SettingsError } from './settings.ts';
import { createLog, type Log, type LogDestination } from './telemetry/log.ts';

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
  /** For tests that make the process die at a point of an order; no setting leads here. */
  readonly atPoint?: (point: OrderPoint) => void | Promise<void>;
}

export interface Gateway {
  /** Where it listens, as `http://host:port`. */
  readonly url: string;
  readonly log: Log;
  /** Not ready at once; after `drainMs` no new connections; then what runs is finished, within limits. */
  stop(options?: { readonly drainMs?: number }): Promise<void>;
}

const defaultStatusIntervalMs = 5_000;

function createCredentialStore({ credential, partner }: Settings): CredentialStore {
  const owner = { partnerTenantId: partner.tenantId, clientId: partner.clientId };
  if (credential.store.kind === 'keyvault')
    return createKeyVaultCredentialStore({
      ...owner,
      vaultUrl: credential.store.vaultUrl,
      secretName: credential.store.secretName,
    });
  if (!credential.key) throw new SettingsError([{ path: 'CREDENTIAL_KEY', message: 'is required' }]);
  return createFileCredentialStore({ ...owner, path: credential.store.path, key: credential.key });
}

/** The partner credential's parts, which the commands use without a gateway. */
export function createPartnerCredentialParts(
  settings: Settings,
  http: HttpClient,
  now: () => number,
): { store: CredentialStore; redeem: RedeemRefreshToken } {
  const { partner, partnerCenter, entra } = settings;
  const store = createCredentialStore(settings);
  const redeem = createEntraTokenClient({
    clientId: partner.clientId,
    // The settings make sure that there is one of the two.
    proof: partner.clientCertificate ?? { clientSecret: partner.clientSecret ?? '' },
    scope: partnerCenter.scope,
    getMetadata: () => fetchMetadata(http, entra.authority, partner.tenantId),
    now,
  });
  return { store, redeem };
}

function createHealthChecks(
  ledger: Ledger,
  signingKeys: SigningKeys,
  credential: PartnerTokenCredential,
  stopping: AbortSignal,
): HealthChecks {
  return {
    process: () =>
      stopping.aborted ? { status: 'failing', detail: 'The gateway is stopping.' } : { status: 'ok' },
    async ledger() {
      try {
        await ledger.check();
        return { status: 'ok' };
      } catch (error) {
        if (error instanceof LedgerUnavailableError) return { status: 'failing', detail: error.message };
        throw error;
      }
    },
    async callerKeys() {
      if (!signingKeys.current) await signingKeys.refresh();
      return signingKeys.current
        ? { status: 'ok' }
        : {
            status: 'failing',
            detail: 'Entra ID’s signing keys could not be fetched yet: no caller can be let in.',
          };
    },
    async partnerCredential() {
      try {
        await credential.getToken();
        return { status: 'ok' };
      } catch (error) {
        if (error instanceof GatewayError) return { status: 'degraded', detail: error.message };
        throw error;
      }
    },
  };
}

/** Puts the gateway together from its settings, and starts it. This is the only place that chooses adapters. */
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
    atPoint,
  }: GatewayOptions = {},
): Promise<Gateway> {
  const { server, callers, entra, partnerCenter } = settings;
  const log = createLog({
    level: settings.log.level,
    ...(logDestination && { destination: logDestination }),
  });
  const http = createHttpClient();
  const { store, redeem } = createPartnerCredentialParts(settings, http, now);
  const credential = createPartnerTokenCredential({ store, redeem, log, now });
  const operations = createProductUpgradeOperations(
    createPartnerCenterClient({ ...partnerCenter, http, credential, log, now, backoffBaseMs }),
  );
  const signingKeys = createSigningKeys({
    fetchMetadata: () => fetchMetadata(http, entra.authority, callers.tenantId, callerKeysTimeoutMs),
    fetchKeys: (metadata) => fetchSigningKeys(http, metadata, callerKeysTimeoutMs),
    log,
    now,
  });
  const database = await openDatabase(settings.database.url, log);
  const ledger = createLedger(database);
  const useCaseParts = { partnerCenter: operations, ledger, now, newId: randomUUID, log };
  const leases = createOrderLeases({ ...useCaseParts, leaseMs: orderLeaseMs });
  const resolveOrder = createResolveOrder({ ...useCaseParts, backoffBaseMs: recoveryIntervalMs });
  const orderParts = { ...useCaseParts, leases, resolveOrder, backoffBaseMs: recoveryIntervalMs };
  const recovery = createRecoverOrders({ ...orderParts, intervalMs: recoveryIntervalMs });
  const stopping = new AbortController();

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
    pollAfterSeconds: Math.max(1, Math.ceil(statusIntervalMs / 1000)),
    healthChecks: createHealthChecks(ledger, signingKeys, credential, stopping.signal),
    log,
    now,
    stopping: stopping.signal,
  });
  const listening = await listen(app, server).catch(async (error: unknown) => {
    await database.destroy();
    throw error;
  });
  const url = `http://${server.host.includes(':') ? `[${server.host}]` : server.host}:${listening.port}`;
  log.info({ url, publicUrl: server.publicUrl }, 'The gateway is listening');

  // What the first request needs is fetched before it comes; whatever fails is in the log and in /health/ready.
  void signingKeys.refresh();
  void credential
    .getToken()
    .catch((error: unknown) => log.error({ err: error }, 'No partner token can be had'));

  const recovering = recovery.run(stopping.signal);

  return {
    url,
    log,
    async stop({ drainMs = 0 } = {}) {
      stopping.abort();
      log.info({ drainMs }, 'The gateway is stopping');
      if (drainMs > 0) await sleep(drainMs);
      await Promise.all([listening.stop(2 * partnerCenter.timeoutMs + 5_000), recovering]);
      await database.destroy();
      log.info({}, 'The gateway has stopped');
    },
  };
}
