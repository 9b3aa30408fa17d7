import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Load } from 'config/lib/util.js';
import configParser from 'config/parser.js';
import { load as parseYaml } from 'js-yaml';
import { z } from 'zod';
import type { Fault } from './errors.ts';

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

const guid = z.guid({ error: 'must be a GUID' }).transform((value) => value.toLowerCase());
const wholeNumber = (min: number, max: number, error = `must be a whole number from ${min} to ${max}`) =>
  // Number() takes blanks for 0: a free port, no proxy.
  z.preprocess(
    (value) => (typeof value === 'string' && value.trim() === '' ? undefined : value),
    z.coerce.number({ error }).int({ error }).min(min, { error }).max(max, { error }),
  );
const port = wholeNumber(0, 65_535, 'must be a port, 0 to 65535');

/** A base URL without a trailing slash. Plain http is for loopback alone: what is sent there carries tokens. */
const baseUrl = z.string({ error: 'must be a URL' }).transform((value, context) => {
  const url = URL.canParse(value) ? new URL(value) : undefined;
  const isLoopback = url && /^(localhost|127(\.\d+){3}|\[::1\])$/.test(url.hostname);
  if (!url || !(url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback)))
    context.addIssue({ code: 'custom', message: 'must be an https:// URL (http:// only for localhost)' });
  else if (url.username || url.password || url.search || url.hash)
    context.addIssue({ code: 'custom', message: 'must be a plain URL: no user, query or fragment' });
  return value.replace(/\/+$/, '');
});

/** Callers may reach the gateway by http behind a proxy that ends TLS elsewhere. */
const publicUrl = z
  .url({ protocol: /^https?$/, error: 'must be an http:// or https:// URL' })
  .refine((value) => {
    const { username, password } = new URL(value);
    return !(username || password || /[?#]/.test(value)); // it is logged, shown, and continued with paths
  }, 'must be a plain URL: no user, query or fragment')
  .transform((value) => value.replace(/\/+$/, ''));

const origins = z.string().transform((value, context) => {
  const list = value
    .split(',')
    .map((origin) => origin.trim())
    .filter(Boolean);
  for (const [index, origin] of list.entries())
    if (!URL.canParse(origin) || new URL(origin).origin !== origin)
      context.addIssue({
        code: 'custom',
        message: `entry ${index + 1} is not an origin, such as https://apps.example.com`,
      });
  return list;
});

/** Entra ID's portal shows our API by either form. */
const audience = z.preprocess(
  (value) => (typeof value === 'string' ? value.replace(/^api:\/\//i, '') : value),
  guid,
);

const credentialStore = z.string().transform((value, context) => {
  const file = /^file:(.+)$/.exec(value)?.[1];
  if (file) return { kind: 'file' as const, path: file };
  const [, vaultUrl, secretName] =
    /^keyvault:(https:\/\/[^/@?#\s]+)\/([0-9A-Za-z-]{1,127})$/.exec(value) ?? [];
  if (vaultUrl && secretName) return { kind: 'keyvault' as const, vaultUrl, secretName };
  context.addIssue({
    code: 'custom',
    message: 'must be file:PATH or keyvault:https://NAME.vault.azure.net/SECRET-NAME',
  });
  return z.NEVER;
});

const encryptionKey = z.string().transform((value, context) => {
  const key = Buffer.from(value, 'base64');
  if (key.length !== 32 || key.toString('base64') !== value)
    context.addIssue({ code: 'custom', message: 'must be 32 bytes in base64 (openssl rand -base64 32)' });
  return key;
});

const database = z.string().transform((value, context) => {
  const path = /^sqlite:(.+)$/.exec(value)?.[1];
  if (path) return { kind: 'sqlite' as const, path };
  if (/^postgres(ql)?:\/\/./.test(value) && URL.canParse(value))
    return { kind: 'postgres' as const, url: value };
  context.addIssue({ code: 'custom', message: 'must be sqlite:PATH or postgres://…' });
  return z.NEVER;
});

/** Reads a PEM file that holds a private key and the certificate that belongs to it. */
const certificateFile = z.string().transform((path, context) => {
  try {
    const pem = readFileSync(path, 'utf8');
    const privateKey = createPrivateKey(pem);
    const certificate = new X509Certificate(pem);
    if (!certificate.checkPrivateKey(privateKey)) throw new Error('mismatch');
    return { privateKey, certificate };
  } catch {
    context.addIssue({
      code: 'custom',
      message: 'must be the path of a readable PEM file with a private key and its certificate',
    });
    return z.NEVER;
  }
});

const schema = z
  .object({
    server: z.object({
      host: z.string().min(1),
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
      clientSecret: z.string().min(1).optional(),
      clientCertificate: certificateFile.optional(),
    }),
    partnerCenter: z.object({
      url: baseUrl,
      scope: z.string(),
      application: z.string().regex(/^[\x20-\x7e]{1,100}$/, 'must be 1 to 100 printable ASCII characters'),
      timeoutMs: wholeNumber(1, 300_000),
    }),
    credential: z.object({ store: credentialStore, key: encryptionKey.optional() }),
    database: z.object({ url: database }),
    log: z.object({ level: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']) }),
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
