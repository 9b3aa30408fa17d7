import type { z } from 'zod';
import { type Fault, InvalidRequestError } from '../errors.ts';

/** A zod issue as faults: an issue about unknown fields names each of them. */
function toFaults(issue: z.core.$ZodIssue, whole: string): Fault[] {
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => ({
      path: [...issue.path, key].join('.'),
      message: 'is not a known field',
    }));
  return [{ path: issue.path.join('.') || whole, message: issue.message }];
}

/** The parts of a request that a route can read. */
interface RequestParts {
  readonly params: unknown;
  readonly query: unknown;
  readonly headers: unknown;
  readonly body: unknown;
}

/** What each part of a request must look like; what is left out is not looked at. */
export interface RequestSchemas<P, Q, H, B> {
  readonly path?: z.ZodType<P>;
  readonly query?: z.ZodType<Q>;
  readonly headers?: z.ZodType<H>;
  readonly body?: z.ZodType<B>;
}

/**
 * Parses a request with the schemas that also document it; the result has the fields of all its parts.
 * @throws {InvalidRequestError} listing every fault of every part
 */
export function parseRequest<P = unknown, Q = unknown, H = unknown, B = unknown>(
  { params, query, headers, body }: RequestParts,
  schemas: RequestSchemas<P, Q, H, B>,
): P & Q & H & B {
  const values = { path: params, query, headers, body };
  const faults: Fault[] = [];
  const parsed: object[] = [];
  for (const name of ['path', 'query', 'headers', 'body'] as const) {
    const result = schemas[name]?.safeParse(values[name]);
    if (result?.success)
      parsed.push(result.data as object); // every part of a request is an object
    else for (const issue of result?.error.issues ?? []) faults.push(...toFaults(issue, name));
  }
  if (faults.length > 0)
    throw new InvalidRequestError('The request has faults; `errors` lists them all.', { faults });
  return Object.assign({}, ...parsed);
}
