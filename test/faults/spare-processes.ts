import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import type { GatewayLife, GatewayMessage } from './gateway-process.ts';

/** A process that has loaded the gateway and waits to become one. */
export interface SpareProcess {
  readonly child: ChildProcess;
  readonly logFile: string;
  /** Resolves when the process has ended, in whatever way. */
  readonly ended: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
  /** Where the gateway listens; undefined where the process ended before. */
  start(life: GatewayLife): Promise<string | undefined>;
}

export interface SpareProcesses {
  take(): Promise<SpareProcess>;
  /** Kills those that wait. */
  stop(): Promise<void>;
}

const entry = join(import.meta.dirname, 'gateway-process.ts');

/**
 * Processes that are started ahead, since loading a gateway takes most of the time that its start takes.
 * Their output goes to files in the folder.
 */
export function createSpareProcesses({
  folder,
  count,
  environment,
}: {
  readonly folder: string;
  readonly count: number;
  readonly environment: Readonly<Record<string, string>>;
}): SpareProcesses {
  let isStopped = false;
  let started = 0;
  const waiting: Promise<SpareProcess>[] = [];

  const untilMessage = (child: ChildProcess, ended: Promise<unknown>, kind: GatewayMessage['kind']) =>
    new Promise<GatewayMessage | undefined>((resolve) => {
      const listener = (message: GatewayMessage) => {
        if (message.kind === kind) resolve(message);
      };
      child.on('message', listener);
      void ended.then(() => resolve(undefined));
    });

  async function launch(): Promise<SpareProcess> {
    started += 1;
    const logFile = join(folder, `gateway-${String(started).padStart(5, '0')}.log`);
    const log = openSync(logFile, 'a');
    const child = fork(entry, {
      execArgv: ['--disable-warning=MODULE_TYPELESS_PACKAGE_JSON', '--disable-warning=ExperimentalWarning'],
      env: { PATH: process.env['PATH'], NODE_COMPILE_CACHE: join(folder, 'compile-cache'), ...environment },
      stdio: ['ignore', log, log, 'ipc'],
    });
    closeSync(log);
    const ended = once(child, 'exit').then(([code, signal]) => ({ code, signal }));
    child.on('error', () => undefined); // a message to a process that has just died
    const spare: SpareProcess = {
      child,
      logFile,
      ended,
      async start(life) {
        const listening = untilMessage(child, ended, 'listening');
        child.send(life, () => undefined);
        const message = await listening;
        return message?.kind === 'listening' ? message.url : undefined;
      },
    };
    await untilMessage(child, ended, 'waiting');
    return spare;
  }

  function refill() {
    while (!isStopped && waiting.length < count) waiting.push(launch());
  }

  return {
    take() {
      const spare = waiting.shift() ?? launch();
      refill();
      return spare;
    },
    async stop() {
      isStopped = true;
      for (const spare of await Promise.all(waiting)) {
        spare.child.kill('SIGKILL');
        await spare.ended;
      }
    },
  };
}
