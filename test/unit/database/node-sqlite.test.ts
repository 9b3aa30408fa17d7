import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { openDatabase } from '../../../src/database/database.ts';

it('a database file is for its owner alone, wherever it lies', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'node-sqlite-'));
  const silent = { warn: () => undefined, error: () => undefined };
  const opened = await openDatabase({ kind: 'sqlite', path: join(folder, 'gateway.db') }, silent);
  try {
    const names = await readdir(folder);
    expect(names).toContain('gateway.db-wal');
    for (const name of names) expect((await stat(join(folder, name))).mode & 0o777).toBe(0o600);
  } finally {
    await opened.destroy();
    await rm(folder, { recursive: true, force: true });
  }
});
