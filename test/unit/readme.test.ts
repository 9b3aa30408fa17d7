import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { problemKinds } from '../../src/http/problems.ts';

const readme = readFileSync('README.md', 'utf8');
const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: Record<string, string> };

describe('the README', () => {
  it('names every variable, and none that there is not', () => {
    const variables = readFileSync('config/custom-environment-variables.yaml', 'utf8').matchAll(
      /: ([A-Z_]+)$/gm,
    );
    const existing = [...variables].map(([, name]) => String(name));
    const rows = readme.slice(readme.indexOf('### Settings'), readme.indexOf('### Operating'));
    const named = [...rows.matchAll(/^\| (`.*?) \|/gm)].flatMap(
      ([, cell]) => String(cell).match(/\b[A-Z_]{4,}\b/g) ?? [],
    );
    expect(named.sort()).toEqual(existing.sort());
  });

  it('names only commands that exist', () => {
    const commands = [...readme.matchAll(/npm run (?:--silent )?([\w:]+)/g)].map(([, name]) => String(name));
    expect(commands.length).toBeGreaterThan(5);
    for (const command of commands) expect(scripts).toHaveProperty([command]);
  });

  it('names only files that exist', () => {
    const files = [...readme.matchAll(/[`(]((?:src|config|test|docs)\/[\w./-]+)[`)]/g)].map(([, file]) =>
      String(file),
    );
    expect(files.length).toBeGreaterThan(2);
    for (const file of files) expect(() => readFileSync(file)).not.toThrow();
  });
});

describe('the problems', () => {
  it('are explained in full sentences', () => {
    for (const { title, meaning, whatToDo } of Object.values(problemKinds)) {
      expect(title).toMatch(/^[A-Z].*[^.]$/);
      expect(meaning).toMatch(/^[A-Z].*\.$/);
      expect(whatToDo).toMatch(/^[A-Z`].*\.$/);
    }
  });
});

describe('the lock file', () => {
  const { packages } = JSON.parse(readFileSync('package-lock.json', 'utf8')) as {
    packages: Record<string, { engines?: { node?: string }; resolved?: string }>;
  };

  it('asks for no newer Node than the one that npm ci may be run with (npm run lock)', () => {
    const demanding = Object.entries(packages).filter(([, { engines }]) =>
      /^\s*(>=?|\^)\s*2[1-9]/.test(engines?.node ?? ''),
    );
    expect(demanding.map(([name]) => name)).toEqual([]);
  });

  it('names no download host', () => {
    expect(Object.values(packages).filter(({ resolved }) => resolved?.startsWith('http'))).toEqual([]);
  });
});
