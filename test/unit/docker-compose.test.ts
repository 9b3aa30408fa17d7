import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { loadSettings } from '../../src/settings.ts';
import { readComposeFile } from '../support/compose-file.ts';

const compose = readComposeFile();
const services = Object.entries(compose.services);
const secrets: Readonly<Record<string, string>> = {
  POSTGRES_PASSWORD: 'only-for-this-test',
  CREDENTIAL_KEY: randomBytes(32).toString('base64'),
  PARTNER_CLIENT_SECRET: 'only-for-this-test',
};

describe('docker-compose.yml', () => {
  it('has two gateways behind a proxy, PostgreSQL 17 and the emulator, each with a health check', () => {
    expect(services.map(([name]) => name).sort()).toEqual(
      ['credential-import', 'emulator', 'gateway-1', 'gateway-2', 'postgres', 'proxy'].sort(),
    );
    expect(compose.services['postgres']?.image).toBe('postgres:17');
    const unchecked = services.filter(([, { healthcheck }]) => !healthcheck?.test).map(([name]) => name);
    expect(unchecked).toEqual(['credential-import']); // it runs once, to its end
  });

  it('waits for what exists, and mounts what exists', () => {
    for (const [, { depends_on = {}, volumes = [], configs = [] }] of services) {
      for (const name of Object.keys(depends_on)) expect(compose.services).toHaveProperty([name]);
      for (const volume of volumes) expect(compose.volumes).toHaveProperty([String(volume.split(':')[0])]);
      for (const { source } of configs) expect(compose.configs).toHaveProperty([source]);
    }
  });

  it('builds targets of the Dockerfile and runs files that exist', () => {
    const dockerfile = readFileSync('Dockerfile', 'utf8');
    for (const [, { build, command = [] }] of services) {
      if (build) expect(dockerfile).toMatch(new RegExp(`^FROM node:24-slim AS ${build.target}$`, 'm'));
      const files = command.flatMap((part) => part.match(/src\/[\w/.-]+\.ts/g) ?? []);
      for (const file of files) expect(() => readFileSync(file)).not.toThrow();
    }
  });

  it('holds no secret: each comes from the environment, and compose says how to make one where it is missing', () => {
    const variables = services.flatMap(([, { environment = {} }]) => Object.entries(environment));
    const secret = variables.filter(([name]) => /SECRET|PASSWORD|_KEY$|DATABASE_URL/.test(name));
    expect(new Set(secret.map(([name]) => name)).size).toBe(4);
    for (const [, value] of secret) expect(value).toMatch(/\$\{[A-Z_]+:\?[^}]+\}/);
  });

  it('gives the gateways settings with which they start', () => {
    const environment = compose['x-gateway'].environment ?? {};
    const variables = Object.fromEntries(
      Object.entries(environment).map(([name, value]) => [
        name,
        value.replace(/\$\{(\w+):\?[^}]+\}/g, (_, secret: string) => secrets[secret] ?? ''),
      ]),
    );
    const settings = loadSettings({ variables });
    expect(settings.server).toMatchObject({ host: '0.0.0.0', trustProxyHops: 1 });
    expect(compose['x-gateway']).toMatchObject({ read_only: true, cap_drop: ['ALL'] });
  });

  const hasClient = spawnSync('docker', ['compose', 'version']).status === 0;
  (hasClient ? it : it.skip)('passes `docker compose config`, where there is that client', () => {
    const { status, stderr } = spawnSync('docker', ['compose', 'config', '--quiet'], {
      encoding: 'utf8',
      env: { PATH: process.env['PATH'], HOME: process.env['HOME'], ...secrets },
    });
    expect([status, stderr]).toEqual([0, '']);
  });
});

describe('the Dockerfile', () => {
  const lines = readFileSync('Dockerfile', 'utf8').split('\n');
  const gateway = lines.slice(lines.indexOf('FROM node:24-slim AS gateway')).join('\n');

  it('makes an image with its own Node, without what only development needs, that runs as nobody in particular', () => {
    expect(gateway).toContain('npm ci --omit=dev --omit=optional');
    expect(gateway).toMatch(/^USER node$/m);
    expect(gateway).toMatch(/^HEALTHCHECK /m);
  });

  /** The file and all that it imports, directly or not. */
  function findImported(file: string, found = new Set<string>()): ReadonlySet<string> {
    if (found.has(file)) return found;
    found.add(file);
    for (const [, path] of readFileSync(file, 'utf8').matchAll(/(?:from |import\()'(\.[^']+)'/g))
      findImported(join(dirname(file), String(path)), found);
    return found;
  }

  it.each(['src/main.ts', 'src/commands/credential.ts'])('leaves out nothing that %s needs', (entry) => {
    const removed = /rm -rf ([^\\]*)/.exec(gateway)?.[1]?.trim().split(/\s+/) ?? [];
    expect(removed).toContain('src/emulator');
    for (const path of removed) expect(existsSync(path)).toBe(true);
    const imported = [...findImported(entry)];
    expect(imported.length).toBeGreaterThan(30);
    expect(imported.filter((file) => removed.some((path) => file.startsWith(path)))).toEqual([]);
  });
});
