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

/**
 * Parses input with the schema that also documents it.
 * @param whole what to call the input itself, where the fault is in no field of it
 * @throws {InvalidRequestError} listing every fault
 */
export function parseInput<T>(schema: z.ZodType<T>, input: unknown, whole: string): T {
  const parsed = schema.safeParse(input);
  if (parsed.success) return parsed.data;
  throw new InvalidRequestError('The request has faults; `errors` lists them all.', {
    faults: parsed.error.issues.flatMap((issue) => toFaults(issue, whole)),
  });
}
