const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null;

// https://www.sqlite.org/rescode.html: what means a wrong statement or a broken rule, rather than a file out of reach.
const sqliteFaultsOfOurs: ReadonlySet<number> = new Set([1, 18, 19, 20, 21, 25]);

// https://www.postgresql.org/docs/17/errcodes-appendix.html: wrong data, broken rules, wrong statements, missing rights.
const postgresFaultsOfOurs = /^(0A|21|22|23|42)/;

/**
 * Whether the database could not be used (it is away, full, read-only, overloaded, too slow), as opposed to having been
 * asked something wrong. Errors are told by their codes, since a driver's classes differ between realms.
 */
export function isDatabaseUnavailable(error: unknown): boolean {
  if (!isObject(error)) return false;
  if (error['code'] === 'ERR_SQLITE_ERROR') return !sqliteFaultsOfOurs.has(Number(error['errcode']) & 0xff); // extended codes keep the cause in their low byte
  if (error['code'] === 'ERR_INVALID_STATE') return true; // node:sqlite: the database is not open
  if (typeof error['code'] === 'string')
    return /^[0-9A-Z]{5}$/.test(error['code'])
      ? !postgresFaultsOfOurs.test(error['code'])
      : /^(E[A-Z]+|ERR_SSL.*|.*CERT.*|SELF_SIGNED.*|UNABLE_TO.*)$/.test(error['code']);
  // pg and its pool give these no code.
  return (
    typeof error['message'] === 'string' &&
    /timeout|terminat|not queryable|connection|driver has already been destroyed|after calling end/i.test(
      error['message'],
    )
  );
}

/** Whether PostgreSQL refuses the gateway (user, password, no such database): only another setting helps. */
export const isWronglySet = (error: unknown): boolean =>
  isObject(error) && typeof error['code'] === 'string' && /^(28|3D)[0-9A-Z]{3}$/.test(error['code']);
