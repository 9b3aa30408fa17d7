import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ClientSecretCredential } from '@azure/identity';
import type { Emulator } from '../../src/emulator/emulator.ts';
import { gatewayIdentity, partnerClientId, partnerTenantId } from '../../src/emulator/identities.ts';
import { createFileCredentialStore } from '../../src/partner-credential/file-credential-store.ts';
import {
  createKeyVaultCredentialStore,
  type KeyVaultCredentialStoreParts,
} from '../../src/partner-credential/key-vault-credential-store.ts';
import type { CredentialStore, PartnerCredential } from '../../src/partner-credential/ports.ts';

export const owner = { partnerTenantId, clientId: partnerClientId };

/** The first second of the tests' time; credentials are issued after it. */
export const epoch = Date.parse('2026-01-01T00:00:00Z');

/** A credential that is whole; a test names only what matters to it. Its age is given in seconds of the tests' time. */
export const credential = (second: number, changes: Partial<PartnerCredential> = {}): PartnerCredential => ({
  refreshToken: `1.refresh-token-of-second-${second}.${randomUUID()}`,
  issuedAt: epoch + second * 1000,
  ...changes,
});

/** One place where credentials are kept, and as many stores on it as a test opens. */
export interface StorePlace {
  open(): CredentialStore;
  close(): Promise<void>;
}

export async function createFilePlace(): Promise<StorePlace & { path: string; key: Buffer }> {
  const folder = await mkdtemp(join(tmpdir(), 'credential-'));
  const place = { path: join(folder, 'store', 'partner-credential'), key: randomBytes(32) };
  return {
    ...place,
    open: () => createFileCredentialStore({ ...place, ...owner }),
    close: () => rm(folder, { recursive: true, force: true }),
  };
}

/** An identity of the emulated Entra ID. */
export const createVaultIdentity = (
  { authority }: Emulator,
  { clientId, clientSecret }: { clientId: string; clientSecret: string } = gatewayIdentity,
) =>
  new ClientSecretCredential(partnerTenantId, clientId, clientSecret, {
    authorityHost: authority,
    disableInstanceDiscovery: true,
    retryOptions: { maxRetries: 0 },
  });

export function createVaultPlace(
  emulator: Emulator,
  parts: Partial<KeyVaultCredentialStoreParts> = {},
): StorePlace & { secretName: string } {
  const secretName = `partner-${randomUUID()}`;
  const identity = createVaultIdentity(emulator);
  return {
    secretName,
    open: () =>
      createKeyVaultCredentialStore({
        vaultUrl: emulator.keyVaultUrl,
        secretName,
        identity,
        ...owner,
        ...parts,
      }),
    close: async () => emulator.keyVault.remove(secretName),
  };
}
