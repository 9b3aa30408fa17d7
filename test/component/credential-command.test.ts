import type { ChildProcess } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createConsentBrowser } from '../support/consent-browser.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { endProgram, runProgram, startProgram, untilPrinted } from '../support/processes.ts';
import { as } from '../support/requests.ts';

// `npm run credential`, on the server of a running gateway that shares store and database.

const program = 'src/commands/credential.ts';
let started: TestGateway;
let variables: Record<string, string>;
beforeAll(async () => {
  started = await startTestGateway({
    hasCredential: false,
    variables: { PARTNER_CENTER_TIMEOUT_MS: '10000' },
  });
  variables = { ...started.variables, NODE_EXTRA_CA_CERTS: started.emulator.certificateAuthorityPath };
});
afterAll(() => started.stop());

async function run(command: string, { input = '', changes = {} as Record<string, string> } = {}) {
  const result = await runProgram(program, {
    arguments: [command],
    input,
    variables: { ...variables, ...changes },
  });
  started.secrets.read(`npm run credential -- ${command}`, `${result.output}${result.errors}`);
  return result;
}
const startConsent = () => startProgram(program, { arguments: ['consent'], variables });
const printedUrl = async (child: ChildProcess) => (await untilPrinted(child, /^https:\S+$/m))[0];
const ended = (child: ChildProcess) =>
  new Promise<number | null>((resolve) => void child.once('exit', (code) => resolve(code)));

describe('npm run credential -- status', () => {
  it('without a credential says what to do, and ends with an error', async () => {
    const { output, exitCode } = await run('status');
    expect(exitCode).toBe(1);
    expect(output).toMatch(/^State +consentRequired$/m);
    expect(output).toMatch(/^What to do +An admin agent of the partner must consent/m);
  });
});

describe('npm run credential -- consent', () => {
  it('prints the address, waits, and says who has connected', async () => {
    const child = startConsent();
    const url = await printedUrl(child);
    const done = Promise.all([untilPrinted(child, /Connected as (\S+)\.$/m), ended(child)]);
    const callback = await createConsentBrowser().signIn(url, 'ada');
    const page = await started.api.get(`${callback.pathname}${callback.search}`);
    expect(page.status).toBe(200);
    const [[, name], exitCode] = await done;
    expect([name, exitCode]).toEqual(['ada@partner.example', 0]);
    const granted = started.logLines().findLast((line) => line['event'] === 'consent.granted');
    expect(granted?.['askedBy']).toMatchObject({ applicationId: 'npm run credential' });

    const { output, exitCode: statusCode } = await run('status');
    expect(statusCode).toBe(0);
    expect(output).toMatch(/^State +connected$/m);
    expect(output).toMatch(/^Connected as +ada@partner\.example$/m);
    expect(output).toMatch(/^Expires at the latest +\d{4}-.* in 8[89]|90 days$/m);
    expect(output).toMatch(/^MFA +yes$/m);
    expect(output).toMatch(/^Partner Center +accepted; counts as MFA: yes$/m);
  });

  it('says why where the consent is refused, and ends with an error', async () => {
    const child = startConsent();
    const url = await printedUrl(child);
    const done = Promise.all([untilPrinted(child, /The consent was refused \((\w+)\)/), ended(child)]);
    const callback = await createConsentBrowser().signIn(url, 'eve');
    await started.api.get(`${callback.pathname}${callback.search}`);
    const [[, reason], exitCode] = await done;
    expect([reason, exitCode]).toEqual(['wrongTenant', 1]);
  });

  it('stopped by Ctrl-C, leaves an address that is of no more use', async () => {
    const child = startConsent();
    const url = await printedUrl(child);
    const callback = await createConsentBrowser().signIn(url, 'ada');
    expect(await endProgram(child, 'SIGINT')).toBe(1);
    const page = await started.api.get(`${callback.pathname}${callback.search}`);
    expect(page.status).toBe(400);
    expect(page.text).toContain('not known');
  });
});

describe('npm run credential -- import', () => {
  it('takes over a refresh token that works, which the running gateway then uses', async () => {
    const input = await started.emulator.entra.issueRefreshToken();
    const { output, exitCode } = await run('import', { input: `${input}\n` });
    expect([exitCode, output.trim()]).toEqual([0, 'The refresh token works; its successor is stored.']);
    const admin = as(await started.emulator.entra.issueCallerToken({ user: 'admin' }), started);
    const { body } = await admin.get('/v1/partner-consent');
    expect(body).toMatchObject({ state: 'connected', hasMfa: true });
  });

  it('does not let one without MFA replace one with MFA', async () => {
    const input = await started.emulator.entra.issueRefreshToken({ mfa: false });
    const { errors, exitCode } = await run('import', { input });
    expect(exitCode).toBe(1);
    expect(errors).toContain('has no MFA');
  });

  it.each([
    { what: 'nothing', input: '', says: 'one refresh token' },
    { what: 'two words', input: 'one two', says: 'one refresh token' },
    { what: 'a token that Entra ID refuses', input: 'not-a-token-of-entra', says: 'must consent again' },
  ])('refuses $what and changes nothing', async ({ input, says }) => {
    const { errors, exitCode } = await run('import', { input });
    expect(exitCode).toBe(1);
    expect(errors).toContain(says);
    expect((await run('status')).exitCode).toBe(0);
  });
});

it('another word is answered with what there is', async () => {
  const { errors, exitCode } = await run('frobnicate');
  expect(exitCode).toBe(1);
  for (const command of ['status', 'consent', 'import']) expect(errors).toContain(`-- ${command}`);
});

it('looks and imports without the database, which consent alone needs', async () => {
  const changes = { DATABASE_URL: `sqlite:${import.meta.filename}/gateway.db` };
  expect((await run('status', { changes })).exitCode).toBe(0);
  const { errors, exitCode } = await run('consent', { changes });
  expect(exitCode).toBe(1);
  expect(errors).toContain('database');
});

it('a store that cannot be opened is the operator’s: status says so', async () => {
  const { output, exitCode } = await run('status', {
    changes: { CREDENTIAL_KEY: Buffer.alloc(32, 7).toString('base64') },
  });
  expect(exitCode).toBe(1);
  expect(output).toMatch(/^State +operatorRequired$/m);
  expect(output).toContain('CREDENTIAL_KEY');
});
