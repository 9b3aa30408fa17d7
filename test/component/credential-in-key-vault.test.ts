import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { gatewayIdentity } from '../../src/emulator/identities.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { as } from '../support/requests.ts';

// CREDENTIAL_STORE=keyvault:… through the gateway and its commands, with the SDK's own default chain of identities,
// which reads AZURE_TENANT_ID and its like.

const secretName = 'partner-refresh-token';
let started: TestGateway;
const keyVault = () => started.emulator.keyVault;
const variables = () => ({ CREDENTIAL_STORE: `keyvault:${started.emulator.keyVaultUrl}/${secretName}` });

beforeAll(async () => {
  started = await startTestGateway();
  Object.assign(process.env, started.emulator.azureEnvironment);
});
afterAll(async () => {
  for (const name of Object.keys(started.emulator.azureEnvironment)) delete process.env[name];
  await started.stop();
});
beforeEach(() => keyVault().reset());

it('a refresh token put into Key Vault by hand serves an upgrade, and its successor is stored', async () => {
  const refreshToken = await started.emulator.entra.issueRefreshToken();
  keyVault().put(secretName, refreshToken);
  const gateway = await startTestGateway({ besides: started, variables: variables(), hasCredential: false });
  const alice = as(await started.emulator.entra.issueCallerToken({ user: 'alice' }), gateway);
  expect((await alice.order()).status).toBe(202);
  const [byHand, renewed] = keyVault().versions(secretName);
  expect(byHand?.value).toBe(refreshToken);
  expect(renewed?.value).not.toBe(refreshToken);
  expect(renewed?.tags).toMatchObject({ previousVersion: byHand?.version });
  expect(JSON.stringify(gateway.logLines())).not.toContain(refreshToken);
  await gateway.stop();
});

it('a vault that fails while the token is renewed does not fail the caller’s request', async () => {
  keyVault().put(secretName, await started.emulator.entra.issueRefreshToken());
  keyVault().next('forbidden', { method: 'PUT' });
  const gateway = await startTestGateway({ besides: started, variables: variables(), hasCredential: false });
  const alice = as(await started.emulator.entra.issueCallerToken({ user: 'alice' }), gateway);
  expect((await alice.order()).status).toBe(202);
  expect(gateway.logLines()).toContainEqual(
    expect.objectContaining({
      level: 'error',
      err: expect.objectContaining({
        type: 'CredentialStoreError',
        message: expect.stringContaining('Grant it'),
      }),
    }),
  );
  await gateway.stop();
});

it('the readiness probe answers though the vault is silent', async () => {
  keyVault().put(secretName, await started.emulator.entra.issueRefreshToken());
  keyVault().next('never-answers', { times: 100 });
  const gateway = await startTestGateway({ besides: started, variables: variables(), hasCredential: false });
  const startedAt = performance.now();
  const { body } = await gateway.api.get('/health/ready');
  expect(performance.now() - startedAt).toBeLessThan(4_000);
  expect(body.checks.partnerCredential.status).not.toBe('ok');
  keyVault().calm();
  await gateway.stop();
});

it('the import command stores through the default chain, and the SDK’s most talkative log shows no secret', async () => {
  const refreshToken = await started.emulator.entra.issueRefreshToken();
  const { emulator } = started;
  const child = spawn(
    process.execPath,
    [
      '--disable-warning=MODULE_TYPELESS_PACKAGE_JSON',
      join(import.meta.dirname, '../../src/commands/credential.ts'),
      'import',
    ],
    {
      env: {
        PATH: process.env['PATH'],
        ...emulator.environment,
        ...emulator.azureEnvironment,
        ...variables(),
        NODE_EXTRA_CA_CERTS: emulator.certificateAuthorityPath,
        AZURE_LOG_LEVEL: 'verbose',
      },
    },
  );
  child.stdin.end(refreshToken);
  const [output, log, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'exit'),
  ]);
  expect({ code, output }).toEqual({ code: 0, output: expect.stringContaining('successor is stored') });
  const [stored] = keyVault().versions(secretName);
  expect(stored).toMatchObject({ tags: { clientId: emulator.environment['PARTNER_CLIENT_ID'] } });
  expect(log).toContain('keyvault'); // it did talk
  for (const secret of [refreshToken, stored?.value ?? '', gatewayIdentity.clientSecret, 'eyJ'])
    expect(`${output}${log}`).not.toContain(secret);
});
