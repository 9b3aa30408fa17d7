const guidPattern = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/**
 * The upgrade id in a `Location` header: its last path segment that is a GUID, in lower case. This API answers
 * `productUpgrades/{id}`, others of Partner Center `/v1/…` or an absolute URL; anything without a GUID is undefined.
 */
export function findUpgradeId(location: unknown): string | undefined {
  if (typeof location !== 'string') return undefined;
  const path = location.split(/[?#]/, 1)[0] ?? '';
  return path
    .split('/')
    .findLast((segment) => guidPattern.test(segment))
    ?.toLowerCase();
}
