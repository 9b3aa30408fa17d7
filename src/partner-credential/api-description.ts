import { z } from 'zod';
import type { ZodOpenApiPathsObject } from 'zod-openapi';
import { problemResponses, problemsOfAuthenticated } from '../http/problem-schema.ts';
import { begunConsent, partnerConsent } from './schemas.ts';

const always = [...problemsOfAuthenticated, 'ledger_unavailable'] as const;

const page = (description: string) => ({ description, content: { 'text/html': { schema: z.string() } } });

/** The part of the OpenAPI document that describes the partner's consent. */
export const partnerConsentPaths: ZodOpenApiPathsObject = {
  '/v1/partner-consent': {
    get: {
      operationId: 'getPartnerConsent',
      summary: 'How the partner credential is',
      description:
        'Whether the gateway can act for the partner, until when, and who must do what. Partner Center is asked at most once a minute. Needs `PartnerConsent.Manage`.',
      tags: ['Partner consent'],
      responses: {
        '200': {
          description: 'The state of the partner credential.',
          content: { 'application/json': { schema: partnerConsent } },
        },
        ...problemResponses(...always),
      },
    },
    post: {
      operationId: 'beginPartnerConsent',
      summary: 'Begin or renew consent',
      description:
        'Answers an address at which an admin agent of the partner signs in with MFA, within ten minutes. Nothing changes until that is done. A credential store that has to be mended first is said before anyone signs in. Needs `PartnerConsent.Manage`.',
      tags: ['Partner consent'],
      responses: {
        '200': {
          description: 'Open `authorizationUrl` in a browser.',
          content: { 'application/json': { schema: begunConsent } },
        },
        ...problemResponses(...always, 'payload_too_large', 'unsupported_media_type', 'upstream_rejected'),
      },
    },
  },
  '/v1/partner-consent/callback': {
    get: {
      operationId: 'finishPartnerConsent',
      summary: 'Where the browser comes back to after the sign-in',
      description: 'A page for the person who signed in; no program calls it.',
      tags: ['Partner consent'],
      security: [],
      requestParams: {
        query: z.object({
          state: z.string().optional(),
          code: z.string().optional(),
          error: z.string().optional(),
          error_description: z.string().optional(),
        }),
      },
      responses: {
        '200': page('Connected.'),
        '400': page('Not connected, with the reason and what to do. Nothing was changed.'),
        '405': problemResponses('method_not_allowed')['405'] ?? { description: '' },
        '500': page('The gateway has a fault. Nothing was changed.'),
        '503': page('Entra ID, Partner Center or the store did not answer. Nothing was changed.'),
      },
    },
  },
};
