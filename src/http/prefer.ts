const longestWaitSeconds = 60;

// A comma inside of a quoted string separates nothing (RFC 9110, section 5.6.4); one that is never closed swallows the rest.
const preferences = /(?:"(?:[^"\\]|\\.?)*(?:"|$)|[^,"])+/g;
const waitPreference = /^\s*wait\s*=\s*(?:"(\d+)"|(\d+))\s*(?:;|$)/i;

/**
 * The `wait` preference in seconds, at most a minute (RFC 7240, section 4.3); undefined where none is expressed.
 * A preference that cannot be read is ignored, as the RFC asks for.
 */
export function parseWait(prefer: string | undefined): number | undefined {
  for (const [preference] of prefer?.matchAll(preferences) ?? []) {
    const [, quoted, bare] = waitPreference.exec(preference) ?? [];
    const seconds = quoted ?? bare;
    if (seconds !== undefined) return Math.min(Number(seconds), longestWaitSeconds);
  }
  return undefined;
}
