import { startEmulator } from '../emulator/emulator.ts';
import { runCommand, untilInterrupted } from './run-command.ts';

// The emulator alone, on fixed ports until Ctrl-C, for teams that build against it.

await runCommand(async () => {
  const emulator = await startEmulator({ entraPort: 8443, partnerCenterPort: 8444, keyVaultPort: 8445 });
  const variables = { NODE_EXTRA_CA_CERTS: emulator.certificateAuthorityPath, ...emulator.environment };
  console.log(`
Entra ID:        ${emulator.authority}
Partner Center:  ${emulator.partnerCenterUrl}   (controls: ${emulator.partnerCenterUrl}/emulator/)
Key Vault:       ${emulator.keyVaultUrl}

A gateway, or your own client, reaches them with:

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
