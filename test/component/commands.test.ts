import type { ChildProcess } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import supertest from 'supertest';
import { endProgram, runProgram, startProgram, untilPrinted } from '../support/processes.ts';
import { parseCurl, readCurlCommands } from '../support/readme-curl.ts';
import { upgradeRequest } from '../support/requests.ts';

// `npm run local` and `npm run token`, on their fixed ports, in a folder of their own.

let folder: string;
let local: ChildProcess;
const started: ChildProcess[] = [];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gateway-local-'));
  local = startProgram('src/commands/local.ts', { folder, variables: { LOG_LEVEL: 'warn' } });
  await untilPrinted(local, /Ctrl-C stops both/);
});
afterAll(async () => {
  await Promise.all([local, ...started].map((child) => endProgram(child, 'SIGKILL')));
  await rm(folder, { recursive: true, force: true });
});

const printToken = (...args: string[]) => runProgram('src/commands/token.ts', { folder, arguments: args });
const order = (token: string) =>
  supertest('http://localhost:8080')
    .post('/v1/product-upgrades')
    .auth(token, { type: 'bearer' })
    .send(upgradeRequest());

describe('npm run token', () => {
  it.each([
    ['nothing', [], 202],
    ['--user alice', ['--user', 'alice'], 202],
    ['--user bob', ['--user', 'bob'], 403],
    ['--role ProductUpgrade.ReadWrite.All', ['--role', 'ProductUpgrade.ReadWrite.All'], 202],
    ['--role ProductUpgrade.Read.All', ['--role', 'ProductUpgrade.Read.All'], 403],
  ])('with %s prints a token that npm run local’s gateway knows', async (_what, args, status) => {
    const { output, errors, exitCode } = await printToken(...args);
    expect([exitCode, errors]).toEqual([0, '']);
    expect((await order(output.trim())).status).toBe(status);
  });

  it('with --user admin prints one that may manage consent, and with --user alice one that may not', async () => {
    const statuses: number[] = [];
    for (const user of ['admin', 'alice']) {
      const { output } = await printToken('--user', user);
      const gateway = supertest('http://localhost:8080');
      const { status } = await gateway.get('/v1/partner-consent').auth(output.trim(), { type: 'bearer' });
      statuses.push(status);
    }
    expect(statuses).toEqual([200, 403]);
  });

  it.each([
    { option: '--role', says: 'app role' },
    { option: '--user', says: 'no user ""' },
  ])('with an empty $option prints nobody’s token', async ({ option, says }) => {
    const { output, errors, exitCode } = await printToken(option, '');
    expect([exitCode, output]).toEqual([1, '']);
    expect(errors).toContain(says);
  });

  it('with an unknown user says whom there is', async () => {
    const { output, errors, exitCode } = await printToken('--user', 'mallory');
    expect([exitCode, output]).toEqual([1, '']);
    expect(errors).toContain('alice|bob');
  });
});

describe('the README’s API by example', () => {
  it('works against npm run local, line by line', async () => {
    const variables = { TOKEN: (await printToken()).output.trim(), STATUS_URL: '' };
    const statuses: number[] = [];
    for (const command of readCurlCommands('The API by example')) {
      const { url, init } = parseCurl(command, variables);
      const response = await fetch(url, init);
      statuses.push(response.status);
      const operationLocation = response.headers.get('operation-location');
      if (operationLocation) variables.STATUS_URL = operationLocation;
      if (response.status === 202) expect(response.headers.get('retry-after')).toBe('1');
    }
    expect(statuses).toEqual([202, 200, 200, 200, 200]);
  });
});

describe('npm run local', () => {
  it('started a second time takes nothing from the one that runs', async () => {
    const files = async () => (await readdir(join(folder, 'data', 'local'))).sort();
    const before = await files();
    const { errors, exitCode } = await runProgram('src/commands/local.ts', { folder });
    expect(exitCode).toBe(1);
    expect(errors).toMatch(/Port 844\d.*Is "npm run local".*already running\?/);
    expect(await files()).toEqual(before);
    expect((await order((await printToken()).output.trim())).status).toBe(202);
  });

  it('keeps everything below data/, and ends on Ctrl-C', async () => {
    expect(await readdir(folder)).toEqual(['data']);
    expect(await endProgram(local, 'SIGINT')).toBe(0);
    const { errors, exitCode } = await printToken();
    expect(exitCode).toBe(1);
    expect(errors).toContain('npm run local');
  });
});

describe('npm run emulator', () => {
  it('prints what a gateway needs to start, from whichever folder', async () => {
    const emulator = startProgram('src/commands/emulator.ts', { folder });
    started.push(emulator);
    const [lines = ''] = await untilPrinted(emulator, /^export [\s\S]*?(?=\n\n)/m);
    const variables = Object.fromEntries(
      [...lines.matchAll(/^export (\w+)=(.*)$/gm)].map(([, name, value]) => [name, value]),
    );
    const elsewhere = join(folder, 'elsewhere');
    await mkdir(elsewhere);
    const gateway = startProgram('src/main.ts', {
      folder: elsewhere,
      variables: { ...variables, PORT: '0', OPERATIONS_PORT: '0' },
    });
    started.push(gateway);
    const [, url] = await untilPrinted(gateway, /"url":"(http:[^"]+)"/);
    const { body } = await supertest(String(url)).get('/health/ready');
    expect(body.checks.callerKeys.status).toBe('ok'); // over TLS that it trusts
  });
});
