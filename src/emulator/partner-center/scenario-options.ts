import * as z from 'zod';

/** Which call, how often, and the details that some scenarios take. */
export interface ScenarioOptions {
  /** Only a call of this kind uses the scenario up; default: the kind it makes sense for, else any but `profile`. */
  operation?: 'create' | 'status' | 'eligibility' | 'profile' | undefined;
  /** How many calls; default 1. */
  times?: number | undefined;
  /** `throttled`: default 57. */
  retryAfterSeconds?: number | undefined;
  /** `slow`: default 2000. */
  delayMs?: number | undefined;
  /** A number: the HTTP status where a scenario lets it be chosen. A word: the status that `unknown-status` shows. */
  status?: number | string | undefined;
  /** Error code, for `not-eligible`, `customer-unknown` and `unknown-error`. */
  code?: number | undefined;
  /** The upgrade that `in-progress`, `completed`, `wrong-customer` and `wrong-upgrade-id` name; default: a new id. */
  upgradeId?: string | undefined;
}

const schema = z.strictObject({
  operation: z.enum(['create', 'status', 'eligibility', 'profile']).optional(),
  times: z.int().min(1).max(10_000).optional(),
  retryAfterSeconds: z.int().min(0).optional(),
  delayMs: z.number().min(0).max(600_000).optional(),
  status: z.union([z.int().min(200).max(599), z.string().min(1)]).optional(),
  code: z.int().min(0).optional(),
  upgradeId: z.string().min(1).optional(),
});

/** Checks options that may come from anywhere; returns every fault in words, or the options. */
export function parseScenarioOptions(options: unknown): { options: ScenarioOptions } | { faults: string[] } {
  const { success, data, error } = schema.safeParse(options ?? {});
  if (success) return { options: data };
  return {
    faults: error.issues.map(
      ({ path, message }) => `options${path.map((key) => `.${String(key)}`).join('')}: ${message}`,
    ),
  };
}
