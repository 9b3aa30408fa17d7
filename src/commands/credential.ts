import { randomUUID } from 'node:crypto';
import { hostname, userInfo } from 'node:os';
import { text } from 'node:stream/consumers';
import { openPartnerConnection } from '../gateway.ts';
import { loadSettings, type Settings } from '../settings.ts';
import { awaitConsent } from './await-consent.ts';
import { showCredential } from './credential-status.ts';
import { runCommand } from './run-command.ts';

// The partner credential from a shell.

type Connection = ReturnType<typeof openPartnerConnection>;
interface CommandParts {
  readonly connection: Connection;
  readonly settings: Settings;
}

const usage = `npm run credential -- status    shows how the partner credential is, after trying it
npm run credential -- consent   prints the address to sign in at, and waits until that is done
npm run credential -- import    reads a refresh token on standard input`;

/** Redeems the given refresh token, to see that it works, and stores its successor. Nothing changes if it does not. */
async function importCredential({ connection }: CommandParts): Promise<void> {
  if (process.stdin.isTTY) console.error('Paste the refresh token, then press Enter and Ctrl-D.');
  const refreshToken = (await text(process.stdin)).trim();
  if (!/^[\x21-\x7e]{1,16384}$/.test(refreshToken))
    throw new Error('Standard input must hold one refresh token and nothing else.');
  const { isStored, hasMfa } = await connection.adoptCredential(refreshToken);
  if (!isStored)
    throw new Error('The refresh token works but has no MFA, and the stored one has: nothing was changed.');
  console.log('The refresh token works; its successor is stored.');
  if (hasMfa === false)
    console.error(
      'It was granted without MFA: Partner Center refuses such credentials. Consent again, with MFA.',
    );
}

/** Tries the credential as the gateway would, asks Partner Center, and shows what the doctor says. */
async function showStatus({ connection }: CommandParts): Promise<void> {
  await connection.credential.renew().catch(() => undefined); // the diagnosis tells
  await connection.checkAccess();
  const diagnosis = await connection.diagnose({ isFresh: true });
  console.log(showCredential(diagnosis, Date.now()));
  if (diagnosis.state !== 'connected' && diagnosis.state !== 'expiring') process.exitCode = 1;
}

/** Begins consent and waits until somebody has signed in, here or on any other machine with a browser. */
async function grantConsent({ connection, settings }: CommandParts): Promise<void> {
  const interrupted = new AbortController();
  process.once('SIGINT', () => interrupted.abort());
  process.once('SIGTERM', () => interrupted.abort());
  const asker = {
    tenantId: settings.callers.tenantId,
    applicationId: 'npm run credential',
    objectId: `${userInfo().username}@${hostname()}`,
  };
  const { authorizationUrl, expiresAt, stateHash } = await connection.beginConsent(asker, randomUUID());
  console.error(`Open this address in a browser, on any machine, and sign in as an admin agent of the partner, with MFA.
The gateway must be running: the browser comes back to ${settings.server.publicUrl}.
`);
  console.log(authorizationUrl);
  console.error(`\nWaiting until ${new Date(expiresAt).toLocaleTimeString()}; Ctrl-C stops.`);

  const connected = await awaitConsent({
    sessions: connection.sessions,
    stateHash,
    expiresAt,
    interrupted: interrupted.signal,
    onFinishing: () => console.error('Somebody has just signed in: waiting until that is finished.'),
  });
  console.log(connected);
}

const commands: Readonly<Record<string, (parts: CommandParts) => Promise<void>>> = {
  status: showStatus,
  consent: grantConsent,
  import: importCredential,
};

await runCommand(async () => {
  const [name = '', ...rest] = process.argv.slice(2);
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (!command || rest.length > 0) throw new Error(usage);
  const settings = loadSettings();
  // Standard output is for what is asked for; the log of this process holds the audit of a consent.
  const log = { write: (line: string) => void (name === 'consent' && process.stderr.write(line)) };
  const connection = openPartnerConnection(settings, log);
  try {
    await command({ connection, settings });
  } finally {
    await connection.close();
  }
});
