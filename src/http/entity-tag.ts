/**
 * Whether an `If-None-Match` header names the tag, by the weak comparison (RFC 9110, sections 13.1.2 and 8.8.3.2). It is
 * a list, or `*` for any. Express's own comparison gives up on `Cache-Control: no-cache`, which every `fetch` sends
 * along with the header; that one is for caches on the way.
 */
export function namesEntityTag(ifNoneMatch: string | undefined, entityTag: string): boolean {
  if (ifNoneMatch?.trim() === '*') return true;
  const opaque = entityTag.replace(/^W\//, '');
  const named: readonly string[] = ifNoneMatch?.match(/"[^"]*"/g) ?? [];
  return named.includes(opaque);
}
