import { type ChildProcess, execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import supertest from 'supertest';
import { type Emulator, startEmulator } from '../../src/emulator/emulator.ts';
import { endProgram, runProgram, startProgram, untilPrinted } from '../support/processes.ts';
import { upgradeRequest } from '../support/requests.ts';

// The gateway and its commands as processes of their own, as `npm start` and `npm run credential` start them.

let folder: string;
let emulator: Emulator;
let variables: Record<string, string>;
const started: ChildProcess[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gateway-process-'));
  emulator = await startEmulator({ dataDirectory: join(folder, 'emulator') });
  variables = {
    ...emulator.environment,
    NODE_EXTRA_CA_CERTS: emulator.certificateAuthorityPath,
    PORT: '0',
    OPERATIONS_PORT: '0',
    CREDENTIAL_KEY: randomBytes(32).toString('base64'),
    CREDENTIAL_STORE: `file:${join(folder, 'credential')}`,
    DATABASE_URL: `sqlite:${join(folder, 'gateway.db')}`,
  };
});
afterAll(async () => {
  await Promise.all(started.map((child) => endProgram(child, 'SIGKILL')));
  await emulator.stop();
  await rm(folder, { recursive: true, force: true });
});

async function startMain() {
  const child = startProgram('src/main.ts', { variables });
  started.push(child);
  const [, url] = await untilPrinted(child, /"url":"(http:[^"]+)"/);
  return { child, url: String(url) };
}

/** A Node older than the one that runs this test, if the machine has one. */
function findOlderNode(): string | undefined {
  const name = process.platform === 'win32' ? 'node.exe' : 'node';
  return (process.env['PATH'] ?? '')
    .split(delimiter)
    .filter((path) => !path.includes('node_modules'))
    .map((path) => join(path, name))
    .find((path) => {
      try {
        const version = execFileSync(path, ['--version'], {
          encoding: 'utf8',
          stdio: ['ignore', 'pipe', 'ignore'],
        });
        return Number(version.slice(1).split('.')[0]) < 24;
      } catch {
        return false;
      }
    });
}

describe('a wrong start', () => {
  it('lists every fault, shows no value, and exits with 78', async () => {
    const { exitCode, errors, output } = await runProgram('src/main.ts', {
      variables: {
        PORT: 'eighty',
        PARTNER_CENTER_URL: 'http://api.example.com',
        CALLER_TENANT_ID: 'contoso',
        CREDENTIAL_KEY: 'c2VjcmV0LWJ1dC1zaG9ydA==',
        PARTNER_CLIENT_SECRET: 'the-secret-value',
        PARTNER_CLIENT_CERTIFICATE: '/nowhere.pem',
      },
    });
    expect(exitCode).toBe(78);
    for (const name of [
      'PORT: ',
      'PARTNER_CENTER_URL: ',
      'CALLER_TENANT_ID: must be a GUID',
      'CALLER_AUDIENCE: is required',
      'PARTNER_TENANT_ID: is required',
      'PARTNER_CLIENT_ID: is required',
      'PARTNER_CLIENT_SECRET: ',
      'PARTNER_CLIENT_CERTIFICATE: ',
      'CREDENTIAL_KEY: must be 32 bytes',
    ])
      expect(errors).toContain(name);
    expect(errors + output).not.toMatch(/the-secret-value|c2VjcmV0|contoso|eighty/);
  });

  it('a port that is taken is one clear message', async () => {
    const port = new URL(emulator.partnerCenterUrl).port;
    const { exitCode, errors } = await runProgram('src/main.ts', { variables: { ...variables, PORT: port } });
    expect(exitCode).toBe(1);
    expect(errors).toMatch(/EADDRINUSE/);
  });

  const olderNode = findOlderNode();
  const name = 'an older Node says in one sentence which one is needed';
  if (olderNode)
    it(name, async () => {
      const { exitCode, errors, output } = await runProgram('src/main.ts', { node: olderNode });
      expect(exitCode).toBe(1);
      expect(errors.trim().split('\n')).toHaveLength(1);
      expect(errors).toMatch(/needs Node 24 or newer.*npm start/);
      expect(output).toBe('');
    });
  else console.info(`Skipped, since this machine has no older Node: ${name}`);
});

describe('npm run credential -- import', () => {
  it('refuses a token that does not work, and stores nothing', async () => {
    const { exitCode, errors, output } = await runProgram('src/commands/credential.ts', {
      variables,
      arguments: ['import'],
      input: 'not-a-refresh-token\n',
    });
    expect(exitCode).toBe(1);
    expect(errors).toMatch(/consent/);
    expect(errors + output).not.toContain('not-a-refresh-token');
    await expect(stat(join(folder, 'credential'))).rejects.toThrow(/ENOENT/);
  });

  it('stores the successor of a token that works, for its owner’s eyes only', async () => {
    const refreshToken = await emulator.entra.issueRefreshToken();
    const { exitCode, errors, output } = await runProgram('src/commands/credential.ts', {
      variables,
      arguments: ['import'],
      input: `${refreshToken}\n`,
    });
    expect([exitCode, errors]).toEqual([0, '']);
    expect(output).not.toContain(refreshToken);
    expect((await stat(join(folder, 'credential'))).mode & 0o777).toBe(0o600);
  });
});

describe('npm start', () => {
  it('orders an upgrade with the imported credential, and leaves on SIGTERM when it is done', async () => {
    const { child, url } = await startMain();
    const token = await emulator.entra.issueCallerToken({ application: 'portal' });
    const api = supertest(url);
    const order = await api
      .post('/v1/product-upgrades')
      .auth(token, { type: 'bearer' })
      .send(upgradeRequest());
    expect(order.status).toBe(202);
    expect(order.body.statusUrl).toMatch(/^http:\/\/localhost:8080\/v1\/product-upgrades\//);

    const ended = endProgram(child);
    for (let ready = await api.get('/health/ready'); ready.status !== 503; )
      ready = await api.get('/health/ready');
    expect(await ended).toBe(0);
  });

  it('knows after a restart what it ordered before', async () => {
    const [upgrade] = emulator.partnerCenter.upgrades();
    const { child, url } = await startMain();
    const token = await emulator.entra.issueCallerToken({ application: 'reader' });
    const status = await supertest(url)
      .get(`/v1/product-upgrades/${upgrade?.upgradeId}/status`)
      .auth(token, { type: 'bearer' });
    expect(status.body).toMatchObject({ upgradeId: upgrade?.upgradeId, customerId: upgrade?.customerId });
    expect(await endProgram(child, 'SIGINT')).toBe(0);
  });
});
