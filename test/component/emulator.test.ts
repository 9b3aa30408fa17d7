import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { type Emulator, startEmulator } from '../../src/emulator/emulator.ts';
import { partnerToken, startTrusted } from '../unit/emulator/entra-client.ts';
import { createPartnerCenterClient, customerId, order } from '../unit/emulator/partner-center-client.ts';

describe('the emulator', () => {
  let dataDirectory: string;
  beforeAll(async () => {
    dataDirectory = await mkdtemp(join(tmpdir(), 'emulator-'));
  });
  afterAll(() => rm(dataDirectory, { recursive: true }));

  it('makes one certificate authority, also for starts at the same moment, with a private private key', async () => {
    const emulators = await Promise.all([startEmulator({ dataDirectory }), startEmulator({ dataDirectory })]);
    await Promise.all(emulators.map((emulator) => emulator.stop()));
    const [first, second] = emulators;
    expect(first.certificateAuthority).toBe(second.certificateAuthority);
    expect(await readFile(first.certificateAuthorityPath, 'utf8')).toBe(first.certificateAuthority);
    const { mode } = await stat(join(dataDirectory, 'ca-with-private-key.pem'));
    expect(mode & 0o777).toBe(0o600);
  });

  it('gives the gateway’s variables', async () => {
    const emulator = await startEmulator({ dataDirectory });
    await emulator.stop();
    expect(emulator.authority).toMatch(/^https:\/\/localhost:\d+$/);
    expect(emulator.partnerCenterUrl).toMatch(/^http:\/\/localhost:\d+$/);
    expect(emulator.environment).toEqual({
      ENTRA_AUTHORITY: emulator.authority,
      CALLER_TENANT_ID: expect.any(String),
      CALLER_AUDIENCE: expect.any(String),
      PARTNER_TENANT_ID: expect.any(String),
      PARTNER_CLIENT_ID: expect.any(String),
      PARTNER_CLIENT_SECRET: expect.any(String),
      PARTNER_CENTER_URL: emulator.partnerCenterUrl,
    });
  });

  it('is reached by another name where one is given', async () => {
    const emulator = await startEmulator({ dataDirectory, hostname: 'emulator.internal' });
    const token = await emulator.entra.issueCallerToken({ user: 'alice' });
    await emulator.stop();
    expect(emulator.authority).toMatch(/^https:\/\/emulator\.internal:\d+$/);
    expect(token).toMatch(/^ey/);
  });

  it('ends at once, also with calls unanswered, and frees its ports', async () => {
    const emulator = await startTrusted({ dataDirectory });
    const client = createPartnerCenterClient(emulator, await partnerToken(emulator));
    emulator.partnerCenter.next('timeout-before-accept');
    emulator.entra.outage('never-answers');
    const failed = Promise.all([
      expect(client.create()).rejects.toThrow('fetch failed'),
      expect(
        fetch(`${emulator.authority}/${emulator.environment['PARTNER_TENANT_ID']}/discovery/v2.0/keys`),
      ).rejects.toThrow(),
    ]);
    while (emulator.partnerCenter.requests().length === 0)
      await new Promise((resolve) => setTimeout(resolve, 5));
    await emulator.stop();
    await emulator.stop();
    await failed;
    const port = Number(new URL(emulator.partnerCenterUrl).port);
    const again = await startEmulator({ dataDirectory, partnerCenterPort: port });
    expect(again.partnerCenterUrl).toBe(emulator.partnerCenterUrl);
    await again.stop();
  });

  it('says what is wrong with a pace or a port', async () => {
    const pace = { pendingMs: -1, inProgressMs: 0 };
    await expect(startEmulator({ dataDirectory, pace })).rejects.toThrow('pace.pendingMs');
    const emulator = await startEmulator({ dataDirectory });
    const port = Number(new URL(emulator.authority).port);
    await expect(startEmulator({ dataDirectory, entraPort: port })).rejects.toThrow('EADDRINUSE');
    await emulator.stop();
  });
});

describe('the controls over HTTP', () => {
  let emulator: Emulator;
  beforeAll(async () => {
    emulator = await startTrusted();
  });
  afterAll(() => emulator.stop());
  beforeEach(() => emulator.partnerCenter.reset());

  async function call(path: string, body?: unknown) {
    const response = await fetch(`${emulator.partnerCenterUrl}/emulator/${path}`, {
      ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, body: text === '' ? undefined : JSON.parse(text) };
  }

  it('say what there is', async () => {
    const { body } = await call('');
    expect(body.scenarios).toContain('throttled');
    expect(Object.keys(body.controls)).toContain('POST /emulator/scenarios');
    expect(Object.keys(body.customers)).toHaveLength(7);
  });

  it('order scenarios, hand out refresh tokens, show calls and upgrades, forget them', async () => {
    const issued = await call('refresh-tokens', { mfa: true });
    expect(issued).toMatchObject({ status: 201, body: { refreshToken: expect.any(String) } });
    const client = createPartnerCenterClient(emulator, await partnerToken(emulator));
    const options = { operation: 'create', retryAfterSeconds: 3 };
    expect(await call('scenarios', { scenario: 'throttled', options })).toMatchObject({ status: 201 });
    expect((await client.create()).headers.get('retry-after')).toBe('3');
    expect((await client.create()).status).toBe(202);
    const { body: upgrades } = await call('upgrades');
    expect(upgrades.items).toEqual([expect.objectContaining({ customerId, status: 'Pending' })]);
    const { body: requests } = await call('requests');
    expect(requests.items).toHaveLength(2);
    expect(requests.items[0]).toMatchObject({ operation: 'create', body: order, answered: 429 });
    expect(requests.items[0].headers.authorization).toBe('Bearer ***');
    expect((await call('reset', {})).status).toBe(204);
    expect((await call('requests')).body.items).toEqual([]);
  });

  it.each([
    ['scenarios', { scenario: 'nonsense', options: { times: 0, colour: 'red' } }, 3],
    ['scenarios', {}, 1],
    ['scenarios', { scenario: 'slow', option: 1 }, 1],
    ['refresh-tokens', { mfa: 'yes', expiresInSeconds: 'soon' }, 2],
  ])('answer wrong input to %s with every fault: %j', async (path, body, count) => {
    const answer = await call(path, body);
    expect(answer.status).toBe(400);
    expect(answer.body.faults).toHaveLength(count);
  });

  it('answer what is no JSON, and what is no control', async () => {
    const url = `${emulator.partnerCenterUrl}/emulator/scenarios`;
    const response = await fetch(url, { method: 'POST', body: '{' });
    expect(response.status).toBe(400);
    expect(await response.json()).toEqual({ faults: [expect.any(String)] });
    expect((await call('nothing')).status).toBe(404);
  });
});
