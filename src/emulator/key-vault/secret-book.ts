import { randomUUID } from 'node:crypto';
import { createBoundedMap } from '../bounded-map.ts';

/** One version of a secret; old versions stay, and cannot be deleted one by one. */
export interface EmulatedSecretVersion {
  /** 32 hexadecimal digits. */
  version: string;
  value: string;
  contentType: string | undefined;
  tags: Readonly<Record<string, string>>;
  enabled: boolean;
  /** Seconds since 1970. */
  created: number;
  /** Seconds since 1970. */
  updated: number;
  /** Seconds since 1970, for information only: an expired secret is still handed out. */
  expires: number | undefined;
}

/** What a new version is made of, beside its value; and what an existing one can be changed to. */
export interface SecretAttributes {
  contentType?: string | undefined;
  tags?: Readonly<Record<string, string>> | undefined;
  enabled?: boolean | undefined;
  expires?: number | undefined;
}

export interface SecretBook {
  /** Oldest first; undefined for a secret that does not exist or is deleted. */
  versions(name: string): readonly EmulatedSecretVersion[] | undefined;
  /** The version of that id, or the newest. */
  find(name: string, version?: string): EmulatedSecretVersion | undefined;
  isDeleted(name: string): boolean;
  put(name: string, value: string, attributes: SecretAttributes): EmulatedSecretVersion;
  update(name: string, version: string, attributes: SecretAttributes): EmulatedSecretVersion | undefined;
  /** Deletes softly: the name cannot be used until the secret is recovered or purged. */
  remove(name: string): EmulatedSecretVersion | undefined;
  recover(name: string): EmulatedSecretVersion | undefined;
  purge(name: string): boolean;
  clear(): void;
}

const versionsKept = 10_000;

/** @param now milliseconds since 1970 */
export function createSecretBook(now: () => number): SecretBook {
  // Names are compared without case, as Key Vault does.
  const secrets = createBoundedMap<string, EmulatedSecretVersion[]>();
  const deleted = createBoundedMap<string, EmulatedSecretVersion[]>();
  const seconds = () => Math.floor(now() / 1000);

  function move(name: string, from: typeof secrets, to: typeof secrets): EmulatedSecretVersion | undefined {
    const versions = from.get(name.toLowerCase());
    if (!versions) return undefined;
    from.delete(name.toLowerCase());
    to.set(name.toLowerCase(), versions);
    return versions.at(-1);
  }

  const book: SecretBook = {
    versions: (name) => secrets.get(name.toLowerCase())?.map((version) => ({ ...version })),
    find(name, version) {
      const versions = secrets.get(name.toLowerCase());
      return version ? versions?.find((each) => each.version === version) : versions?.at(-1);
    },
    isDeleted: (name) => deleted.has(name.toLowerCase()),
    put(name, value, { contentType, tags = {}, enabled = true, expires }) {
      const time = seconds();
      const version = randomUUID().replaceAll('-', '');
      const added = { version, value, contentType, tags, enabled, created: time, updated: time, expires };
      const versions = [...(secrets.get(name.toLowerCase()) ?? []), added].slice(-versionsKept);
      secrets.set(name.toLowerCase(), versions);
      return added;
    },
    update(name, version, attributes) {
      const found = book.find(name, version);
      if (!found) return undefined;
      // Fields that are not sent stay; tags are replaced as a whole.
      for (const [field, value] of Object.entries(attributes))
        if (value !== undefined) Object.assign(found, { [field]: value });
      found.updated = seconds();
      return found;
    },
    remove: (name) => move(name, secrets, deleted),
    recover: (name) => move(name, deleted, secrets),
    purge: (name) => deleted.delete(name.toLowerCase()),
    clear() {
      secrets.clear();
      deleted.clear();
    },
  };
  return book;
}
