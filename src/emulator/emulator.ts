import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { openCertificateAuthority, openServerCertificate } from './certificates.ts';
import { type Entra, startEntra } from './entra/entra.ts';
import type { EntraControls } from './entra/entra-controls.ts';
import {
  callerAudience,
  callerTenantId,
  gatewayIdentity,
  partnerClientId,
  partnerClientSecret,
  partnerTenantId,
} from './identities.ts';
import { type KeyVault, startKeyVault } from './key-vault/key-vault.ts';
import type { KeyVaultControls } from './key-vault/key-vault-controls.ts';
import { listen } from './listening.ts';
import type { Recall } from './partner-center/operations.ts';
import { createPartnerCenter } from './partner-center/partner-center.ts';
import type { PartnerCenterControls } from './partner-center/partner-center-controls.ts';
import type { Pace } from './partner-center/upgrade-book.ts';

export interface EmulatorOptions {
  /** Address to listen on; default `127.0.0.1`. */
  host?: string;
  /** Name in URLs and in the certificate; default `localhost`. */
  hostname?: string;
  /** Default 0 = a free one. */
  entraPort?: number;
  /** Default 0 = a free one. */
  partnerCenterPort?: number;
  /** Default 0 = a free one. */
  keyVaultPort?: number;
  /** Serve Partner Center over TLS as well, for clients on other machines, which take plain http for loopback alone. */
  partnerCenterTls?: boolean;
  /** Where the certificate authority is kept; default `data/emulator`. */
  dataDirectory?: string;
  /** How long an upgrade stays pending and in progress; default 1500 and 3000 ms. */
  pace?: Pace;
  /** How well Partner Center remembers, for tests of clients that must not rely on it; default: everything, at once. */
  recall?: Recall;
  /** How many upgrades, calls and request ids Partner Center remembers; default 10,000, the oldest go first. */
  capacity?: number;
  /** Redirect URIs of the partner's application besides the gateway's callback on any loopback port. */
  redirectUris?: readonly string[];
  /** PEM of a certificate by which the partner's application proves itself, instead of by its secret. */
  partnerClientCertificate?: string;
  /** Milliseconds since 1970, for upgrades' progress and the times in records; default the machine's clock. */
  now?: () => number;
}

/** Stands in for Microsoft: Entra ID with a caller and a partner tenant, Partner Center's upgrade API, and a Key Vault. */
export interface Emulator {
  /** Entra ID, `https://localhost:PORT`, for `ENTRA_AUTHORITY`. */
  authority: string;
  /** Partner Center, `http://localhost:PORT`; plain http, as it is on loopback, unless `partnerCenterTls`. */
  partnerCenterUrl: string;
  /** Key Vault, `https://localhost:PORT`, for `CREDENTIAL_STORE=keyvault:{it}/SECRET-NAME`. */
  keyVaultUrl: string;
  /** PEM of the authority behind the certificate of Entra ID and Key Vault, which clients have to trust. */
  certificateAuthority: string;
  certificateAuthorityPath: string;
  /** The gateway's variables for this emulator; without PARTNER_CLIENT_SECRET where a certificate is used. */
  environment: Record<string, string>;
  /** The Azure SDK's variables (AZURE_TENANT_ID, …) by which the gateway gets an identity that may use the vault. */
  azureEnvironment: Record<string, string>;
  entra: EntraControls;
  partnerCenter: PartnerCenterControls;
  keyVault: KeyVaultControls;
  /** Ends all connections at once; resolves when the ports are free. Can be called again. */
  stop(): Promise<void>;
}

const defaultPace: Pace = { pendingMs: 1500, inProgressMs: 3000 };

/** Starts the emulator; several can run side by side, each with a state of its own. */
export async function startEmulator(options: EmulatorOptions = {}): Promise<Emulator> {
  const { host = '127.0.0.1', hostname = 'localhost', now = Date.now, pace = defaultPace } = options;
  checkPace(pace);
  const dataDirectory = options.dataDirectory ?? 'data/emulator';
  const authorityPair = await openCertificateAuthority(dataDirectory);
  const names = ['localhost', '127.0.0.1', '::1', hostname];
  const certificate = await openServerCertificate(dataDirectory, authorityPair, names);

  const partnerCenterServer = options.partnerCenterTls ? createTlsServer(certificate) : createServer();
  const partnerCenterPort = await listen(partnerCenterServer, options.partnerCenterPort ?? 0, host);
  const scheme = options.partnerCenterTls ? 'https' : 'http';
  const partnerCenterUrl = `${scheme}://${hostname}:${partnerCenterPort.port}`;
  let entra: Entra;
  try {
    entra = await startEntra({
      host,
      hostname,
      port: options.entraPort ?? 0,
      certificate,
      certificateAuthority: authorityPair.cert,
      partnerCenterUrl,
      redirectUris: options.redirectUris ?? [],
      partnerClientCertificate: options.partnerClientCertificate,
      now,
    });
  } catch (error) {
    await partnerCenterPort.close();
    throw error;
  }
  let keyVault: KeyVault;
  try {
    keyVault = await startKeyVault({
      host,
      hostname,
      port: options.keyVaultPort ?? 0,
      certificate,
      authority: entra.authority,
      tenant: entra.partnerTenant,
      now,
    });
  } catch (error) {
    await Promise.all([entra.listening.close(), partnerCenterPort.close()]);
    throw error;
  }
  const partnerCenter = createPartnerCenter({
    url: partnerCenterUrl,
    tenant: entra.partnerTenant,
    issueRefreshToken: entra.controls.issueRefreshToken,
    pace,
    recall: options.recall ?? {},
    capacity: options.capacity,
    now,
  });
  partnerCenterServer.on('request', partnerCenter.app);

  let stopped: Promise<void> | undefined;
  return {
    authority: entra.authority,
    partnerCenterUrl,
    keyVaultUrl: keyVault.url,
    certificateAuthority: authorityPair.cert,
    certificateAuthorityPath: authorityPair.path,
    environment: {
      ...gatewayEnvironment(entra.authority, partnerCenterUrl),
      ...(options.partnerClientCertificate === undefined
        ? { PARTNER_CLIENT_SECRET: partnerClientSecret }
        : {}),
    },
    azureEnvironment: {
      AZURE_TENANT_ID: partnerTenantId,
      AZURE_CLIENT_ID: gatewayIdentity.clientId,
      AZURE_CLIENT_SECRET: gatewayIdentity.clientSecret,
      AZURE_AUTHORITY_HOST: entra.authority,
    },
    entra: entra.controls,
    partnerCenter: partnerCenter.controls,
    keyVault: keyVault.controls,
    stop() {
      stopped ??= Promise.all([
        entra.listening.close(),
        partnerCenterPort.close(),
        keyVault.listening.close(),
      ]).then(() => undefined);
      return stopped;
    },
  };
}

function gatewayEnvironment(authority: string, partnerCenterUrl: string): Record<string, string> {
  return {
    ENTRA_AUTHORITY: authority,
    CALLER_TENANT_ID: callerTenantId,
    CALLER_AUDIENCE: callerAudience,
    PARTNER_TENANT_ID: partnerTenantId,
    PARTNER_CLIENT_ID: partnerClientId,
    PARTNER_CENTER_URL: partnerCenterUrl,
  };
}

function checkPace({ pendingMs, inProgressMs }: Pace): void {
  for (const [name, value] of Object.entries({ pendingMs, inProgressMs })) {
    if (!Number.isFinite(value) || value < 0)
      throw new Error(`pace.${name} must be milliseconds from 0, not ${value}`);
  }
}
