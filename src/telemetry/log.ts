import { type DestinationStream, pino } from 'pino';

export type Log = pino.Logger;
export type LogDestination = DestinationStream;

export interface LogParts {
  readonly level: string;
  /** Where the lines go; standard output if left out. */
  readonly destination?: LogDestination;
}

// What may be, or hold, a JWT, wherever it may have come from. Nothing here logs tokens; this is for what a library may
// put into a message. The pattern is one that cannot backtrack, since callers choose some of what is logged.
const tokenCharacters = /[\w.-]{20,}/g;

const hideTokens = (line: string) =>
  line.replace(tokenCharacters, (run) =>
    run.includes('eyJ') && run.split('.').length >= 3 ? '[token]' : run,
  );

interface LoggedError {
  readonly type: string;
  readonly message: string;
  readonly code?: string;
  readonly stack?: string;
  readonly cause?: LoggedError;
}

/**
 * An error as it is logged: only these fields, since errors of HTTP clients carry the whole request with its
 * `Authorization` header in others.
 */
function toLoggedError(error: unknown, depth = 0): LoggedError {
  if (!(error instanceof Error)) return { type: typeof error, message: 'not an error' };
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined;
  return {
    type: error.name,
    message: error.message,
    ...(code && { code }),
    ...(error.stack && { stack: error.stack }),
    ...(error.cause instanceof Error && depth < 5 && { cause: toLoggedError(error.cause, depth + 1) }),
  };
}

/** JSON lines. ERROR means that a person must act. */
export function createLog({ level, destination }: LogParts): Log {
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: (error: unknown) => toLoggedError(error) },
      hooks: { streamWrite: hideTokens },
    },
    destination ?? pino.destination({ dest: 1, sync: false }),
  );
}
