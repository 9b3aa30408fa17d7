import { z } from 'zod';

const visible = /^[\x21-\x7e]{1,255}$/;
// RFC 8941, section 3.3.3: only the quote and the backslash are escaped, and they always are.
const quoted = /^"((?:[^"\\]|\\["\\])*)"$/;

const toKey = (header: string) =>
  header.startsWith('"') ? (quoted.exec(header)?.[1]?.replace(/\\(["\\])/g, '$1') ?? '') : header;

/**
 * The `Idempotency-Key` among a request's headers: a quoted string (RFC 8941, as draft-ietf-httpapi-idempotency-key-header
 * asks for) or, as most clients send it, the bare characters. Both spellings of a key are the same key.
 */
export const idempotencyHeaders = z.object({
  'idempotency-key': z
    .string()
    .transform(toKey)
    .refine(
      (key) => visible.test(key),
      'must be 1 to 255 visible ASCII characters, bare or as a quoted string',
    )
    .optional(),
});
