import { randomBytes } from 'node:crypto';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { startEmulator } from '../emulator/emulator.ts';
import { runCommand, untilInterrupted } from './run-command.ts';

// The emulator alone, on fixed ports until Ctrl-C, for teams that build against it. For clients on other machines:
// --host (the address to listen on), --hostname (the name that they reach it by), --tls (Partner Center over TLS too).

function readArguments() {
  const { values } = parseArgs({
    options: { host: { type: 'string' }, hostname: { type: 'string' }, tls: { type: 'boolean' } },
  });
  const { tls, ...names } = values;
  return { ...names, partnerCenterTls: tls ?? false };
}

await runCommand(async () => {
  const emulator = await startEmulator({
    entraPort: 8443,
    partnerCenterPort: 8444,
    keyVaultPort: 8445,
    ...readArguments(),
  });
  const variables = {
    NODE_EXTRA_CA_CERTS: resolve(emulator.certificateAuthorityPath),
    ...emulator.environment,
    CREDENTIAL_KEY: randomBytes(32).toString('base64'),
  };
  console.log(`
Entra ID:        ${emulator.authority}
Partner Center:  ${emulator.partnerCenterUrl}   (controls: ${emulator.partnerCenterUrl}/emulator/)
Key Vault:       ${emulator.keyVaultUrl}

A gateway, or your own client, reaches them with (CREDENTIAL_KEY is an example: stay with the first one you use):

${Object.entries(variables)
  .map(([name, value]) => `export ${name}=${value}`)
  .join('\n')}

To keep the partner credential in the emulated Key Vault, add:

${Object.entries({
  CREDENTIAL_STORE: `keyvault:${emulator.keyVaultUrl}/partner-credential`,
  ...emulator.azureEnvironment,
})
  .map(([name, value]) => `export ${name}=${value}`)
  .join('\n')}

A refresh token, as after an admin agent's consent:

  curl -s -X POST ${emulator.partnerCenterUrl}/emulator/refresh-tokens

Ctrl-C stops it.
`);
  await untilInterrupted();
  await emulator.stop();
});
