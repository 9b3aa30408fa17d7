import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { type BrowserContext, chromium } from 'playwright-core';

const usualPlaces = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

/** The browser of this machine, or the one that CHROMIUM names; undefined where there is none. */
export const findChromium = (): string | undefined =>
  [process.env['CHROMIUM'] ?? '', ...usualPlaces].find((path) => path !== '' && existsSync(path));

export interface TestBrowser {
  readonly context: BrowserContext;
  stop(): Promise<void>;
}

/** The hash by which Chromium knows a server's public key. This process checks the certificate itself. */
async function hashPublicKey(authority: string): Promise<string> {
  const { hostname, port } = new URL(authority);
  const socket = connect({ host: '127.0.0.1', port: Number(port), servername: hostname, timeout: 10_000 });
  try {
    await once(socket, 'secureConnect');
    const publicKey = socket.getPeerX509Certificate()?.publicKey.export({ type: 'spki', format: 'der' });
    if (!publicKey) throw new Error('The server has no certificate.');
    return createHash('sha256').update(publicKey).digest('base64');
  } finally {
    socket.destroy();
  }
}

/**
 * A headless browser with a profile of its own. It goes on with the certificate of this one server although the machine
 * does not trust it, and checks all others.
 */
export async function startChromium(executablePath: string, authority: string): Promise<TestBrowser> {
  const profile = await mkdtemp(join(tmpdir(), 'chromium-'));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath,
    headless: true,
    viewport: { width: 900, height: 760 },
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      `--ignore-certificate-errors-spki-list=${await hashPublicKey(authority)}`,
    ],
  });
  return {
    context,
    async stop() {
      await context.close();
      await rm(profile, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}
