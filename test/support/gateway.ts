import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import supertest from 'supertest';
import { type Emulator, type EmulatorOptions, startEmulator } from '../../src/emulator/emulator.ts';
import {
  createPartnerCredentialParts,
  type Gateway,
  type GatewayOptions,
  startGateway,
} from '../../src/gateway.ts';
import { createHttpClient } from '../../src/http-client.ts';
import { loadSettings } from '../../src/settings.ts';

export interface TestGateway {
  readonly api: ReturnType<typeof supertest>;
  readonly emulator: Emulator;
  readonly gateway: Gateway;
  /** Every line that the gateway logged, parsed. */
  readonly logLines: () => LogLine[];
  /** Another gateway with the same settings, ledger and credential; it ends with this one. */
  stop(): Promise<void>;
}
export interface LogLine {
  readonly level: string;
  readonly msg: string;
  readonly [field: string]: unknown;
}

export interface TestGatewayOptions extends Omit<GatewayOptions, 'logDestination'> {
  readonly emulator?: EmulatorOptions;
  readonly variables?: Readonly<Record<string, string>>;
  /** Whether the gateway finds a partner credential, as after consent; it does if left out. */
  readonly hasCredential?: boolean;
}

/** Quick enough for tests; the product's own are seconds. */
const pace = { pendingMs: 150, inProgressMs: 150 };

/** Starts an emulator and a gateway in front of it, on free ports of loopback, with folders of their own. */
export async function startTestGateway({
  emulator: emulatorOptions,
  variables,
  hasCredential = true,
  ...gatewayOptions
}: TestGatewayOptions = {}): Promise<TestGateway> {
  const folder = await mkdtemp(join(tmpdir(), 'gateway-test-'));
  const emulator = await startEmulator({ dataDirectory: join(folder, 'emulator'), pace, ...emulatorOptions });
  setDefaultCACertificates([...getCACertificates('default'), emulator.certificateAuthority]);
  const settings = loadSettings({
    variables: {
      ...emulator.environment,
      HOST: '127.0.0.1',
      PORT: '0',
      PUBLIC_URL: 'https://upgrades.example.test',
      CREDENTIAL_STORE: `file:${join(folder, 'credential')}`,
      CREDENTIAL_KEY: randomBytes(32).toString('base64'),
      DATABASE_URL: `sqlite:${join(folder, 'gateway.db')}`,
      PARTNER_CENTER_TIMEOUT_MS: '1000',
      ...variables,
    },
  });
  if (hasCredential) {
    const { store } = createPartnerCredentialParts(settings, createHttpClient(), Date.now);
    await store.save({ refreshToken: await emulator.entra.issueRefreshToken(), issuedAt: Date.now() });
  }
  const lines: string[] = [];
  const gateway = await startGateway(settings, {
    statusIntervalMs: 50,
    backoffBaseMs: 10,
    ...gatewayOptions,
    logDestination: { write: (line) => void lines.push(line) },
  });
  return {
    api: supertest(gateway.url),
    emulator,
    gateway,
    logLines: () => lines.map((line) => JSON.parse(line)),
    async stop() {
      await gateway.stop();
      await emulator.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
