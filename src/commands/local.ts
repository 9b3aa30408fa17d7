import { loadSettings } from '../settings.ts';
import { startLocalStack } from './local-stack.ts';
import { runCommand, untilInterrupted } from './run-command.ts';

// The emulator and the gateway on the fixed ports of config/local.yaml, until Ctrl-C.

await runCommand(async () => {
  const { emulator, settings, stop } = await startLocalStack({
    folder: 'data/local',
    emulator: { entraPort: 8443, partnerCenterPort: 8444, keyVaultPort: 8445 },
    gateway: { statusIntervalMs: 1_000 },
    loadSettings: () => loadSettings({ local: true }),
  });
  const { publicUrl } = settings.server;
  console.error(`
Gateway:         ${publicUrl}   (API page: ${publicUrl}/docs)
Entra ID:        ${emulator.authority}   (emulated; its certificate authority: ${emulator.certificateAuthorityPath})
Partner Center:  ${emulator.partnerCenterUrl}   (emulated)

In another shell:

  TOKEN=$(npm run --silent token)
  curl -i ${publicUrl}/v1/product-upgrades -H "Authorization: Bearer $TOKEN" \\
    -H 'Content-Type: application/json' -d '{"customerId":"4c721420-72ad-4708-a0a7-371a2f7b0969","productFamily":"Azure"}'
  curl -i STATUS_URL -H "Authorization: Bearer $TOKEN"

The next order can go wrong on purpose, for example:

  curl ${emulator.partnerCenterUrl}/emulator/scenarios -H 'Content-Type: application/json' -d '{"scenario":"throttled"}'

Ctrl-C stops both.
`);
  await untilInterrupted();
  await stop();
});
