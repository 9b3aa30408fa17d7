import { PartnerConsentRequiredError } from '../errors.ts';
import type { CredentialLog, CredentialStore, PartnerCredential, StoredCredential } from './ports.ts';
import { isTransientStoreFault } from './store-failures.ts';
import { supersedes } from './supersedes.ts';

/** The newest credential, wherever it is: in the store, or in memory where the store could not be written. */
export interface NewestCredential {
  /**
   * What is seen in the store, or what is known of it while it is away for now.
   * @throws {PartnerConsentRequiredError} there is none; or what the store throws when it cannot be read
   */
  load(): Promise<StoredCredential>;
  /**
   * Stores a successor. A store that cannot be written does not fail the call at hand: the successor is kept in memory.
   * @returns false where the store holds a better one, which stays
   */
  keep(successor: PartnerCredential): Promise<boolean>;
  /** Tries again what could not be stored. */
  storeAgain(): Promise<void>;
  /** What the store holds, whether or not there is anything. */
  reload(): Promise<PartnerCredential | undefined>;
  /** The newest one that was seen, without a look into the store. */
  known(): PartnerCredential | undefined;
  isUnstored(): boolean;
}

export interface NewestCredentialParts {
  readonly store: CredentialStore;
  readonly log: CredentialLog;
}

export function createNewestCredential({ store, log }: NewestCredentialParts): NewestCredential {
  /** A successor that could not be stored yet. */
  let unstored: PartnerCredential | undefined;
  /** What the store was last seen to hold. */
  let seen: StoredCredential | undefined;
  let hasAlarmed = false;

  const findNewest = () => (unstored && supersedes(unstored, seen?.current) ? unstored : seen?.current);

  async function keep(successor: PartnerCredential): Promise<boolean> {
    unstored = successor;
    try {
      const isStored = await store.save(successor);
      if (unstored === successor) unstored = undefined;
      if (isStored) seen = { current: successor, ...(seen && { previous: seen.current }) };
      // Another instance has stored a newer one, or a person has consented meanwhile; either is as good.
      if (!isStored)
        log.info({}, 'The renewed partner credential was not stored: the store holds a better one');
      else if (hasAlarmed) log.info({}, 'The partner credential could be stored again');
      hasAlarmed = false;
      return isStored;
    } catch (error) {
      log[hasAlarmed ? 'warn' : 'error'](
        { err: error, alarm: 'partner_credential_not_stored' },
        'The renewed partner credential could not be stored; it is in memory alone',
      );
      hasAlarmed = true;
      return true;
    }
  }

  return {
    keep,
    async load() {
      try {
        seen = await store.load();
      } catch (error) {
        // What is in memory works as well; a store that passes by itself is no reason to fail callers.
        if (!unstored && !(seen && isTransientStoreFault(error))) throw error;
        log.warn({ err: error }, 'The credential store cannot be read; the credential in memory is used');
      }
      const current = findNewest();
      if (!current)
        throw new PartnerConsentRequiredError(
          'There is no partner credential yet: an admin agent of the partner must grant one.',
        );
      const previous = current === unstored ? seen?.current : seen?.previous;
      return { current, ...(previous && { previous }) };
    },
    async storeAgain() {
      if (unstored) await keep(unstored);
    },
    async reload() {
      seen = await store.load();
      return seen?.current;
    },
    known: findNewest,
    isUnstored: () => unstored !== undefined,
  };
}
