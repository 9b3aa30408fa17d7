import { mkdir, rm } from 'node:fs/promises';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { createPartnerCredentialParts } from '../connect-partner.ts';
import { type Emulator, type EmulatorOptions, startEmulator } from '../emulator/emulator.ts';
import { type Gateway, type GatewayOptions, startGateway } from '../gateway.ts';
import { createHttpClient } from '../http-client.ts';
import type { Settings } from '../settings.ts';

export interface LocalStackParts {
  /**
   * Emptied once the emulator has its ports, so that a stack that runs already keeps what it has: the emulator forgets
   * everything when it stops, and so must the gateway in front of it.
   */
  readonly folder: string;
  readonly emulator?: EmulatorOptions;
  readonly gateway?: GatewayOptions;
  readonly loadSettings: (emulator: Emulator) => Settings;
}

export interface LocalStack {
  readonly emulator: Emulator;
  readonly gateway: Gateway;
  readonly settings: Settings;
  stop(): Promise<void>;
}

/** Makes this process, and no other, trust the emulator's certificate authority. */
export function trustEmulator(certificateAuthority: string): void {
  setDefaultCACertificates([...getCACertificates('default'), certificateAuthority]);
}

/** Starts the emulator and a gateway in front of it that holds a partner credential, as after an admin's consent. */
export async function startLocalStack(parts: LocalStackParts): Promise<LocalStack> {
  const emulator = await startEmulator(parts.emulator);
  try {
    await rm(parts.folder, { recursive: true, force: true });
    await mkdir(parts.folder, { recursive: true });
    trustEmulator(emulator.certificateAuthority);
    const settings = parts.loadSettings(emulator);
    const { store } = createPartnerCredentialParts(settings, createHttpClient(), Date.now);
    await store.save({ refreshToken: await emulator.entra.issueRefreshToken(), issuedAt: Date.now() });
    const gateway = await startGateway(settings, parts.gateway);
    return {
      emulator,
      gateway,
      settings,
      async stop() {
        await gateway.stop();
        await emulator.stop();
      },
    };
  } catch (error) {
    await emulator.stop();
    throw error;
  }
}
