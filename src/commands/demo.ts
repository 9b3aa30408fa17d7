import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { styleText } from 'node:util';
import type { z } from 'zod';
import { acceptedUpgrade, statusMonitor } from '../product-upgrades/schemas.ts';
import { loadSettings } from '../settings.ts';
import { type LocalStack, startLocalStack } from './local-stack.ts';
import { runCommand } from './run-command.ts';

// The main job, with no account and no configuration: order an upgrade through the real path and follow it to the end.

const customerId = '4c721420-72ad-4708-a0a7-371a2f7b0969';
const say = (line = '') => console.log(line);
const done = (line: string) => say(`${styleText('green', '✓')} ${line}`);
const sent = (line: string) => say(`${styleText('cyan', '→')} ${line}`);
const received = (line: string) => say(`${styleText('cyan', '←')} ${line}`);

/** PUBLIC_URL has to be known before the gateway listens. */
async function findFreePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('No free port was found.');
  return address.port;
}

async function startStack(folder: string): Promise<LocalStack> {
  const port = await findFreePort();
  return startLocalStack({
    folder: join(folder, 'gateway'),
    emulator: { dataDirectory: join(folder, 'emulator'), pace: { pendingMs: 2_000, inProgressMs: 3_500 } },
    gateway: { statusIntervalMs: 500 },
    loadSettings: (emulator) =>
      loadSettings({
        variables: {
          ...emulator.environment,
          HOST: '127.0.0.1',
          PORT: String(port),
          OPERATIONS_PORT: '0',
          PUBLIC_URL: `http://localhost:${port}`,
          CREDENTIAL_STORE: `file:${join(folder, 'gateway', 'partner-credential')}`,
          CREDENTIAL_KEY: Buffer.alloc(32, 'demo').toString('base64'),
          DATABASE_URL: `sqlite:${join(folder, 'gateway', 'gateway.db')}`,
          LOG_LEVEL: 'silent',
        },
      }),
  });
}

async function order(publicUrl: string, token: string) {
  const body = JSON.stringify({ customerId, productFamily: 'Azure' });
  sent(`POST ${publicUrl}/v1/product-upgrades`);
  say(`  ${body}`);
  const response = await fetch(`${publicUrl}/v1/product-upgrades`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body,
  });
  const answer: unknown = await response.json();
  received(`${response.status} ${response.statusText}`);
  say(
    JSON.stringify(answer, null, 2)
      .split('\n')
      .map((line) => `  ${line}`)
      .join('\n'),
  );
  return acceptedUpgrade.parse(answer);
}

const barWidths = { NotStarted: 2, Running: 12, Succeeded: 24, Failed: 24, Canceled: 24 } as const;

function showProgress(startedAt: number, monitor: z.infer<typeof statusMonitor>) {
  const seconds = ((Date.now() - startedAt) / 1000).toFixed(1).padStart(5);
  const width = barWidths[monitor.status];
  const bar = styleText(monitor.isFinal ? 'green' : 'yellow', '█'.repeat(width)) + '░'.repeat(24 - width);
  say(
    `  ${seconds} s  ${bar}  ${monitor.status.padEnd(10)} (Partner Center: ${monitor.partnerCenterStatus})`,
  );
}

async function follow(statusUrl: string, token: string) {
  const startedAt = Date.now();
  sent(`GET ${statusUrl}`);
  say('  Prefer: wait=30  (answers as soon as something changes)');
  for (let etag: string | null = null; ; ) {
    const waiting: Record<string, string> = etag ? { prefer: 'wait=30', 'if-none-match': etag } : {};
    const response: Response = await fetch(statusUrl, {
      headers: { authorization: `Bearer ${token}`, ...waiting },
    });
    if (response.status === 304) continue;
    const monitor = statusMonitor.parse(await response.json());
    etag = response.headers.get('etag');
    showProgress(startedAt, monitor);
    if (monitor.isFinal) return monitor;
  }
}

await runCommand(async () => {
  const folder = await mkdtemp(join(tmpdir(), 'product-upgrade-gateway-'));
  say(styleText('bold', 'Product Upgrade Gateway'));
  say('Everything here runs on this machine: an emulator stands in for Entra ID and Partner Center.\n');
  const { emulator, gateway, settings, stop } = await startStack(folder);
  try {
    done(`Emulator: Entra ID at ${emulator.authority}, Partner Center at ${emulator.partnerCenterUrl}`);
    done(`Gateway at ${gateway.url}, with the credential of a partner who consented`);
    const token = await emulator.entra.issueCallerToken({ user: 'alice' });
    done('Alice has signed in; her token carries the scope ProductUpgrade.ReadWrite\n');

    const { publicUrl } = settings.server;
    const { upgradeId, statusUrl } = await order(publicUrl, token);
    say();
    const monitor = await follow(statusUrl, token);
    for (const { sourceProduct, targetProduct } of monitor.lineItems)
      say(`           ${sourceProduct?.name} became ${targetProduct?.name}`);
    const calls = emulator.partnerCenter.requests().length;
    say();
    if (monitor.status !== 'Succeeded')
      throw new Error(`The upgrade ended as ${monitor.status}, which it should not.`);
    done(`Upgrade ${upgradeId} succeeded; Partner Center saw ${calls} calls in all.`);
    say('\nTry it yourself: "npm run local" keeps both running, with lines to copy.');
  } finally {
    await stop();
    await rm(folder, { recursive: true, force: true });
  }
});
