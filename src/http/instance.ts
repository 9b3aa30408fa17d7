const longestInstance = 256;

/**
 * The path of a request's target, as a problem's `instance` (RFC 9457, section 3.1.5): a relative reference that names
 * no other host, whatever the target was. `//evil.example` would be one, and so would the absolute form of a target.
 */
export function toInstance(target: string): string {
  const path = target.replace(/^[a-z][a-z\d+.-]*:\/\/[^/?#]*/i, '').replace(/[?#].*/s, '');
  return `/${path.replace(/^\/+/, '')}`
    .replace(/%(?![\da-f]{2})/gi, '%25')
    .replace(/[^\w.~:/@!$&'()*+,;=%-]/g, encodeURIComponent)
    .slice(0, longestInstance)
    .replace(/%.?$/, ''); // no half of an escape
}
