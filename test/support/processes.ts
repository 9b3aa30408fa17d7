import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

const root = join(import.meta.dirname, '..', '..');

export interface ProcessOptions {
  /** Variables beside PATH; nothing else of this process's environment is handed on. */
  readonly variables?: Readonly<Record<string, string>>;
  readonly input?: string;
  readonly folder?: string;
  readonly node?: string;
  readonly arguments?: readonly string[];
}

/** Starts one of our own programs as `npm run` does. */
export function startProgram(file: string, options: ProcessOptions = {}): ChildProcess {
  const child = spawn(
    options.node ?? process.execPath,
    ['--disable-warning=MODULE_TYPELESS_PACKAGE_JSON', join(root, file), ...(options.arguments ?? [])],
    {
      cwd: options.folder ?? root,
      env: { PATH: process.env['PATH'] ?? '', ...options.variables },
      stdio: ['pipe', 'pipe', 'pipe'],
    },
  );
  child.stdin?.end(options.input ?? '');
  return child;
}

/** Runs a program to its end. */
export async function runProgram(file: string, options: ProcessOptions = {}) {
  const child = startProgram(file, options);
  if (!child.stdout || !child.stderr) throw new Error('The program has no output.');
  const [output, errors, [exitCode]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'exit'),
  ]);
  return { output, errors, exitCode: Number(exitCode) };
}

/** Resolves with the match once a running program has printed it; throws if the program ends before. */
export function untilPrinted(child: ChildProcess, pattern: RegExp): Promise<RegExpExecArray> {
  return new Promise((resolve, reject) => {
    let printed = '';
    const look = (chunk: Buffer) => {
      printed += chunk.toString();
      const match = pattern.exec(printed);
      if (match) resolve(match);
    };
    child.stdout?.on('data', look);
    child.stderr?.on('data', look);
    child.once('exit', (code) => reject(new Error(`The program ended with ${code}: ${printed}`)));
  });
}

/** Asks a program to end and waits until it has. */
export async function endProgram(
  child: ChildProcess,
  signal: NodeJS.Signals = 'SIGTERM',
): Promise<number | null> {
  if (child.exitCode !== null) return child.exitCode;
  const ended = once(child, 'exit');
  child.kill(signal);
  const [exitCode] = await ended;
  return exitCode;
}
