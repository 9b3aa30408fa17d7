import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { Response } from 'supertest';
import supertest from 'supertest';
import { callerTenantId } from '../../src/emulator/identities.ts';
import { type Gateway, startGateway } from '../../src/gateway.ts';
import { loadSettings } from '../../src/settings.ts';
import { type CallerTokens, createCallerTokens, secondsFromNow } from '../support/caller-tokens.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { as } from '../support/requests.ts';

// Quick enough for tests, and long enough for a busy machine; the product waits for 5 s.
const callerKeysTimeoutMs = 500;
const coolDownMs = 5_000;
const maxAgeMs = 300_000;

let folder: string;
let gateway: TestGateway;
let tokens: CallerTokens;
let clockAheadMs: number;
const now = () => Date.now() + clockAheadMs;
const wait = (ms: number) => {
  clockAheadMs += ms;
};

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'caller-keys-'));
});
afterAll(() => rm(folder, { recursive: true }));
beforeEach(async () => {
  clockAheadMs = 0;
  gateway = await startTestGateway({
    emulator: { dataDirectory: join(folder, 'emulator') }, // one certificate authority for all tests
    callerKeysTimeoutMs,
    now,
  });
  tokens = createCallerTokens(gateway.emulator);
  // From here on the gateway has the keys, and a partner token too: an outage hits nothing else.
  expect((await read(await tokens.user())).status).toBe(200);
});
afterEach(() => gateway.stop());

const customerId = '4c721420-72ad-4708-a0a7-371a2f7b0969';
const read = (token: string) => as(token, gateway).getEligibility(customerId);
const lookups = () =>
  gateway.emulator.entra.requests().filter(({ path }) => path === `/${callerTenantId}/discovery/v2.0/keys`);
const unknownKeyToken = () => tokens.user({}, { header: { kid: randomBytes(20).toString('base64url') } });

function expectRefused(response: Response, detail: RegExp) {
  expect(response.status).toBe(401);
  expect(response.body).toMatchObject({
    code: 'authentication_required',
    detail: expect.stringMatching(detail),
  });
}

function expectProviderUnavailable(response: Response) {
  expect(response.status).toBe(503);
  expect(response.body).toMatchObject({ status: 503, code: 'identity_provider_unavailable' });
  expect(Number(response.get('Retry-After'))).toBe(response.body.retryAfterSeconds);
  expect(response.body.retryAfterSeconds).toBeGreaterThan(0);
  expect(response.get('WWW-Authenticate')).toBeUndefined();
}

describe('when Entra ID rolls its signing keys', () => {
  it.each([1, 2] as const)('lets a token of the new key in at once (version %i)', async (version) => {
    await gateway.emulator.entra.rollSigningKeys();
    wait(coolDownMs);
    expect((await read(await tokens.user({}, { version }))).status).toBe(200);
  });

  it('refuses a token of the withdrawn key, although it was let in and remembered', async () => {
    const remembered = await tokens.user();
    expect((await read(remembered)).status).toBe(200);
    await gateway.emulator.entra.rollSigningKeys();
    wait(coolDownMs);
    expect((await read(await tokens.user())).status).toBe(200);
    expectRefused(await read(remembered), /signature does not hold/);
  });

  it('refuses tokens of the withdrawn key after five minutes, although no other key was asked for', async () => {
    const remembered = await tokens.user();
    const another = await tokens.application();
    expect((await read(remembered)).status).toBe(200);
    await gateway.emulator.entra.rollSigningKeys();
    wait(maxAgeMs + 1);
    expectRefused(await read(remembered), /signature does not hold/);
    expectRefused(await read(another), /signature does not hold/);
  });
});

describe('asking Entra ID for keys', () => {
  it('happens once for all tokens of a known key', async () => {
    for (const mint of [tokens.user, tokens.application, tokens.user])
      expect((await read(await mint())).status).toBe(200);
    expect(lookups()).toHaveLength(1);
  });

  it('happens once in a cool-down, however many unknown key ids come in', async () => {
    wait(coolDownMs);
    const together = await Promise.all(Array.from({ length: 20 }, async () => read(await unknownKeyToken())));
    for (const response of together) expectRefused(response, /signature does not hold/);
    for (let count = 0; count < 5; count += 1)
      expectRefused(await read(await unknownKeyToken()), /signature does not hold/);
    expect(lookups()).toHaveLength(2);
    wait(coolDownMs - 1_000);
    expectRefused(await read(await unknownKeyToken()), /signature does not hold/);
    expect(lookups()).toHaveLength(2);
    wait(1_000);
    expectRefused(await read(await unknownKeyToken()), /signature does not hold/);
    expect(lookups()).toHaveLength(3);
  });

  it('does not happen for tokens that cannot be Entra ID’s', async () => {
    wait(coolDownMs);
    expectRefused(
      await read(await tokens.user({}, { header: { kid: 'unknown', alg: 'HS256' } })),
      /not a signed JWT/,
    );
    expect(lookups()).toHaveLength(1);
  });
});

