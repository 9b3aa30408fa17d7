import { createDocument, type ZodOpenApiPathsObject } from 'zod-openapi';
import { withCommonHeaders } from './response-headers.ts';

/** The OpenAPI 3.1 document, generated from the schemas that validate. */
export function createOpenApiDocument(publicUrl: string, paths: ZodOpenApiPathsObject) {
  const document = createDocument({
    openapi: '3.1.0',
    info: {
      title: 'Product Upgrade Gateway',
      version: '1',
      description:
        'Orders product upgrades at Microsoft Partner Center and follows them. Errors are problems (RFC 9457) with a `code`; `/problems/{code}` says what to do about each.',
    },
    servers: [{ url: publicUrl }],
    security: [{ entraId: [] }],
    paths,
    components: {
      securitySchemes: {
        entraId: {
          type: 'http',
          scheme: 'bearer',
          bearerFormat: 'JWT',
          description:
            'An access token of Entra ID for this API: with a scope (users) or an app role plus `.All` (applications).',
        },
      },
    },
  });
  return withCommonHeaders(document);
}
