import { CredentialStoreError } from './credential-store-error.ts';
import { createSecretClient, type VaultIdentity } from './key-vault-client.ts';
import { isNotFound, toVaultFailure } from './key-vault-failures.ts';
import {
  type CredentialVersion,
  previousVersionTag,
  supersededByTag,
  toCredentialVersion,
  toTags,
} from './key-vault-secret.ts';
import { createOneAtATime } from './one-at-a-time.ts';
import type { CredentialStore, PartnerCredential } from './ports.ts';
import { refreshTokenLifetimeMs } from './refresh-token-lifetime.ts';
import { prevails, supersedes } from './supersedes.ts';

export interface KeyVaultCredentialStoreParts {
  /** `https://NAME.vault.azure.net`, without a trailing slash. */
  readonly vaultUrl: string;
  readonly secretName: string;
  readonly partnerTenantId: string;
  readonly clientId: string;
  /** What gets the gateway into the vault; the SDK's default chain if left out. */
  readonly identity?: VaultIdentity;
  /** How long one call may take; loading or saving as a whole three times as long. Default 5000. */
  readonly callTimeoutMs?: number;
}

const contentType = 'Partner Center refresh token';
/** What Key Vault takes; refresh tokens have one to two kilobytes. */
const maxValueBytes = 25_000;
const maxAttempts = 10;

/**
 * Keeps the partner credential as a secret of Key Vault whose value is the refresh token itself, as Microsoft's samples
 * have it; what is known of the token stands in the tags. The version before the current one, which a tag names, is the
 * previous credential. Older versions are disabled: Key Vault cannot delete single ones, and 90 days of refresh tokens
 * should not lie there for anyone who may read.
 *
 * Key Vault writes without conditions, so writers settle it afterwards: each puts its version, marks the version that
 * it replaced, and looks again. Of two who replace the same version, one sees the other's mark or the other's version,
 * and whichever credential is stronger is put on top.
 */
export function createKeyVaultCredentialStore({
  vaultUrl,
  secretName,
  partnerTenantId,
  clientId,
  identity,
  callTimeoutMs = 5_000,
}: KeyVaultCredentialStoreParts): CredentialStore {
  const client = createSecretClient(vaultUrl, identity);
  const owner = { partnerTenantId, clientId };
  const where = `Secret ${secretName} at ${vaultUrl}`;
  /** Saves of this process follow one another; other processes are dealt with at the vault. */
  const oneAtATime = createOneAtATime();

  /** Ends all calls of one operation in time, also one that does not listen to its signal. */
  async function inTime<Result>(operate: (vault: Vault) => Promise<Result>): Promise<Result> {
    const tooLate = new AbortController();
    const { promise: expired, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      tooLate.abort();
      reject(new CredentialStoreError('unreachable', `${vaultUrl} does not answer in time.`));
    }, callTimeoutMs * 3);
    try {
      return await Promise.race([operate(createVault(tooLate.signal)), expired]);
    } catch (error) {
      throw toVaultFailure(error, { vaultUrl, secretName });
    } finally {
      clearTimeout(timer);
    }
  }

  function createVault(abortSignal: AbortSignal) {
    const options = { abortSignal, requestOptions: { timeout: callTimeoutMs } };

    async function find(version?: string): Promise<CredentialVersion | undefined> {
      try {
        const secret = await client.getSecret(secretName, { ...options, ...(version && { version }) });
        return toCredentialVersion(secret, owner, where);
      } catch (error) {
        if (isNotFound(error)) return undefined;
        throw error;
      }
    }

    return {
      find,
      /** The current version. A deleted secret is told from none at all, before anyone consents in vain. */
      async findCurrent(): Promise<CredentialVersion | undefined> {
        const current = await find();
        if (current) return current;
        const isDeleted = await client.getDeletedSecret(secretName, options).then(
          () => true,
          () => false, // there is none, or looking needs a right that the gateway can do without
        );
        if (isDeleted) throw toVaultFailure({ statusCode: 409 }, { vaultUrl, secretName });
        return undefined;
      },
      async put(credential: PartnerCredential, previousVersion: string | undefined): Promise<string> {
        const { properties } = await client.setSecret(secretName, credential.refreshToken, {
          ...options,
          contentType,
          tags: toTags(credential, owner, previousVersion),
          // For information: Key Vault announces the coming end of a secret, and hands expired ones out all the same.
          expiresOn: new Date(credential.issuedAt + refreshTokenLifetimeMs),
        });
        return properties.version ?? '';
      },
      update: (version: string, changes: { tags?: Record<string, string>; enabled?: boolean }) =>
        client.updateSecretProperties(secretName, version, { ...options, ...changes }),
    };
  }
  type Vault = ReturnType<typeof createVault>;

  /** Marks the replaced version, unless one that prevails has marked it. @returns that one */
  async function mark(vault: Vault, base: CredentialVersion, own: string, credential: PartnerCredential) {
    const replaced = await vault.find(base.version);
    const rivalVersion = replaced?.tags[supersededByTag];
    const rival = rivalVersion ? await vault.find(rivalVersion) : undefined;
    if (rival && prevails(rival.credential, credential)) return rival.credential;
    await vault.update(base.version, { tags: { ...replaced?.tags, [supersededByTag]: own } });
    return undefined;
  }

  async function saveAmongOthers(vault: Vault, next: PartnerCredential): Promise<boolean> {
    let credential = next;
    for (let attempt = 0; attempt < maxAttempts; attempt += 1) {
      const base = await vault.findCurrent();
      if (base && isSame(base.credential, credential)) return credential === next;
      // The first time the rule of the port decides; afterwards two that are both stored are settled between.
      const mayReplace = attempt === 0 ? supersedes : prevails;
      if (base && !mayReplace(credential, base.credential)) return false;
      // Where the token stays, so does the one before it: a token is no fallback for itself.
      const isSameToken = base?.credential.refreshToken === credential.refreshToken;
      const older = base?.tags[previousVersionTag];
      const own = await vault.put(credential, isSameToken ? older : base?.version);
      if (!base) return true; // the first consent of all: nothing was there that could be lost
      // From here on the credential is safe, whatever becomes of the tidying up.
      const stronger = await mark(vault, base, own, credential).catch(() => undefined);
      const outdated = isSameToken ? base.version : older;
      if (outdated) await vault.update(outdated, { enabled: false }).catch(() => undefined);
      if (stronger) {
        credential = stronger;
        continue;
      }
      const latest = await vault.findCurrent().catch(() => undefined);
      if (!latest || latest.version === own || !prevails(credential, latest.credential))
        return credential === next && (!latest || latest.version === own);
    }
    throw new CredentialStoreError('busy', `${where} is being written by others all the time.`);
  }

  return {
    load: () =>
      inTime(async (vault) => {
        const current = await vault.findCurrent();
        if (!current) return undefined;
        const previousVersion = current.tags[previousVersionTag];
        // A fallback that cannot be read is none; the current one counts.
        const previous = previousVersion && (await vault.find(previousVersion).catch(() => undefined));
        return { current: current.credential, ...(previous && { previous: previous.credential }) };
      }),
    save(next) {
      if (Buffer.byteLength(next.refreshToken) > maxValueBytes)
        return Promise.reject(
          new CredentialStoreError('damaged', 'The refresh token is larger than Key Vault takes (25 kB).'),
        );
      return oneAtATime(() => inTime((vault) => saveAmongOthers(vault, next)));
    },
  };
}

const isSame = (one: PartnerCredential, other: PartnerCredential): boolean =>
  one.refreshToken === other.refreshToken && one.issuedAt === other.issuedAt && one.hasMfa === other.hasMfa;
