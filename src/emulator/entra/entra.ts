import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { CertificateWithKey } from '../certificates.ts';
import { partnerTenantId } from '../identities.ts';
import { createJournal } from '../journal.ts';
import { type Listening, listen } from '../listening.ts';
import { callerTenant } from './caller-tenant.ts';
import { createEntraControls, type EntraControls } from './entra-controls.ts';
import { createEntraHandler, type EntraRequest } from './entra-server.ts';
import { partnerTenant } from './partner-tenant.ts';
import { createTenant, type Tenant } from './tenant.ts';
import { createTokenClient } from './token-client.ts';
import { createTokenFaults } from './token-faults.ts';

export interface EntraOptions {
  host: string;
  hostname: string;
  /** 0 = a free one. */
  port: number;
  certificate: CertificateWithKey;
  /** PEM of the authority that signed `certificate`. */
  certificateAuthority: string;
  partnerCenterUrl: string;
  redirectUris: readonly string[];
  partnerClientCertificate: string | undefined;
  now(): number;
}

/** The emulated Entra ID, listening. */
export interface Entra {
  authority: string;
  partnerTenant: Tenant;
  controls: EntraControls;
  listening: Listening;
}

/** Starts both tenants behind one TLS port. */
export async function startEntra(options: EntraOptions): Promise<Entra> {
  const server = createServer({ cert: options.certificate.cert, key: options.certificate.key });
  const listening = await listen(server, options.port, options.host);
  try {
    return await connect(server, listening, options);
  } catch (error) {
    await listening.close();
    throw error;
  }
}

async function connect(server: Server, listening: Listening, options: EntraOptions): Promise<Entra> {
  const authority = `https://${options.hostname}:${listening.port}`;
  const secrets = createJournal<string>();
  const records = new WeakMap<IncomingMessage, EntraRequest>();
  const wire = {
    authority,
    onTokenRequest(request: IncomingMessage, grantType: string) {
      const entry = records.get(request);
      if (entry) entry.grantType = grantType;
    },
    onSecret: (secret: string) => secrets.add(secret),
  };
  const [caller, partner] = await Promise.all([
    createTenant(callerTenant(authority), wire),
    createTenant(
      partnerTenant({
        authority,
        redirectUris: options.redirectUris,
        clientCertificate: options.partnerClientCertificate,
      }),
      wire,
    ),
  ]);

  const shared = { faults: createTokenFaults(), journal: createJournal<EntraRequest>() };
  const controlKey = randomUUID();
  const tenants = new Map([caller, partner].map((tenant) => [tenant.tenantId, tenant]));
  const { now, certificateAuthority } = options;
  server.on(
    'request',
    createEntraHandler({
      ...shared,
      authority,
      tenants,
      records,
      controlKey,
      now,
      failingTenantId: partnerTenantId,
    }),
  );
  const requestToken = createTokenClient({
    host: reachable(options.host),
    port: listening.port,
    certificateAuthority,
    controlKey,
  });
  const controls = createEntraControls({
    ...shared,
    callerTenant: caller,
    partnerTenant: partner,
    partnerCenterUrl: options.partnerCenterUrl,
    requestToken,
    secrets,
  });
  return { authority, partnerTenant: partner, controls, listening };
}

/** An address to reach a server by that may listen on all of them. */
function reachable(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  return host === '::' ? '::1' : host;
}
