import type { SecretClient } from '@azure/keyvault-secrets';
import { isDisabled, isNotFound, toVaultFailure } from './key-vault-failures.ts';
import {
  type CredentialOwner,
  type CredentialVersion,
  previousVersionTag,
  supersededByTag,
  toCredentialVersion,
  toTags,
} from './key-vault-secret.ts';
import type { PartnerCredential } from './ports.ts';
import { refreshTokenLifetimeMs } from './refresh-token-lifetime.ts';
import { prevails } from './supersedes.ts';

export interface CredentialVersionsParts {
  readonly client: SecretClient;
  readonly vaultUrl: string;
  readonly secretName: string;
  readonly owner: CredentialOwner;
  /** How long one call may take. */
  readonly callTimeoutMs: number;
  /** Ends all calls. */
  readonly abortSignal: AbortSignal;
}

/** The versions of the secret, as one operation of the store deals with them. */
export type CredentialVersions = ReturnType<typeof createCredentialVersions>;

type Tags = CredentialVersion['tags'];

const contentType = 'Partner Center refresh token';
const mostMarksFollowed = 100;

export function createCredentialVersions({
  client,
  vaultUrl,
  secretName,
  owner,
  callTimeoutMs,
  abortSignal,
}: CredentialVersionsParts) {
  const options = { abortSignal, requestOptions: { timeout: callTimeoutMs } };
  const where = `Secret ${secretName} at ${vaultUrl}`;

  async function find(version?: string): Promise<CredentialVersion | undefined> {
    try {
      const secret = await client.getSecret(secretName, { ...options, ...(version && { version }) });
      return toCredentialVersion(secret, owner, where);
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  /** The current version. A deleted secret is told from none at all, before anyone consents in vain. */
  async function findCurrent(): Promise<CredentialVersion | undefined> {
    const current = await find();
    if (current) return current;
    const isDeleted = await client.getDeletedSecret(secretName, options).then(
      () => true,
      () => false, // there is none, or looking needs a right that the gateway can do without
    );
    if (isDeleted) throw toVaultFailure({ statusCode: 409 }, { vaultUrl, secretName });
    return undefined;
  }

  /** The version before another, as its tag names it. A fallback that cannot be read is none. */
  async function findPrevious({ tags }: CredentialVersion): Promise<CredentialVersion | undefined> {
    const version = tags[previousVersionTag];
    return version === undefined ? undefined : find(version).catch(() => undefined);
  }

  const update = (version: string, changes: { tags?: Record<string, string>; enabled?: boolean }) =>
    client.updateSecretProperties(secretName, version, { ...options, ...changes });

  /** A disabled version cannot be read, but an update that changes nothing answers its tags. */
  async function findTags(version: string): Promise<Tags> {
    try {
      return (await find(version))?.tags ?? {};
    } catch (error) {
      if (!isDisabled(error)) throw error;
      return (await update(version, {})).tags ?? {};
    }
  }

  /**
   * What came after a version by the marks of its successors, down to the last.
   * @returns undefined where no mark leads on, or where they lead to `own`
   */
  async function findSuccessor(version: string, own: string, tags: Tags) {
    let last = version;
    let mark = tags[supersededByTag];
    for (let step = 0; mark !== undefined && step < mostMarksFollowed; step += 1) {
      if (mark === own) return undefined;
      last = mark;
      mark = (await findTags(last))[supersededByTag];
    }
    return last === version ? undefined : find(last);
  }

  return {
    find,
    findCurrent,
    findPrevious,
    findTags,
    findSuccessor,
    update,

    /**
     * The version that counts instead of the current one: where that took effect late, after another had replaced what
     * it meant to replace, the other one is the end of that chain, and the current one hides it.
     */
    async findHidden(current: CredentialVersion, previous?: CredentialVersion) {
      const version = current.tags[previousVersionTag];
      if (version === undefined) return undefined;
      try {
        const tags = previous?.tags ?? (await findTags(version));
        const successor = await findSuccessor(version, current.version, tags);
        return successor && prevails(successor.credential, current.credential) ? successor : undefined;
      } catch {
        return undefined; // what cannot be looked at does not keep the current one from being used
      }
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
  };
}
