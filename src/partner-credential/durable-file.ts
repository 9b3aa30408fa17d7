import { randomBytes } from 'node:crypto';
import { mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname } from 'node:path';

const maxRemoved = 100;

/**
 * A crash at any point leaves the old file or the new one, whole: write beside it, sync, rename, sync the folder.
 * @param beforeRename the last chance to leave the old file; by throwing
 */
export async function writeAtomically(
  path: string,
  text: string,
  beforeRename: () => Promise<void>,
): Promise<void> {
  const temporary = `${path}.${process.pid}.${randomBytes(4).toString('hex')}.tmp`;
  try {
    const file = await open(temporary, 'wx', 0o600);
    try {
      await file.writeFile(text, 'utf8');
      await file.sync();
    } finally {
      await file.close();
    }
    await beforeRename();
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await syncFolder(dirname(path));
}

/** Removes temporary files that `writeAtomically` left behind in processes that were killed; some, if there are many. */
export async function removeTemporaries(path: string): Promise<void> {
  const prefix = `${basename(path)}.`;
  const endings = (await readdir(dirname(path)))
    .filter((name) => name.startsWith(prefix))
    .map((name) => name.slice(prefix.length))
    .filter((ending) => /^\d+\.[0-9a-f]{8}\.tmp$/.test(ending));
  for (const ending of endings.slice(0, maxRemoved)) await rm(`${path}.${ending}`, { force: true });
}

/** Makes the folder, for its owner alone, if there is none; durably. */
export async function makeFolder(folder: string): Promise<void> {
  const created = await mkdir(folder, { recursive: true, mode: 0o700 });
  if (created !== undefined) await syncFolder(dirname(created));
}

async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return; // Windows cannot open a folder to sync it
  const directory = await open(folder, 'r');
  await directory.sync().finally(() => directory.close());
}