describe('a token that was let in and remembered', () => {
  // passport-azure-ad has no clock but Date: it is set, while all timers go on.
  afterEach(() => void jest.useRealTimers());
  const setClock = (time: number) =>
    jest.useFakeTimers({
      now: time,
      doNotFake: [
        'hrtime',
        'nextTick',
        'performance',
        'queueMicrotask',
        'setImmediate',
        'clearImmediate',
        'setInterval',
        'clearInterval',
        'setTimeout',
        'clearTimeout',
      ],
    });

  it('is refused once it has expired', async () => {
    const token = await tokens.user({ exp: secondsFromNow(60) });
    expect((await read(token)).status).toBe(200);
    setClock(Date.now() + 50_000);
    expect((await read(token)).status).toBe(200);
    setClock(Date.now() + 30_000);
    expectRefused(await read(token), /^The token has expired\.$/);
  });
});

describe.each(['refuse-connections', 'server-error', 'not-json', 'never-answers'] as const)(
  'while Entra ID is down (%s)',
  (outage) => {
    it('goes on letting in tokens of known keys, remembered or not, however old the keys are', async () => {
      const remembered = await tokens.user();
      expect((await read(remembered)).status).toBe(200);
      gateway.emulator.entra.outage(outage);
      for (const ms of [0, coolDownMs, maxAgeMs / 2 + 1, maxAgeMs + 1]) {
        wait(ms);
        expect((await read(remembered)).status).toBe(200);
        expect((await read(await tokens.application())).status).toBe(200);
      }
    });

    it('answers 503 to unknown keys, and knows them as soon as Entra ID is back', async () => {
      const known = await tokens.user();
      expect((await read(known)).status).toBe(200);
      await gateway.emulator.entra.rollSigningKeys();
      const unknown = await tokens.user();
      gateway.emulator.entra.outage(outage);
      wait(coolDownMs);
      expectProviderUnavailable(await read(unknown));
      expectProviderUnavailable(await read(unknown));
      expect((await read(known)).status).toBe(200);

      gateway.emulator.entra.outage('none');
      wait(coolDownMs);
      expect((await read(unknown)).status).toBe(200);
      expectRefused(await read(known), /signature does not hold/);
    });

    it('answers 503 where it was started just then, and recovers by itself', async () => {
      const { emulator } = gateway;
      const token = await tokens.user();
      emulator.entra.outage(outage);
      const late = await startLateGateway();
      try {
        const api = supertest(late.url);
        const ask = () =>
          api.get(`/v1/product-upgrades/${customerId}/status`).auth(token, { type: 'bearer' });
        for (const response of await Promise.all([ask(), ask()])) expectProviderUnavailable(response);
        expectProviderUnavailable(await ask());
        const ready = await api.get('/health/ready');
        expect(ready.status).toBe(503);
        expect(ready.body).toMatchObject({ checks: { callerKeys: { status: 'failing' } } });
        expect((await api.get('/health/live')).status).toBe(200);

        emulator.entra.outage('none');
        wait(coolDownMs);
        expect((await ask()).body).toMatchObject({ code: 'upgrade_not_found' }); // let in: there is no such upgrade
        expect((await api.get('/health/ready')).body).toMatchObject({
          checks: { callerKeys: { status: 'ok' } },
        });
      } finally {
        await late.stop();
      }
    });
  },
);

/** A second gateway behind the same emulator: it starts when the test says so. */
function startLateGateway(): Promise<Gateway> {
  const name = join(folder, randomBytes(8).toString('hex'));
  const settings = loadSettings({
    variables: {
      ...gateway.emulator.environment,
      PORT: '0',
      OPERATIONS_PORT: '0',
      CREDENTIAL_STORE: `file:${name}.credential`,
      CREDENTIAL_KEY: randomBytes(32).toString('base64'),
      DATABASE_URL: `sqlite:${name}.db`,
      LOG_LEVEL: 'silent',
    },
  });
  return startGateway(settings, { callerKeysTimeoutMs, now });
}
