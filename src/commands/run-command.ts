import { SettingsError } from '../settings.ts';

/** Runs a command; a failure is one clear message on standard error and a non-zero exit code. */
export async function runCommand(command: () => Promise<void>): Promise<void> {
  try {
    await command();
  } catch (error) {
    process.exitCode = error instanceof SettingsError ? 78 : 1;
    console.error(explain(error));
    if (error instanceof Error && error.cause instanceof Error)
      console.error(`Cause: ${error.cause.message}`);
  }
}

function explain(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  if ('code' in error && error.code === 'EADDRINUSE' && 'port' in error)
    return `Port ${error.port} is taken. Is "npm run local" or "npm run emulator" already running?`;
  return error.message;
}

/** Resolves on Ctrl-C or SIGTERM. */
export function untilInterrupted(): Promise<void> {
  return new Promise((resolve) => {
    process.once('SIGINT', () => resolve());
    process.once('SIGTERM', () => resolve());
  });
}
