const longestWaitSeconds = 60;

/**
 * The `wait` preference in seconds, at most a minute (RFC 7240, section 4.3); undefined where none is expressed.
 * A preference that cannot be read is ignored, as the RFC asks for.
 */
export function parseWait(prefer: string | undefined): number | undefined {
  for (const preference of prefer?.split(',') ?? []) {
    const seconds = /^\s*wait\s*=\s*"?(\d{1,9})"?\s*(;|$)/i.exec(preference)?.[1];
    if (seconds !== undefined) return Math.min(Number(seconds), longestWaitSeconds);
  }
  return undefined;
}
