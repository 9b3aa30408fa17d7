import { InvalidRequestError } from '../errors.ts';

const visible = /^[\x21-\x7e]{1,255}$/;
// RFC 8941, section 3.3.3: only the quote and the backslash are escaped, and they always are.
const quoted = /^"((?:[^"\\]|\\["\\])*)"$/;

/**
 * The key of an `Idempotency-Key` header: a quoted string (RFC 8941, as draft-ietf-httpapi-idempotency-key-header asks
 * for) or, as most clients send it, the bare characters. Both spellings of a key are the same key.
 * @throws {InvalidRequestError} where it is neither, or not 1 to 255 visible characters
 */
export function parseIdempotencyKey(header: string | undefined): string | undefined {
  if (header === undefined) return undefined;
  const key = header.startsWith('"') ? quoted.exec(header)?.[1]?.replace(/\\(["\\])/g, '$1') : header;
  if (key !== undefined && visible.test(key)) return key;
  throw new InvalidRequestError('The request has faults; `errors` lists them all.', {
    faults: [
      {
        path: 'idempotency-key',
        message: 'must be 1 to 255 visible ASCII characters, bare or as a quoted string',
      },
    ],
  });
}
