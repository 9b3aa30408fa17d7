import { writeSync } from 'node:fs';
import { createFileCredentialStore } from '../../src/partner-credential/file-credential-store.ts';

// A process that renews the credential of a file without end, and says what is durable: to be killed.

const [path = '', key = '', partnerTenantId = '', clientId = ''] = process.argv.slice(2);
const store = createFileCredentialStore({
  path,
  key: Buffer.from(key, 'base64'),
  partnerTenantId,
  clientId,
});

const token = (generation: number) => `generation-${generation}.${'x'.repeat(1500)}`;
/** Not buffered: what the parent reads has been said before whatever happens next. */
const say = (line: string) => writeSync(1, `${line}\n`);

say('ready');
process.stdin.once('data', async () => {
  try {
    let generation = (await store.load())?.current.issuedAt ?? 0;
    for (;;) {
      generation += 1;
      say(`begun ${generation}`);
      await store.save({ refreshToken: token(generation), issuedAt: generation, hasMfa: true });
      say(`saved ${generation}`);
    }
  } catch (error) {
    say(`failed ${String(error)}`);
    process.exit(1);
  }
});
