import { join } from 'node:path';
import { Load } from 'config/lib/util.js';
import configParser from 'config/parser.js';
import { load as parseYaml } from 'js-yaml';
import { z } from 'zod';
import type { Fault } from './errors.ts';
import {
  audience,
  baseUrl,
  certificateFile,
  credentialStore,
  database,
  encryptionKey,
  guid,
  logLevel,
  origins,
  port,
  publicUrl,
  scope,
  text,
  wholeNumber,
} from './setting-values.ts';

/** The settings are unusable. Every fault is listed; values are never shown, since some are secret. */
export class SettingsError extends Error {
  readonly faults: readonly Fault[];

  constructor(faults: readonly Fault[]) {
    super(
      `The settings have ${faults.length} fault${faults.length === 1 ? '' : 's'}:\n${faults
        .map(({ path, message }) => `  ${path}: ${message}`)
        .join('\n')}`,
    );
    this.name = 'SettingsError';
    this.faults = faults;
  }
}

const schema = z
  .object({
    server: z.object({
      host: text,
      port,
      operationsPort: port,
      publicUrl,
      trustProxyHops: wholeNumber(0, 100),
      corsOrigins: origins,
    }),
    rateLimit: z.object({ perMinute: wholeNumber(1, 1_000_000) }),
    entra: z.object({ authority: baseUrl }),
    callers: z.object({ tenantId: guid, audience }),
    partner: z.object({
      tenantId: guid,
      clientId: guid,
      clientSecret: text.optional(),
      clientCertificate: certificateFile.optional(),
    }),
    partnerCenter: z.object({
      url: baseUrl,
      scope,
      application: z.string().regex(/^[\x20-\x7e]{1,100}$/, 'must be 1 to 100 printable ASCII characters'),
      timeoutMs: wholeNumber(1, 300_000),
    }),
    credential: z.object({ store: credentialStore, key: encryptionKey.optional() }),
    database: z.object({ url: database }),
    log: z.object({ level: logLevel }),
  })
  .transform(({ partnerCenter, ...rest }) => ({
    ...rest,
    partnerCenter: {
      ...partnerCenter,
      scope: partnerCenter.scope || `${partnerCenter.url}/user_impersonation`,
    },
  }));

/** All settings, parsed and checked. Durations are in milliseconds; URLs have no trailing slash; GUIDs are lower-case. */
export type Settings = z.infer<typeof schema>;

/** Settings that need each other: zod checks these only once each of them is sound, so they are looked at apart. */
function findCrossFaults(raw: RawSettings): Fault[] {
  const { clientSecret, clientCertificate } = raw['partner'] ?? {};
  const { store, key } = raw['credential'] ?? {};
  const ports = [raw['server']?.['port'], raw['server']?.['operationsPort']].map(
    (value) => port.safeParse(value).data,
  );
  const faults: Fault[] = [];
  if (!clientSecret && !clientCertificate)
    faults.push({
      path: 'PARTNER_CLIENT_SECRET',
      message: 'is required (or PARTNER_CLIENT_CERTIFICATE, which is preferred)',
    });
  if (clientSecret && clientCertificate)
    faults.push({
      path: 'PARTNER_CLIENT_SECRET',
      message: 'and PARTNER_CLIENT_CERTIFICATE exclude each other: set one',
    });
  if (String(store).startsWith('file:') && !key)
    faults.push({ path: 'CREDENTIAL_KEY', message: 'is required with CREDENTIAL_STORE=file:…' });
  if (ports[0] && ports[0] === ports[1])
    // 0 is a free port, and another one each time
    faults.push({ path: 'PORT', message: 'and OPERATIONS_PORT are the same: each needs a port of its own' });
  return faults;
}

type RawSettings = Record<string, Record<string, unknown> | undefined>;

const configDirectory = join(import.meta.dirname, '..', 'config');

/** `config` looks for a YAML parser in the folder that the process was started in; this one is there wherever that is. */
const parser = Object.assign(Object.create(configParser), {
  parse: (_file: string, content: string) => parseYaml(content),
});
const createLoad = () =>
  new Load({ configDir: configDirectory, nodeEnv: [], skipConfigSources: true, parser });

/** Reads the YAML files, later ones over earlier, then the environment, then `variables` over all of them. */
function readRaw(files: readonly string[], variables: Readonly<Record<string, string>>): RawSettings {
  const load = createLoad();
  for (const file of files) load.loadFile(join(configDirectory, file));
  load.loadCustomEnvVars(['yaml']);
  const raw = withoutNulls(load.config);
  for (const [section, names] of Object.entries(readVariableNames()))
    for (const [setting, name] of Object.entries(names ?? {})) {
      const value = variables[String(name)];
      if (value !== undefined) raw[section] = { ...raw[section], [setting]: value };
    }
  return raw;
}

/** YAML's `~` marks a setting that has no default. */
function withoutNulls(raw: RawSettings): RawSettings {
  return Object.fromEntries(
    Object.entries(raw).map(([section, values]) => [
      section,
      Object.fromEntries(Object.entries(values ?? {}).filter(([, value]) => value !== null)),
    ]),
  );
}

/** The environment variable of each setting's path, as custom-environment-variables.yaml names it. */
function readVariableNames(): RawSettings {
  const names = createLoad();
  names.loadFile(join(configDirectory, 'custom-environment-variables.yaml'));
  return names.config;
}

function toFaults(error: z.ZodError, raw: RawSettings): Fault[] {
  const names = readVariableNames();
  return error.issues.map(({ path, message }) => {
    const [section, setting] = path.map(String);
    const isMissing = section && setting && raw[section]?.[setting] === undefined;
    const name = section && setting && names[section]?.[setting];
    return { path: String(name ?? path.join('.')), message: isMissing ? 'is required' : message };
  });
}

export interface SettingsSources {
  /** Also reads `config/local.yaml`, the values of the local emulator. */
  readonly local?: boolean;
  /** Values by variable name, over those of the environment. */
  readonly variables?: Readonly<Record<string, string>>;
}

/**
 * Parses the settings once and freezes them.
 * @throws {SettingsError} naming every fault
 */
export function loadSettings({ local = false, variables = {} }: SettingsSources = {}): Settings {
  const raw = readRaw(local ? ['default.yaml', 'local.yaml'] : ['default.yaml'], variables);
  const parsed = schema.safeParse(raw);
  const faults = [...(parsed.success ? [] : toFaults(parsed.error, raw)), ...findCrossFaults(raw)];
  if (!parsed.success || faults.length > 0) throw new SettingsError(faults);
  return deepFreeze(parsed.data);
}

function deepFreeze<T extends object>(value: T): T {
  for (const part of Object.values(value))
    if (part !== null && typeof part === 'object' && Object.getPrototypeOf(part) === Object.prototype)
      deepFreeze(part);
  return Object.freeze(value);
}
