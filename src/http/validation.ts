import { z } from 'zod';
import { type Fault, InvalidRequestError } from '../errors.ts';

type Part = 'path' | 'query' | 'header' | 'body';
interface PartFault extends Fault {
  readonly part: Part;
}

/** A zod issue as faults: an issue about unknown fields names each of them. */
function toFaults(issue: z.core.$ZodIssue, part: Part, value: unknown): PartFault[] {
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => ({
      part,
      path: [...issue.path, key].join('.'),
      message: 'is not a known field',
    }));
  const [name] = issue.path;
  // A query's fields are texts; those that were sent again and again are lists of them.
  const isRepeated = part === 'query' && name !== undefined && Array.isArray(Object(value)[name]);
  const message = isRepeated ? 'must be sent once' : issue.message;
  return [{ part, path: issue.path.join('.') || part, message }];
}

/** The same path in two parts of a request names two things: then all but the body's say which part is meant. */
function tellApart(faults: readonly PartFault[]): Fault[] {
  const byPath = Map.groupBy(faults, ({ path }) => path);
  return faults.map(({ part, path, message }) => {
    const isShared = byPath.get(path)?.some((other) => other.part !== part);
    return { path: isShared && part !== 'body' ? `${part}.${path}` : path, message };
  });
}

/** Of operations that take no query. */
export const noQuery = z.strictObject({});

/** Of operations that need no body, and take one without fields. */
export const noFields = z.strictObject({}, { error: 'must be a JSON object' }).optional();

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
  const parts = [
    ['path', schemas.path, params],
    ['query', schemas.query, query],
    ['header', schemas.headers, headers],
    ['body', schemas.body, body],
  ] as const;
  const faults: PartFault[] = [];
  const parsed: object[] = [];
  for (const [part, schema, value] of parts) {
    const result = schema?.safeParse(value);
    if (result?.success)
      parsed.push(result.data as object); // every part of a request is an object, or is not there
    else faults.push(...(result?.error.issues ?? []).flatMap((issue) => toFaults(issue, part, value)));
  }
  if (faults.length > 0)
    throw new InvalidRequestError('The request has faults; `errors` lists them all.', {
      faults: tellApart(faults),
    });
  return Object.assign({}, ...parsed);
}
