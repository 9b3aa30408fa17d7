import { randomUUID } from 'node:crypto';
import { link, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { basename, dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CredentialStoreError } from './credential-store-error.ts';

export interface FileLockOptions {
  /** How long another holder is waited for, in milliseconds. */
  readonly waitMs?: number;
  /** A lock older than this, in milliseconds, is taken for left behind where its holder cannot be seen from here. */
  readonly staleMs?: number;
  /** The same where a process with its holder's id runs here: the holder, or one that was given its id since. */
  readonly staleAliveMs?: number;
}

/** The lock, for whoever holds it. */
export interface HeldLock {
  /**
   * To be asked right before what cannot be undone: a holder that was stopped for long may have lost it.
   * @throws {CredentialStoreError} `busy`
   */
  requireHeld(): Promise<void>;
}

type StaleAges = Required<Pick<FileLockOptions, 'staleMs' | 'staleAliveMs'>>;

const maxRemoved = 100;
const heldHere = new Set<string>();

/** How old the lock of that owner may become; a process that is seen to have ended holds none. */
function getStaleAge(owner: string, { staleMs, staleAliveMs }: StaleAges): number {
  const [id = '', pid = '', host = ''] = owner.split(' ');
  if (host !== hostname()) return staleMs; // another machine's, or another container's: only its age can tell
  // In a container every life of the gateway has the same process id: what this life does not hold is a former one's.
  if (Number(pid) === process.pid) return heldHere.has(id) ? staleAliveMs : 0;
  try {
    process.kill(Number(pid), 0);
    return staleAliveMs;
  } catch (error) {
    return isCode(error, 'ESRCH') ? 0 : staleAliveMs;
  }
}

const isCode = (error: unknown, code: string): boolean =>
  typeof error === 'object' && error !== null && 'code' in error && error.code === code;

const ignoreMissing = (error: unknown): undefined => {
  if (isCode(error, 'ENOENT')) return undefined;
  throw error;
};

/**
 * Runs `action` while no other process on this file does. A lock file that its holder left behind (it was killed) is
 * taken over at once where its end can be seen, and after `staleMs` where it cannot; one of a process that runs is left
 * to it much longer, since it may only be stopped. Node has no lock that the kernel would release by itself.
 * @throws {CredentialStoreError} `busy`
 */
export async function withFileLock<Result>(
  path: string,
  action: (held: HeldLock) => Promise<Result>,
  { waitMs = 5_000, staleMs = 10_000, staleAliveMs = 600_000 }: FileLockOptions = {},
): Promise<Result> {
  const lock = `${path}.lock`;
  const id = randomUUID();
  const ages = { staleMs, staleAliveMs };
  heldHere.add(id);
  try {
    await acquire(lock, `${id} ${process.pid} ${hostname()}\n`, waitMs, ages);
    try {
      await removeAbandoned(lock, ages);
      return await action({ requireHeld: () => requireHeld(lock, id) });
    } finally {
      await release(lock, id);
    }
  } finally {
    heldHere.delete(id);
  }
}

async function acquire(lock: string, owner: string, waitMs: number, ages: StaleAges) {
  const giveUpAt = performance.now() + waitMs;
  while (!(await create(lock, owner))) {
    if (await takeAway(lock, ages)) continue;
    if (performance.now() > giveUpAt)
      throw new CredentialStoreError(
        'busy',
        `Another process has been writing the partner credential for ${waitMs / 1000} s: ${lock} is still there.`,
      );
    await sleep(5 + Math.random() * 20);
  }
}

/** The lock appears with its content at once, so that nobody reads it half-written. */
async function create(lock: string, owner: string): Promise<boolean> {
  const [id] = owner.split(' ');
  const own = `${lock}.${id}`;
  const file = await open(own, 'wx', 0o600);
  try {
    await file.writeFile(owner, 'utf8');
  } finally {
    await file.close();
  }
  try {
    await link(own, lock);
    return true;
  } catch (error) {
    if (isCode(error, 'EEXIST')) return false;
    throw error;
  } finally {
    await rm(own, { force: true });
  }
}

/** What stands in a file of a lock that was left behind; undefined where there is no file. */
async function readIfAbandoned(path: string, ages: StaleAges): Promise<string | undefined> {
  const [owner, facts] = await Promise.all([
    readFile(path, 'utf8').catch(ignoreMissing),
    stat(path).catch(ignoreMissing),
  ]);
  if (owner === undefined || !facts) return undefined;
  const staleAge = getStaleAge(owner.trim(), ages);
  return staleAge === 0 || Date.now() - facts.mtimeMs >= staleAge ? owner : 'in use';
}

/** Files with which killed processes were about to lock; some, if there are many. */
async function removeAbandoned(lock: string, ages: StaleAges): Promise<void> {
  const prefix = `${basename(lock)}.`;
  const endings = (await readdir(dirname(lock)))
    .filter((name) => name.startsWith(prefix))
    .map((name) => name.slice(prefix.length))
    .filter((ending) => /^[0-9a-f-]{36}$/.test(ending));
  for (const ending of endings.slice(0, maxRemoved))
    if ((await readIfAbandoned(`${lock}.${ending}`, ages)) !== 'in use')
      await rm(`${lock}.${ending}`, { force: true });
}

/** Removes a lock that was left behind. @returns whether there is none any more */
async function takeAway(lock: string, ages: StaleAges): Promise<boolean> {
  const owner = await readIfAbandoned(lock, ages);
  if (owner === undefined) return true;
  if (owner === 'in use') return false;
  // Moved before it is removed: of several who find it left behind, one gets it. Should it be a new one by now, it is
  // put back.
  const aside = `${lock}.${randomUUID()}`;
  if ((await rename(lock, aside).then(() => true, ignoreMissing)) === undefined) return true;
  const moved = await readFile(aside, 'utf8').catch(ignoreMissing);
  if (moved !== undefined && moved !== owner) await link(aside, lock).catch(() => undefined);
  await rm(aside, { force: true });
  return true;
}

async function isHeldBy(lock: string, id: string): Promise<boolean> {
  const owner = await readFile(lock, 'utf8').catch(ignoreMissing);
  return owner?.startsWith(`${id} `) === true;
}

async function requireHeld(lock: string, id: string): Promise<void> {
  if (await isHeldBy(lock, id)) return;
  throw new CredentialStoreError(
    'busy',
    `This process was stopped for so long that another one took ${lock} over, and may have written since.`,
  );
}

async function release(lock: string, id: string): Promise<void> {
  if (await isHeldBy(lock, id)) await rm(lock, { force: true });
}
