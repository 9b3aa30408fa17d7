import { createServer } from 'node:http';
import { openCertificateAuthority, openServerCertificate } from './certificates.ts';
import { type Entra, startEntra } from './entra/entra.ts';
import type { EntraControls } from './entra/entra-controls.ts';
import {
  callerAudience,
  callerTenantId,
  partnerClientId,
  partnerClientSecret,
  partnerTenantId,
} from './identities.ts';
import { listen } from './listening.ts';
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
  /** Where the certificate authority is kept; default `data/emulator`. */
  dataDirectory?: string;
  /** How long an upgrade stays pending and in progress; default 1500 and 3000 ms. */
  pace?: Pace;
  /** Redirect URIs of the partner's application besides the gateway's callback on any loopback port. */
  redirectUris?: readonly string[];
  /** PEM of a certificate by which the partner's application proves itself, instead of by its secret. */
  partnerClientCertificate?: string;
  /** Milliseconds since 1970, for upgrades' progress and the times in records; default the machine's clock. */
  now?: () => number;
}

/** Stands in for Microsoft: Entra ID with a caller tenant and a partner tenant, and Partner Center's upgrade API. */
export interface Emulator {
  /** Entra ID, `https://localhost:PORT`, for `ENTRA_AUTHORITY`. */
  authority: string;
  /** Partner Center, `http://localhost:PORT`; plain http, as it is on loopback. */
  partnerCenterUrl: string;
  /** PEM of the authority behind Entra ID's certificate, which clients have to trust. */
  certificateAuthority: string;
  certificateAuthorityPath: string;
  /** The gateway's variables for this emulator; without PARTNER_CLIENT_SECRET where a certificate is used. */
  environment: Record<string, string>;
  entra: EntraControls;
  partnerCenter: PartnerCenterControls;
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

  const partnerCenterServer = createServer();
  const partnerCenterPort = await listen(partnerCenterServer, options.partnerCenterPort ?? 0, host);
  const partnerCenterUrl = `http://${hostname}:${partnerCenterPort.port}`;
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
  const partnerCenter = createPartnerCenter({
    url: partnerCenterUrl,
    tenant: entra.partnerTenant,
    issueRefreshToken: entra.controls.issueRefreshToken,
    pace,
    now,
  });
  partnerCenterServer.on('request', partnerCenter.app);

  let stopped: Promise<void> | undefined;
  return {
    authority: entra.authority,
    partnerCenterUrl,
    certificateAuthority: authorityPair.cert,
    certificateAuthorityPath: authorityPair.path,
    environment: {
      ...gatewayEnvironment(entra.authority, partnerCenterUrl),
      ...(options.partnerClientCertificate === undefined
        ? { PARTNER_CLIENT_SECRET: partnerClientSecret }
        : {}),
    },
    entra: entra.controls,
    partnerCenter: partnerCenter.controls,
    stop() {
      stopped ??= Promise.all([entra.listening.close(), partnerCenterPort.close()]).then(() => undefined);
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
