import type { oas31 } from 'zod-openapi';

const header = (description: string, schema: oas31.SchemaObject, required: boolean): oas31.HeaderObject => ({
  description,
  required,
  schema,
});

const guid: oas31.SchemaObject = { type: 'string', format: 'uuid' };

const headers = {
  'MS-CorrelationId': header('Traces one operation across services; log it with your own lines.', guid, true),
  'MS-RequestId': header('This request alone. Tell both ids to the gateway’s operator.', guid, true),
  'WWW-Authenticate': header(
    'The challenge (RFC 6750): what is wrong with the token, or the permission that it lacks.',
    { type: 'string', example: 'Bearer error="insufficient_scope", scope="ProductUpgrade.Read"' },
    true,
  ),
  Allow: header('The methods that there are.', { type: 'string', example: 'GET, HEAD, POST' }, true),
  'Retry-After': header(
    'Seconds to wait before sending the request again, where waiting helps.',
    { type: 'string', pattern: '^\\d+$' },
    false,
  ),
};
type HeaderName = keyof typeof headers;

/** What each response carries, and what a problem carries beside it by its status. */
const ofEvery: readonly HeaderName[] = ['MS-CorrelationId', 'MS-RequestId'];
const ofProblem: Readonly<Record<string, readonly HeaderName[]>> = {
  401: ['WWW-Authenticate'],
  403: ['WWW-Authenticate'],
  405: ['Allow'],
  409: ['Retry-After'],
  422: ['Retry-After'],
  429: ['Retry-After'],
  503: ['Retry-After'],
};

const correlationParameter: oas31.ParameterObject = {
  name: 'MS-CorrelationId',
  in: 'header',
  required: false,
  description:
    'A GUID of your own that traces one operation across services; one is made where it is left out.',
  schema: guid,
};

function toHeaders(status: string, { content, headers: own }: oas31.ResponseObject): oas31.HeadersObject {
  const isProblem = content !== undefined && 'application/problem+json' in content;
  const names = [...ofEvery, ...((isProblem && ofProblem[status]) || [])];
  return {
    ...Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }])),
    ...own,
  };
}

/** Adds to an OpenAPI document, which has no references among its responses, the headers that no operation names itself. */
export function withCommonHeaders(document: oas31.OpenAPIObject): oas31.OpenAPIObject {
  const operations = Object.values(document.paths ?? {}).flatMap((path) => Object.values(path));
  for (const operation of operations as oas31.OperationObject[]) {
    operation.parameters = [
      ...(operation.parameters ?? []),
      { $ref: '#/components/parameters/MS-CorrelationId' },
    ];
    const responses: Record<string, oas31.ResponseObject> = operation.responses ?? {};
    for (const [status, response] of Object.entries(responses))
      response.headers = toHeaders(status, response);
  }
  document.components = {
    ...document.components,
    headers: { ...document.components?.headers, ...headers },
    parameters: { ...document.components?.parameters, 'MS-CorrelationId': correlationParameter },
  };
  return document;
}
