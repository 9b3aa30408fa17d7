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

interface Input<T> {
  readonly schema: z.ZodType<T>;
  readonly value: unknown;
  /** What to call the input itself, where a fault is in no field of it. */
  readonly name: string;
}

function refuse(faults: Fault[]): never {
  throw new InvalidRequestError('The request has faults; `errors` lists them all.', { faults });
}

/**
 * Parses input with the schema that also documents it.
 * @throws {InvalidRequestError} listing every fault
 */
export function parseInput<T>({ schema, value, name }: Input<T>): T {
  const parsed = schema.safeParse(value);
  return parsed.success ? parsed.data : refuse(parsed.error.issues.flatMap((issue) => toFaults(issue, name)));
}

/** Parses two parts of a request. Throws as `parseInput` does, for the faults of both at once. */
export function parseBoth<A, B>(first: Input<A>, second: Input<B>): A & B {
  const a = first.schema.safeParse(first.value);
  const b = second.schema.safeParse(second.value);
  if (a.success && b.success) return { ...a.data, ...b.data };
  return refuse([
    ...(a.error?.issues ?? []).flatMap((issue) => toFaults(issue, first.name)),
    ...(b.error?.issues ?? []).flatMap((issue) => toFaults(issue, second.name)),
  ]);
}

/** Parses a path and a query, as `parseBoth` does. */
export const parsePathAndQuery = <P, Q>(
  req: { readonly params: unknown; readonly query: unknown },
  schemas: { readonly path: z.ZodType<P>; readonly query: z.ZodType<Q> },
): P & Q =>
  parseBoth(
    { schema: schemas.path, value: req.params, name: 'path' },
    { schema: schemas.query, value: req.query, name: 'query' },
  );
