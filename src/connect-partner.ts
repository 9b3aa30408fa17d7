import type { UseDatabase } from './database/use-database.ts';
import { fetchMetadata } from './entra-id/metadata.ts';
import type { HttpClient } from './http-client.ts';
import { createAccessCheck } from './partner-center/access-check.ts';
import { createConsentSessions } from './partner-credential/consent-sessions.ts';
import { createEntraTokenClient, type EntraTokenClient } from './partner-credential/entra-token-client.ts';
import { createFileCredentialStore } from './partner-credential/file-credential-store.ts';
import { createKeyVaultCredentialStore } from './partner-credential/key-vault-credential-store.ts';
import { createPartnerConnection, type PartnerConnection } from './partner-credential/partner-connection.ts';
import type {
  ConsentSessions,
  CredentialLog,
  CredentialStore,
  RedeemRefreshToken,
  RenewalOutcome,
} from './partner-credential/ports.ts';
import { type Settings, SettingsError } from './settings.ts';

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

/** The partner credential's store and its client of Entra ID, which the commands use without a gateway. */
export function createPartnerCredentialParts(
  settings: Settings,
  http: HttpClient,
  now: () => number,
): { store: CredentialStore; redeem: RedeemRefreshToken; entra: EntraTokenClient } {
  const { partner, partnerCenter, entra } = settings;
  const entraClient = createEntraTokenClient({
    clientId: partner.clientId,
    // The settings make sure that there is one of the two.
    proof: partner.clientCertificate ?? { clientSecret: partner.clientSecret ?? '' },
    scope: partnerCenter.scope,
    getMetadata: () => fetchMetadata(http, entra.authority, partner.tenantId),
    now,
  });
  return { store: createCredentialStore(settings), redeem: entraClient.redeem, entra: entraClient };
}

export interface ConnectPartnerParts {
  readonly store: CredentialStore;
  readonly entra: EntraTokenClient;
  readonly http: HttpClient;
  readonly useDatabase: UseDatabase;
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
  { useDatabase, http, ...parts }: ConnectPartnerParts,
): PartnerConnection & { readonly sessions: ConsentSessions } {
  const { now } = parts;
  const sessions = createConsentSessions({ useDatabase, now });
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
