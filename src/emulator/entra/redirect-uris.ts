const loopbackNames = new Set(['localhost', '127.0.0.1', '[::1]']);

/**
 * Whether an address is plain http on this machine, on any port; with `path`, only there.
 * Gateways under test listen on free ports, so exact redirect URIs cannot be registered beforehand.
 */
export function isLoopbackUri(uri: string, path?: string): boolean {
  if (!URL.canParse(uri)) return false;
  const { protocol, hostname, pathname } = new URL(uri);
  return protocol === 'http:' && loopbackNames.has(hostname) && (path === undefined || pathname === path);
}
