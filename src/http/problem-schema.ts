import { z } from 'zod';
import type { ZodOpenApiResponsesObject } from 'zod-openapi';
import { type ProblemCode, problemKinds } from './problems.ts';

const codes = Object.keys(problemKinds) as [ProblemCode, ...ProblemCode[]]; // the table is not empty

/** Partner Center's own answer and ids, wherever they are told. */
export const upstreamReference = z
  .strictObject({
    status: z.int().optional(),
    code: z.string().optional(),
    requestId: z.string().optional(),
    correlationId: z.string().optional(),
    cv: z.string().optional(),
  })
  .meta({ id: 'UpstreamReference', description: 'What Microsoft’s support asks for.' });

/** A problem (RFC 9457), as documented and as the tests hold every error against it. */
export const problemSchema = z
  .strictObject({
    type: z.url().meta({ description: 'The page that explains this problem.' }),
    title: z.string(),
    status: z.int(),
    detail: z.string().meta({ description: 'What happened this time, for a person.' }),
    instance: z.string(),
    code: z.enum(codes).meta({ description: 'For programs. Codes are added, never renamed.' }),
    correlationId: z.guid(),
    requestId: z.guid(),
    errors: z.array(z.strictObject({ path: z.string(), message: z.string() })).optional(),
    upstream: upstreamReference.optional(),
    retryAfterSeconds: z.int().min(0).optional(),
    upgradeId: z.guid().optional(),
    statusUrl: z.url().optional(),
  })
  .meta({ id: 'Problem', description: 'Why the request was not served (RFC 9457).' });

/** What every operation behind authentication can answer. */
export const problemsOfAuthenticated = [
  'invalid_request',
  'authentication_required',
  'permission_denied',
  'method_not_allowed',
  'not_acceptable',
  'internal_error',
  // Without Entra ID's keys no caller can be let in.
  'identity_provider_unavailable',
] as const satisfies readonly ProblemCode[];

/** The responses of these problems, by HTTP status. */
export function problemResponses(...expected: ProblemCode[]): ZodOpenApiResponsesObject {
  const responses: ZodOpenApiResponsesObject = {};
  for (const [status, ofStatus] of Object.entries(
    Object.groupBy(expected, (code) => problemKinds[code].status),
  ))
    responses[status as `${1 | 2 | 3 | 4 | 5}${string}`] = {
      description: (ofStatus ?? []).map((code) => `\`${code}\`: ${problemKinds[code].meaning}`).join('\n\n'),
      content: { 'application/problem+json': { schema: problemSchema } },
    };
  return responses;
}
