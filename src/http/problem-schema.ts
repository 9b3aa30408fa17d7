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

const fault = z
  .strictObject({
    path: z.string().meta({
      description:
        'The field of the body, or the parameter of path or query, or the header, by its name; `body`, or `request`, where the whole is at fault. Where two parts of a request have a fault at the same name, that of the body goes by the bare name and the others by `path.`, `query.` or `header.` and the name.',
      example: 'customerId',
    }),
    message: z.string().meta({ description: 'What is wrong with it.', example: 'must be a GUID' }),
  })
  .meta({ id: 'Fault', description: 'One fault of a request.' });

/** A problem (RFC 9457), as documented and as the tests hold every error against it. */
export const problemSchema = z
  .strictObject({
    type: z.url().meta({ description: 'The page that explains this problem.' }),
    title: z.string().meta({ description: 'The problem in a few words, always the same for a `code`.' }),
    status: z.int().meta({ description: 'The HTTP status, always the same for a `code`.' }),
    detail: z.string().meta({ description: 'What happened this time, for a person.' }),
    instance: z
      .string()
      .meta({ description: 'The path of the request, without its query; cut after 256 characters.' }),
    code: z.enum(codes).meta({ description: 'For programs. Codes are added, never renamed.' }),
    correlationId: z.guid().meta({ description: '`MS-CorrelationId` of this answer.' }),
    requestId: z.guid().meta({ description: '`MS-RequestId` of this answer.' }),
    errors: z
      .array(fault)
      .optional()
      .meta({ description: 'With `invalid_request`: every fault of the request.' }),
    upstream: upstreamReference.optional(),
    retryAfterSeconds: z.int().min(0).optional().meta({
      description: 'How long to wait before sending the request again; `Retry-After` says the same.',
    }),
    upgradeId: z
      .guid()
      .optional()
      .meta({ description: 'The upgrade that is in the way, or that the answer is about.' }),
    statusUrl: z.url().optional().meta({ description: 'The status monitor of that upgrade.' }),
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
