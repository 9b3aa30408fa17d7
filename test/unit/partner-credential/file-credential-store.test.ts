import type { ChildProcess } from 'node:child_process';
import { createCipheriv, randomBytes } from 'node:crypto';
import {
  chmod,
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createFileCredentialStore } from '../../../src/partner-credential/file-credential-store.ts';
import type { CredentialStore } from '../../../src/partner-credential/ports.ts';
import { createFilePlace, credential, owner } from '../../support/credential-stores.ts';
import { endProgram, startProgram, untilPrinted } from '../../support/processes.ts';

type FilePlace = Awaited<ReturnType<typeof createFilePlace>>;
let place: FilePlace;
let store: CredentialStore;
const first = credential(1, { hasMfa: true, consentedBy: 'ada@partner.example' });
const folder = () => dirname(place.path);
const read = () => readFile(place.path);

beforeEach(async () => {
  place = await createFilePlace();
  store = place.open();
  await store.save(first);
});
afterEach(() => place.close());

/** Neither reading nor writing works, and what is there stays as it is. */
async function expectRefusal(
  fault: string,
  message: RegExp,
  refused: CredentialStore = store,
): Promise<void> {
  const before = await read().catch(() => undefined);
  const failure = { name: 'CredentialStoreError', fault, message: expect.stringMatching(message) };
  await expect(refused.load()).rejects.toMatchObject(failure);
  await expect(refused.save(credential(9))).rejects.toMatchObject(failure);
  expect(await read().catch(() => undefined)).toEqual(before);
  expect((await readdir(folder())).filter((name) => /\.(tmp|lock)$/.test(name))).toEqual([]);
}

