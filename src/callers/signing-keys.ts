import { createPublicKey } from 'node:crypto';
import type { EntraMetadata, SigningKeySet } from '../entra-id/metadata.ts';
import { IdentityProviderUnavailableError } from '../errors.ts';

export interface SigningKeysParts {
  readonly fetchMetadata: () => Promise<EntraMetadata>;
  readonly fetchKeys: (metadata: EntraMetadata) => Promise<SigningKeySet>;
  readonly log: SigningKeysLog;
  readonly now?: () => number;
  /**
   * A key that Entra ID withdrew is refused after this time at the latest, as long as Entra ID answers: keys of half
   * this age are fetched again in the background, older ones before they are used.
   */
  readonly maxAgeMs?: number;
  /** Shortest time from one fetch to the next, however many unknown key ids come in. */
  readonly coolDownMs?: number;
}

export interface SigningKeysLog {
  warn(facts: object, message: string): void;
}

/** The tenant's issuer and its public signing keys (PEM, SPKI) by key id. */
export interface TrustedKeys {
  readonly issuer: string;
  readonly pemByKeyId: ReadonlyMap<string, string>;
}

export interface SigningKeys {
  /**
   * The keys in force. They are fetched again where `keyId` is unknown, since signing keys roll at any time; while
   * Entra ID is down the last good ones go on being served.
   * @throws {IdentityProviderUnavailableError} no key can be had, or the unknown one cannot be looked up right now
   */
  get(keyId: string): Promise<TrustedKeys>;
  /** Fetches the keys, unless that was tried just now. It never throws. */
  refresh(): Promise<void>;
  /** The keys at hand, without asking anyone; undefined before the first success. */
  readonly current: TrustedKeys | undefined;
}

/** Entra ID's keys carry their certificate's thumbprint as well; version 1 tokens name a key by that (`x5t`). */
function toPemByKeyId({ keys }: SigningKeySet): Map<string, string> {
  const pems = new Map<string, string>();
  for (const { kid, x5t, kty, n, e } of keys) {
    const pem = createPublicKey({ key: { kty, n, e }, format: 'jwk' })
      .export({ type: 'spki', format: 'pem' })
      .toString();
    pems.set(kid, pem);
    if (x5t) pems.set(x5t, pem);
  }
  return pems;
}

export function createSigningKeys({
  fetchMetadata,
  fetchKeys,
  log,
  now = Date.now,
  maxAgeMs = 300_000,
  coolDownMs = 5_000,
}: SigningKeysParts): SigningKeys {
  let current: TrustedKeys | undefined;
  let fetchedAt = Number.NEGATIVE_INFINITY;
  let triedAt = Number.NEGATIVE_INFINITY;
  let lastFailure: IdentityProviderUnavailableError | undefined;
  let pending: Promise<void> | undefined;

  async function fetchAll() {
    try {
      const metadata = await fetchMetadata();
      current = { issuer: metadata.issuer, pemByKeyId: toPemByKeyId(await fetchKeys(metadata)) };
      fetchedAt = now();
      lastFailure = undefined;
    } catch (error) {
      log.warn(
        { err: error },
        current
          ? 'Entra ID’s signing keys could not be fetched; the last good ones stay in force'
          : 'Entra ID’s signing keys could not be fetched; no caller can be let in before they are',
      );
      lastFailure =
        error instanceof IdentityProviderUnavailableError
          ? error
          : new IdentityProviderUnavailableError('Entra ID gave signing keys that cannot be used.', {
              cause: error,
              retryAfterSeconds: 10,
            });
    }
  }

  async function refresh(): Promise<void> {
    if (!pending && now() - triedAt < coolDownMs) return;
    pending ??= fetchAll().finally(() => {
      triedAt = now();
      pending = undefined;
    });
    await pending;
  }

  return {
    get current() {
      return current;
    },
    refresh,
    async get(keyId) {
      // Nobody waits for an Entra ID that was found to be down just now: that attempt counts as a look, too.
      if (now() - triedAt > maxAgeMs) await refresh();
      else if (now() - fetchedAt > maxAgeMs / 2) void refresh();
      if (current?.pemByKeyId.has(keyId)) return current;
      await refresh();
      if (current?.pemByKeyId.has(keyId)) return current;
      // Whether the key is a new one or a forged name cannot be told while nobody answers.
      if (lastFailure) throw lastFailure;
      if (!current) throw new IdentityProviderUnavailableError('Entra ID’s signing keys are not known yet.');
      return current;
    },
  };
}
