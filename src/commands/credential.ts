import { text } from 'node:stream/consumers';
import { createPartnerCredentialParts } from '../gateway.ts';
import { createHttpClient } from '../http-client.ts';
import { loadSettings } from '../settings.ts';
import { runCommand } from './run-command.ts';

// The partner credential from a shell.

const usage = 'npm run credential -- import   (reads a refresh token on standard input)';

/** Redeems the given refresh token, to see that it works, and stores its successor. Nothing changes if it does not. */
async function importCredential(): Promise<void> {
  const { store, redeem } = createPartnerCredentialParts(loadSettings(), createHttpClient(), Date.now);
  await store.load(); // a store that cannot be read is said before the token is asked for
  if (process.stdin.isTTY) console.error('Paste the refresh token, then press Enter and Ctrl-D.');
  const refreshToken = (await text(process.stdin)).trim();
  if (!/^[\x21-\x7e]{1,16384}$/.test(refreshToken))
    throw new Error('Standard input must hold one refresh token and nothing else.');
  const redeemed = await redeem(refreshToken);
  await store.save({ refreshToken: redeemed.refreshToken, issuedAt: Date.now() });
  console.log('The refresh token works; its successor is stored.');
}

await runCommand(async () => {
  const [command, ...rest] = process.argv.slice(2);
  if (command !== 'import' || rest.length > 0) throw new Error(usage);
  await importCredential();
});