describe('the file', () => {
  it('is for its owner alone, shows no secret, and is encrypted anew each time', async () => {
    expect((await stat(place.path)).mode & 0o777).toBe(0o600);
    expect((await stat(folder())).mode & 0o777).toBe(0o700);
    const text = (await read()).toString();
    expect(text).not.toContain(first.refreshToken);
    expect(text).not.toContain('ada@partner.example');
    const nonces = new Set<string>();
    for (let second = 2; second < 30; second += 1) {
      await store.save(credential(second));
      nonces.add(JSON.parse((await read()).toString()).nonce);
    }
    expect(nonces.size).toBe(28);
  });

  it('stays for its owner alone where it was opened to others', async () => {
    await chmod(place.path, 0o644);
    await store.save(credential(2));
    expect((await stat(place.path)).mode & 0o777).toBe(0o600);
  });

  it('flipped in any bit is refused and left alone', async () => {
    const whole = await read();
    for (let bit = 0; bit < whole.length * 8; bit += 1) {
      const flipped = Buffer.from(whole);
      flipped.writeUInt8(flipped.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
      await writeFile(place.path, flipped);
      await expect(store.load()).rejects.toMatchObject({ name: 'CredentialStoreError' });
    }
    await expectRefusal('damaged', /changed or cut short.*backup/);
  });

  it('cut anywhere is refused; what is missing at most is the line break', async () => {
    const whole = await read();
    for (let length = 0; length < whole.length - 1; length += 1) {
      await writeFile(place.path, whole.subarray(0, length));
      await expect(store.load()).rejects.toMatchObject({ fault: 'damaged' });
    }
    await expectRefusal('damaged', /changed or cut short/);
  });

  it.each<[string, string | Buffer]>([
    ['nothing', ''],
    ['zeros, as some file systems leave after a crash', Buffer.alloc(900)],
    ['something else', '{"refreshToken":"x"}'],
    ['far too much', Buffer.alloc(300_000, 'x')],
  ])('that holds %s is refused and left alone', async (_what, content) => {
    await writeFile(place.path, content);
    await expectRefusal('damaged', /not a whole partner credential/);
  });

  it('under another key is told from a damaged one', async () => {
    const other = createFileCredentialStore({ path: place.path, ...owner, key: randomBytes(32) });
    await expectRefusal('wrongKey', /another key than CREDENTIAL_KEY/, other);
    expect((await store.load())?.current).toEqual(first);
  });

  it.each(['partnerTenantId', 'clientId'] as const)('of another partner (%s) is refused', async (name) => {
    const id = '00000000-0000-4000-8000-000000000001';
    const other = createFileCredentialStore({ ...place, ...owner, [name]: id });
    await expectRefusal('foreign', new RegExp(`${owner[name]}.*Use another file`), other);
    expect((await store.load())?.current).toEqual(first);
  });

  it('cannot be given to another partner by writing that name into it', async () => {
    const id = '00000000-0000-4000-8000-000000000001';
    const text = (await read()).toString().replace(owner.partnerTenantId, id);
    await writeFile(place.path, text);
    await expectRefusal(
      'damaged',
      /changed/,
      createFileCredentialStore({ ...place, ...owner, partnerTenantId: id }),
    );
  });

  it('cannot be given a shorter tag, which would be easier to guess', async () => {
    const envelope = JSON.parse((await read()).toString());
    const tag = Buffer.from(envelope.tag, 'base64').subarray(0, 4).toString('base64');
    await writeFile(place.path, JSON.stringify({ ...envelope, tag }));
    await expectRefusal('damaged', /changed/);
  });

  it('whose content decrypts and is no credential is refused', async () => {
    const envelope = JSON.parse((await read()).toString());
    const nonce = randomBytes(12);
    const cipher = createCipheriv('aes-256-gcm', place.key, nonce).setAAD(
      Buffer.from(`1 ${owner.partnerTenantId} ${owner.clientId} ${envelope.keyId}`),
    );
    const ciphertext = Buffer.concat([cipher.update('{"current":{}}'), cipher.final()]).toString('base64');
    const written = {
      nonce: nonce.toString('base64'),
      tag: cipher.getAuthTag().toString('base64'),
      ciphertext,
    };
    await writeFile(place.path, JSON.stringify({ ...envelope, ...written }));
    await expectRefusal('damaged', /changed/);
  });
});

describe('in the place of the file', () => {
  it('a folder is refused', async () => {
    await rm(place.path);
    await mkdir(place.path);
    await expectRefusal('damaged', /is a folder/);
  });

  it('a symbolic link is refused, wherever it leads', async () => {
    await rename(place.path, `${place.path}-elsewhere`);
    for (const target of [`${place.path}-elsewhere`, join(folder(), 'nowhere')]) {
      await symlink(target, place.path);
      await expectRefusal('damaged', /symbolic link/);
      await rm(place.path);
    }
  });

  // Root may read everything: a file where a folder should be, and a name that is too long, fail for root too.
  it('a path that the system does not let in is named with the system’s reason', async () => {
    const beneath = createFileCredentialStore({ ...place, ...owner, path: join(place.path, 'credential') });
    await expect(beneath.load()).rejects.toMatchObject({
      fault: 'inaccessible',
      message: expect.stringMatching(/ENOTDIR/),
    });
    await expect(beneath.save(first)).rejects.toMatchObject({ fault: 'inaccessible' });
    const tooLong = createFileCredentialStore({ ...place, ...owner, path: join(folder(), 'x'.repeat(300)) });
    await expect(tooLong.load()).rejects.toMatchObject({
      message: expect.stringMatching(/cannot be read \(ENAMETOOLONG\).*user needs/),
    });
    await expect(tooLong.save(first)).rejects.toMatchObject({
      message: expect.stringMatching(/cannot be written \(ENAMETOOLONG\)/),
    });
  });
});

describe('what killed processes leave behind', () => {
  it('is cleaned up with the next save, and nothing else is', async () => {
    const name = `${place.path}.4711.0123abcd.tmp`;
    const others = [`${place.path}.backup`, `${place.path}.4711.tmp`, join(folder(), 'x.4711.0123abcd.tmp')];
    for (const path of [name, ...others]) await writeFile(path, 'x');
    await store.save(credential(2));
    expect((await readdir(folder())).sort()).toEqual(
      [place.path, ...others].map((path) => path.slice(folder().length + 1)).sort(),
    );
  });

  it('is cleaned up in bounds', async () => {
    for (let count = 0; count < 250; count += 1) await writeFile(`${place.path}.${count}.0123abcd.tmp`, 'x');
    const left = async () => (await readdir(folder())).length - 1;
    await store.save(credential(2));
    expect(await left()).toBe(150);
    await store.save(credential(3));
    await store.save(credential(4));
    expect(await left()).toBe(0);
  });

  const lock = () => `${place.path}.lock`;
  const save = (options: { waitMs: number; staleMs: number; staleAliveMs?: number }) =>
    createFileCredentialStore({ ...place, ...owner, lock: options }).save(credential(2));

  it('a lock of a process that has ended is taken over at once', async () => {
    for (const pid of [process.pid, 2 ** 30]) {
      await writeFile(lock(), `some-id ${pid} ${hostname()}\n`);
      expect(await save({ waitMs: 0, staleMs: 60_000 })).toBe(true);
    }
    expect(await readdir(folder())).toEqual(['partner-credential']);
  });

  it('a lock of a process that runs, or of another machine, is respected while it is fresh', async () => {
    for (const owner of [`id ${process.ppid} ${hostname()}`, `id ${process.pid} another-machine`, '']) {
      await writeFile(lock(), owner);
      await expect(save({ waitMs: 30, staleMs: 60_000 })).rejects.toMatchObject({
        fault: 'busy',
        isTransient: true,
        message: expect.stringContaining(lock()),
      });
      expect(await readFile(lock(), 'utf8')).toBe(owner);
    }
    expect((await store.load())?.current).toEqual(first); // reading waits for nobody
    await utimes(lock(), new Date(0), new Date(0));
    expect(await save({ waitMs: 0, staleMs: 60_000 })).toBe(true);
  });
});

describe('a process that is stopped while it holds the lock (docker pause, SIGSTOP, a disk that stalls)', () => {
  const newest = credential(3);
  let other: ChildProcess;
  const save = (staleAliveMs: number) =>
    createFileCredentialStore({
      ...place,
      ...owner,
      lock: { waitMs: 300, staleMs: 50, staleAliveMs },
    }).save(newest);

  beforeEach(async () => {
    other = startProgram('test/support/stopping-writer.ts', {
      arguments: [place.path, place.key.toString('base64'), '2'],
    });
    await untilPrinted(other, /stopping/);
    await sleep(100);
  });
  afterEach(() => endProgram(other, 'SIGKILL'));

  async function goOn() {
    const outcome = untilPrinted(other, /saved: (\w+)/);
    other.kill('SIGCONT');
    return (await outcome)[1];
  }

  it('keeps it for as long as it lives, within reason', async () => {
    await expect(save(60_000)).rejects.toMatchObject({ fault: 'busy' });
    expect(await goOn()).toBe('true');
    expect((await store.load())?.current.issuedAt).toBe(credential(2).issuedAt);
    expect(await save(60_000)).toBe(true);
    expect((await store.load())?.current).toEqual(newest);
  });

  it('writes nothing once another has taken the lock from it', async () => {
    expect(await save(80)).toBe(true);
    expect(await goOn()).toBe('busy');
    expect(await store.load()).toEqual({ current: newest, previous: first });
    expect(await readdir(folder())).toEqual(['partner-credential']);
  });
});
