import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, utimes } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { createFilePlace, owner } from '../support/credential-stores.ts';
import { chooseSeed, createSeededRandom } from '../support/seeded-random.ts';

// A process that renews the credential is killed by SIGKILL at a random moment, again and again. Whatever it was doing,
// the file holds a whole credential, and none older than what it had said to be durable.

const kills = Number(process.env['CREDENTIAL_KILLS'] ?? 200);
/** Long enough for some renewals, so that the kills spread over all that one consists of. */
const longestLifeMs = 40;

type FilePlace = Awaited<ReturnType<typeof createFilePlace>>;
let place: FilePlace;
beforeEach(async () => {
  place = await createFilePlace();
});
afterEach(() => place.close());

interface Rotator {
  readonly process: ChildProcess;
  readonly lines: string[];
  readonly ready: Promise<void>;
  /** Kills it; resolves when it is gone and all it said has been read. */
  kill(): Promise<void>;
}

/** Starts a process that waits for its sign: most of its life would be its start otherwise. */
function startRotator({ path, key }: FilePlace): Rotator {
  const script = join(import.meta.dirname, 'credential-rotator.ts');
  const child = spawn(
    process.execPath,
    [
      '--disable-warning=MODULE_TYPELESS_PACKAGE_JSON',
      script,
      path,
      key.toString('base64'),
      owner.partnerTenantId,
      owner.clientId,
    ],
    { stdio: ['pipe', 'pipe', 'inherit'] },
  );
  child.stdin.on('error', () => undefined); // it may be gone already
  const lines: string[] = [];
  const output = createInterface({ input: child.stdout });
  const { promise: ready, resolve } = Promise.withResolvers<void>();
  output.on('line', (line) => {
    lines.push(line);
    resolve();
  });
  const ended = Promise.all([once(child, 'exit'), once(output, 'close')]);
  return {
    process: child,
    lines,
    ready,
    async kill() {
      child.kill('SIGKILL');
      await ended;
    },
  };
}

const last = (lines: readonly string[], word: string): number =>
  Number(lines.findLast((line) => line.startsWith(word))?.split(' ')[1] ?? 0);

it(
  `after each of ${kills} kills the file holds the credential before or after, never less than was acknowledged`,
  async () => {
    const random = createSeededRandom(chooseSeed('CREDENTIAL_KILL_SEED'));
    let acknowledged = 0;
    let begun = 0;
    let caughtInTheAct = 0;
    let next = startRotator(place);
    for (let count = 0; count < kills; count += 1) {
      const rotator = next;
      await rotator.ready;
      next = startRotator(place); // the next one starts while this one works
      rotator.process.stdin?.write('go\n');
      await sleep(random() * longestLifeMs);
      await rotator.kill();

      expect(rotator.lines.filter((line) => line.startsWith('failed'))).toEqual([]);
      acknowledged = Math.max(acknowledged, last(rotator.lines, 'saved'));
      begun = Math.max(begun, last(rotator.lines, 'begun'));
      if (begun > acknowledged) caughtInTheAct += 1;
      const stored = await place.open().load();
      const generation = stored?.current.issuedAt ?? 0;
      expect(generation).toBeGreaterThanOrEqual(acknowledged);
      expect(generation).toBeLessThanOrEqual(begun);
      if (!stored) continue;
      expect(stored.current.refreshToken).toBe(`generation-${generation}.${'x'.repeat(1500)}`);
      expect(stored.previous?.issuedAt ?? 0).toBe(generation - 1);
    }
    await next.kill();
    process.stderr.write(
      `${kills} kills, ${caughtInTheAct} amid a renewal, ${acknowledged} renewals in all\n`,
    );
    expect(caughtInTheAct).toBeGreaterThan(kills / 4);

    // The next renewals leave the credential alone in its folder. A process that was killed before it could write its
    // name into its lock's file is not known to have ended; its file goes by its age.
    const generation = (await place.open().load())?.current.issuedAt ?? 0;
    expect(await place.open().save({ refreshToken: 'x', issuedAt: generation + 1 })).toBe(true);
    for (const name of await readdir(dirname(place.path)))
      if (name.includes('.lock.')) await utimes(join(dirname(place.path), name), new Date(0), new Date(0));
    expect(await place.open().save({ refreshToken: 'y', issuedAt: generation + 2 })).toBe(true);
    expect(await readdir(dirname(place.path))).toEqual(['partner-credential']);
  },
  60_000 + kills * 1_000,
);

it('two processes that renew one file while one of them is killed again and again lose nothing either', async () => {
  const random = createSeededRandom(chooseSeed('CREDENTIAL_KILL_SEED'));
  const survivor = startRotator(place);
  await survivor.ready;
  survivor.process.stdin?.write('go\n');
  const victims: Rotator[] = [];
  for (let count = 0; count < 20; count += 1) {
    const victim = startRotator(place);
    victims.push(victim);
    await victim.ready;
    victim.process.stdin?.write('go\n');
    await sleep(random() * longestLifeMs);
    await victim.kill();
    expect(victim.lines.filter((line) => line.startsWith('failed'))).toEqual([]);
  }
  const before = last(survivor.lines, 'saved');
  while (last(survivor.lines, 'saved') < before + 3) await sleep(5);
  await survivor.kill();
  expect(survivor.lines.filter((line) => line.startsWith('failed'))).toEqual([]);
  const said = [survivor, ...victims].map(({ lines }) => last(lines, 'saved'));
  const stored = await place.open().load();
  expect(stored?.current.issuedAt).toBeGreaterThanOrEqual(Math.max(...said));
}, 60_000);
