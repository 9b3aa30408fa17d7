import { CredentialStoreError } from './credential-store-error.ts';
import { createSecretClient, type VaultIdentity } from './key-vault-client.ts';
import { toVaultFailure } from './key-vault-failures.ts';
import { type CredentialVersion, previousVersionTag, supersededByTag } from './key-vault-secret.ts';
import { type CredentialVersions, createCredentialVersions } from './key-vault-versions.ts';
import { createOneAtATime } from './one-at-a-time.ts';
import type { CredentialStore, PartnerCredential } from './ports.ts';
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
 * A writer that dies in between, or whose write takes effect late, is made up for by whoever looks next: the marks show
 * what the late version hides.
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

  const createVersions = (abortSignal: AbortSignal) =>
    createCredentialVersions({ client, vaultUrl, secretName, owner, callTimeoutMs, abortSignal });

  /** Ends all calls of one operation in time, also one that does not listen to its signal. */
  async function inTime<Result>(operate: (versions: CredentialVersions) => Promise<Result>): Promise<Result> {
    const tooLate = new AbortController();
    const { promise: expired, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      tooLate.abort();
      reject(new CredentialStoreError('unreachable', `${vaultUrl} does not answer in time.`));
    }, callTimeoutMs * 3);
    try {
      return await Promise.race([operate(createVersions(tooLate.signal)), expired]);
    } catch (error) {
      throw toVaultFailure(error, { vaultUrl, secretName });
    } finally {
      clearTimeout(timer);
    }
  }

  /** Marks the replaced version, unless one that prevails has replaced it too. @returns that one */
  async function mark(
    versions: CredentialVersions,
    replaced: string,
    own: string,
    credential: PartnerCredential,
  ): Promise<PartnerCredential | undefined> {
    const tags = await versions.findTags(replaced);
    if (tags[supersededByTag] === own) return undefined;
    const rival = await versions.findSuccessor(replaced, own, tags);
    if (rival && prevails(rival.credential, credential)) return rival.credential;
    await versions.update(replaced, { tags: { ...tags, [supersededByTag]: own } });
    return undefined;
  }

  /** Whether `credential` may be put on top of `base`. */
  async function mayReplace(
    versions: CredentialVersions,
    base: CredentialVersion,
    credential: PartnerCredential,
  ) {
    const hidden = await versions.findHidden(base);
    return supersedes(credential, (hidden ?? base).credential);
  }

  async function saveAmongOthers(versions: CredentialVersions, next: PartnerCredential): Promise<boolean> {
    let credential = next;
    for (let attempt = 0; attempt < maxAttempts; attempt += 1) {
      const base = await versions.findCurrent();
      // Stored before by a writer that died or was told nothing: what it had still to settle is settled now.
      const isStored = base !== undefined && isSame(base.credential, credential);
      if (base && !isStored) {
        // The first time the rule of the port decides; afterwards two that are both stored are settled between.
        const isStronger =
          attempt === 0
            ? await mayReplace(versions, base, credential)
            : prevails(credential, base.credential);
        if (!isStronger) return false;
      }
      const older = base?.tags[previousVersionTag];
      // Where the token stays, so does the one before it: a token is no fallback for itself.
      const isSameToken = base?.credential.refreshToken === credential.refreshToken;
      const own = isStored
        ? base.version
        : await versions.put(credential, isSameToken ? older : base?.version);
      const replaced = isStored ? older : base?.version;
      // From here on the credential is safe, whatever becomes of the settling and the tidying up. The first consent of
      // all has replaced nothing that could be lost.
      if (replaced === undefined) return credential === next;
      const stronger = await mark(versions, replaced, own, credential).catch(() => undefined);
      const outdated = isSameToken ? replaced : older;
      if (outdated && !isStored) await versions.update(outdated, { enabled: false }).catch(() => undefined);
      if (stronger) {
        credential = stronger;
        continue;
      }
      const latest = await versions.findCurrent().catch(() => undefined);
      if (!latest || latest.version === own || !prevails(credential, latest.credential))
        return credential === next && (!latest || latest.version === own);
    }
    throw new CredentialStoreError('busy', `${where} is being written by others all the time.`);
  }

  return {
    load: () =>
      inTime(async (versions) => {
        const newest = await versions.findCurrent();
        if (!newest) return undefined;
        const before = await versions.findPrevious(newest);
        const hidden = await versions.findHidden(newest, before);
        const previous = hidden ? await versions.findPrevious(hidden) : before;
        return { current: (hidden ?? newest).credential, ...(previous && { previous: previous.credential }) };
      }),
    save(next) {
      if (Buffer.byteLength(next.refreshToken) > maxValueBytes)
        return Promise.reject(
          new CredentialStoreError('damaged', 'The refresh token is larger than Key Vault takes (25 kB).'),
        );
      return oneAtATime(() => inTime((versions) => saveAmongOthers(versions, next)));
    },
  };
}

const isSame = (one: PartnerCredential, other: PartnerCredential): boolean =>
  one.refreshToken === other.refreshToken && one.issuedAt === other.issuedAt && one.hasMfa === other.hasMfa;
