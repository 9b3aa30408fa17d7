import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import {
  applications,
  callerAudience,
  callers,
  callerTenantId,
  signInClientId,
} from '../emulator/identities.ts';
import { trustEmulator } from './local-stack.ts';
import { runCommand } from './run-command.ts';

// Prints a caller's bearer token from the running local emulator, and nothing else on standard output.

const tokenEndpoint = `https://localhost:8443/${callerTenantId}/oauth2/v2.0/token`;
const usage = `npm run token [-- --user ${Object.keys(callers).join('|')} | --role APP_ROLE]`;

function readArguments(): Record<string, string> {
  const { values } = parseArgs({ options: { user: { type: 'string' }, role: { type: 'string' } } });
  if (values.user !== undefined && values.role !== undefined)
    throw new Error(`A token is either a user's or an application's: ${usage}`);
  if (values.role !== undefined) {
    if (values.role.trim() === '') throw new Error(`--role needs the name of an app role: ${usage}`);
    const { clientId, clientSecret } = applications.nobody;
    return {
      grant_type: 'client_credentials',
      client_id: clientId,
      client_secret: clientSecret,
      scope: `api://${callerAudience}/.default`,
      role: values.role,
    };
  }
  const user = Object.values(callers).find(({ name }) => name === (values.user ?? 'alice'));
  if (!user) throw new Error(`There is no user "${values.user}": ${usage}`);
  return {
    grant_type: 'password',
    client_id: signInClientId,
    username: user.name,
    password: user.name,
    scope: `api://${callerAudience}/.default`,
  };
}

async function requestToken(form: Record<string, string>): Promise<string> {
  const notRunning = 'The local emulator is not running. Start it in another shell: npm run local';
  const certificateAuthority = await readFile('data/emulator/ca.pem', 'utf8').catch((cause: unknown) => {
    throw new Error(notRunning, { cause });
  });
  trustEmulator(certificateAuthority);
  const response = await fetch(tokenEndpoint, {
    method: 'POST',
    body: new URLSearchParams(form),
    signal: AbortSignal.timeout(10_000),
  }).catch((cause: unknown) => {
    throw new Error(notRunning, { cause });
  });
  const answer = z
    .object({ access_token: z.string().optional(), error_description: z.string().optional() })
    .parse(await response.json());
  if (!answer.access_token) throw new Error(answer.error_description ?? 'The emulator gave no token.');
  return answer.access_token;
}

await runCommand(async () => {
  console.log(await requestToken(readArguments()));
});
