import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import type { Response } from 'supertest';
import { z } from 'zod';

const headerSchema = z.looseObject({ required: z.boolean().optional(), $ref: z.string().optional() });

// Only what is looked at here; the rest of the document is for Ajv.
const documentSchema = z.looseObject({
  paths: z.record(
    z.string(),
    z.record(
      z.string(),
      z.looseObject({
        responses: z.record(
          z.string(),
          z.looseObject({
            description: z.string(),
            content: z.record(z.string(), z.unknown()).optional(),
            headers: z.record(z.string(), headerSchema).optional(),
          }),
        ),
      }),
    ),
  ),
  components: z.looseObject({ headers: z.record(z.string(), headerSchema) }),
});

const escapePointer = (part: string) => part.replaceAll('~', '~0').replaceAll('/', '~1');

/** Holds a response against the OpenAPI document: documented status, media type and headers, body of that schema. */
export type CheckAgainstOpenApi = (response: Response) => void;

export function createOpenApiCheck(openApiDocument: unknown): CheckAgainstOpenApi {
  const { paths, components } = documentSchema.parse(openApiDocument);
  const ajv = new Ajv2020({ strict: false, allErrors: true });
  addFormats(ajv);
  ajv.addSchema(documentSchema.parse(openApiDocument), 'openapi');
  const validators = new Map<string, ValidateFunction>();
  const validatorOf = (...pointer: string[]) => {
    const reference = `openapi#/${pointer.map(escapePointer).map(encodeURIComponent).join('/')}`;
    const validator = validators.get(reference) ?? ajv.compile({ $ref: reference });
    validators.set(reference, validator);
    return validator;
  };
  const templates = Object.keys(paths).map((template) => ({
    template,
    pattern: new RegExp(`^${template.replace(/\{\w+\}/g, '[^/]+')}$`),
  }));

  function assertValid(validate: ValidateFunction, body: unknown, what: string) {
    if (!validate(body))
      throw new Error(
        `${what} is not as documented: ${ajv.errorsText(validate.errors)}\n${JSON.stringify(body)}`,
      );
  }

  return (response) => {
    const { method, path } = (response as unknown as { req: { method: string; path: string } }).req; // superagent's node request
    const what = `${method} ${path.split('?', 1)[0]} → ${response.status}`;
    const mediaType = response.type;
    // Browsers get pages, where they are documented; everyone else gets problems.
    if (response.status >= 400 && method !== 'HEAD' && !['application/json', 'text/html'].includes(mediaType))
      assertValid(validatorOf('components', 'schemas', 'Problem'), response.body, what);
    const template = templates.find(({ pattern }) => pattern.test(path.split('?', 1)[0] ?? ''))?.template;
    const operation = template && paths[template]?.[method === 'HEAD' ? 'get' : method.toLowerCase()];
    if (!template || !operation) return;
    const documented = operation.responses[String(response.status)];
    if (!documented) throw new Error(`${what} is not documented`);
    for (const [name, header] of Object.entries(documented.headers ?? {}))
      if (
        (header.$ref ? components.headers[name] : header)?.required &&
        !response.headers[name.toLowerCase()]
      )
        throw new Error(`${what} lacks the documented header ${name}`);
    if (!documented.content || method === 'HEAD') return;
    if (
      mediaType === 'application/problem+json' &&
      !documented.description.includes(`\`${response.body.code}\``)
    )
      throw new Error(`${what} has the code ${response.body.code}, which is not documented there`);
    if (!Object.hasOwn(documented.content, mediaType))
      throw new Error(`${what} has the undocumented media type ${mediaType}`);
    assertValid(
      validatorOf(
        'paths',
        template,
        method.toLowerCase(),
        'responses',
        String(response.status),
        'content',
        mediaType,
        'schema',
      ),
      mediaType === 'text/html' ? response.text : response.body,
      what,
    );
  };
}
