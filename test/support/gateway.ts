import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import supertest, { type Test } from 'supertest';
import { createPartnerCredentialParts } from '../../src/connect-partner.ts';
import { type Emulator, type EmulatorOptions, startEmulator } from '../../src/emulator/emulator.ts';
import { type Gateway, type GatewayOptions, startGateway } from '../../src/gateway.ts';
import { createHttpClient } from '../../src/http-client.ts';
import { loadSettings } from '../../src/settings.ts';
import { createOpenApiCheck } from './openapi-check.ts';
import { createSecretSearch, type SecretSearch } from './secret-search.ts';

/** Requests to the gateway; every response is held against its OpenAPI document. */
export type TestApi = Readonly<
  Record<'get' | 'post' | 'put' | 'patch' | 'delete' | 'options' | 'head', (path: string) => Test>
>;

export interface TestGateway {
  readonly api: TestApi;
  readonly emulator: Emulator;
  readonly gateway: Gateway;
  /** Every line that the gateway logged, parsed. */
  readonly logLines: () => LogLine[];
  /** Where the gateway keeps its credential and its ledger, for another gateway that shares them. */
  readonly variables: Readonly<Record<string, string>>;
  /** Every response to `api` and every log line is read by it; `stop` throws where it finds a secret. */
  readonly secrets: SecretSearch;
  /** Ends it, after a look for secrets in all that it logged and answered. */
  stop(): Promise<void>;
}
export interface LogLine {
  readonly level: string;
  readonly msg: string;
  readonly [field: string]: unknown;
}

export interface TestGatewayOptions extends Omit<GatewayOptions, 'logDestination'> {
  readonly emulator?: EmulatorOptions;
  /** A gateway whose emulator this one uses too, with a ledger and a credential of its own. */
  readonly besides?: TestGateway;
  readonly variables?: Readonly<Record<string, string>>;
  /** Whether the gateway finds a partner credential, as after consent; it does if left out. */
  readonly hasCredential?: boolean;
  /** Whether that consent carried MFA; it did if left out. */
  readonly mfa?: boolean;
}

/** Quick enough for tests; the product's own are seconds. */
const pace = { pendingMs: 150, inProgressMs: 150 };
export const testStatusIntervalMs = 50;
export const testPublicUrl = 'https://upgrades.example.test';

async function createTestApi(url: string, secrets: SecretSearch): Promise<TestApi> {
  const agent = supertest(url);
  const { body } = await agent.get('/openapi.json');
  const check = createOpenApiCheck(body);
  const checked = (method: keyof TestApi) => (path: string) =>
    agent[method](path).expect((response) => {
      secrets.read(
        `the response to ${method} ${path}`,
        `${JSON.stringify(response.headers)}${response.text}`,
      );
      check(response);
    });
  return {
    get: checked('get'),
    post: checked('post'),
    put: checked('put'),
    patch: checked('patch'),
    delete: checked('delete'),
    options: checked('options'),
    head: checked('head'),
  };
}

/** Starts an emulator and a gateway in front of it, on free ports of loopback, with folders of their own. */
export async function startTestGateway({
  emulator: emulatorOptions,
  besides,
  variables,
  hasCredential = true,
  mfa = true,
  ...gatewayOptions
}: TestGatewayOptions = {}): Promise<TestGateway> {
  const folder = await mkdtemp(join(tmpdir(), 'gateway-test-'));
  const emulator =
    besides?.emulator ??
    (await startEmulator({
      dataDirectory: join(folder, 'emulator'),
      pace,
      redirectUris: [`${testPublicUrl}/v1/partner-consent/callback`],
      ...emulatorOptions,
    }));
  setDefaultCACertificates([...getCACertificates('default'), emulator.certificateAuthority]);
  const ownVariables: Readonly<Record<string, string>> = {
    ...emulator.environment,
    HOST: '127.0.0.1',
    PORT: '0',
    OPERATIONS_PORT: '0',
    PUBLIC_URL: testPublicUrl,
    CREDENTIAL_STORE: `file:${join(folder, 'credential')}`,
    CREDENTIAL_KEY: randomBytes(32).toString('base64'),
    DATABASE_URL: `sqlite:${join(folder, 'gateway.db')}`,
    PARTNER_CENTER_TIMEOUT_MS: '2000',
    ...variables,
  };
  const settings = loadSettings({ variables: ownVariables });
  const secrets = createSecretSearch();
  for (const name of ['PARTNER_CLIENT_SECRET', 'CREDENTIAL_KEY']) {
    const secret = ownVariables[name];
    if (secret) secrets.add(name, secret);
  }
  if (hasCredential) {
    const { store } = createPartnerCredentialParts(settings, createHttpClient(), Date.now);
    await store.save({ refreshToken: await emulator.entra.issueRefreshToken({ mfa }), issuedAt: Date.now() });
  }
  const lines: string[] = [];
  const gateway = await startGateway(settings, {
    statusIntervalMs: testStatusIntervalMs,
    backoffBaseMs: 10,
    recoveryIntervalMs: 600_000, // once, at the start; tests of recovery set their own
    ...gatewayOptions,
    logDestination: { write: (line) => void lines.push(line) },
  });
  return {
    api: await createTestApi(gateway.url, secrets),
    emulator,
    gateway,
    logLines: () => lines.map((line) => JSON.parse(line)),
    variables: ownVariables,
    secrets,
    async stop() {
      await gateway.stop();
      if (!besides) await emulator.stop();
      // A credential may still be on its way to its file.
      await rm(folder, { recursive: true, force: true, maxRetries: 5 });
      for (const secret of emulator.entra.secrets()) secrets.add('what went over the token endpoint', secret);
      for (const line of lines) secrets.read('the log', line);
      secrets.expectNone();
    },
  };
}
