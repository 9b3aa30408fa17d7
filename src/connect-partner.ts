import type { OpenDatabase } from './database/database.ts';
import type { HttpClient } from './http-client.ts';
import { createAccessCheck } from './partner-center/access-check.ts';
import { createConsentSessions } from './partner-credential/consent-sessions.ts';
import type { EntraTokenClient } from './partner-credential/entra-token-client.ts';
import { createPartnerConnection, type PartnerConnection } from './partner-credential/partner-connection.ts';
import type {
  ConsentSessions,
  CredentialLog,
  CredentialStore,
  RenewalOutcome,
} from './partner-credential/ports.ts';
import { createUseDatabase } from './product-upgrades/database-guard.ts';
import type { Settings } from './settings.ts';

export interface ConnectPartnerParts {
  readonly store: CredentialStore;
  readonly entra: EntraTokenClient;
  readonly http: HttpClient;
  readonly database: OpenDatabase;
  readonly log: CredentialLog;
  readonly now: () => number;
  readonly onRenewal?: (outcome: RenewalOutcome) => void;
}

/** What only the instances of the gateway know. */
function toApplicationSecret({ clientSecret, clientCertificate }: Settings['partner']): Buffer {
  if (clientCertificate) return clientCertificate.privateKey.export({ type: 'pkcs8', format: 'der' });
  return Buffer.from(clientSecret ?? '', 'utf8'); // the settings make sure that there is one of the two
}

/** The composition root's part for the partner credential: its use cases, with their adapters. */
export function connectPartner(
  { partner, partnerCenter, server }: Settings,
  { database, http, ...parts }: ConnectPartnerParts,
): PartnerConnection & { readonly sessions: ConsentSessions } {
  const { now } = parts;
  const sessions = createConsentSessions({ useDatabase: createUseDatabase(database), now });
  const connection = createPartnerConnection({
    ...parts,
    sessions,
    checkAccess: createAccessCheck({ ...partnerCenter, http, now }),
    partnerTenantId: partner.tenantId,
    applicationSecret: toApplicationSecret(partner),
    ...(partner.clientCertificate && { clientCertificate: partner.clientCertificate.certificate }),
    publicUrl: server.publicUrl,
  });
  return { ...connection, sessions };
}
