import { z } from 'zod';
import type { ZodOpenApiPathsObject } from 'zod-openapi';
import { problemResponses, problemsOfAuthenticated } from '../http/problem-schema.ts';
import type { ProblemCode } from '../http/problems.ts';
import {
  acceptedUpgrade,
  customerParams,
  eligibility,
  eligibilityQuery,
  listQuery,
  orderBody,
  statusMonitor,
  upgradeList,
  upgradeParams,
  upgradeRecord,
} from './schemas.ts';

/** What every operation that asks Partner Center can answer. */
const upstream: readonly ProblemCode[] = [
  'customer_not_eligible',
  'customer_not_found',
  'upstream_throttled',
  'upstream_unavailable',
  'upstream_timeout',
  'upstream_contract_violated',
  'upstream_rejected',
  'partner_consent_required',
  'partner_mfa_required',
];

const retryAfter = z.string().regex(/^\d+$/).meta({ description: 'Seconds to wait before looking again.' });
const statusUrlHeader = z.url().meta({ description: 'The status monitor’s address.' });

/** The part of the OpenAPI document that describes product upgrades. */
export const productUpgradePaths: ZodOpenApiPathsObject = {
  '/v1/product-upgrades': {
    post: {
      operationId: 'orderProductUpgrade',
      summary: 'Order a product upgrade',
      description:
        'Moves the customer’s Azure subscriptions to an Azure plan. **It cannot be undone**, and it blocks the customer’s purchases until it is done. Needs `ProductUpgrade.ReadWrite`.',
      tags: ['Product upgrades'],
      requestParams: {
        header: z.object({
          'Idempotency-Key': z.string().min(1).max(514).optional().meta({
            description:
              'Makes sending the order again safe: the same key and body get the same answer, or finish the work that the first try left. 1 to 255 visible characters, quoted (RFC 8941) or bare. Keys belong to the caller (tenant, application, user) and are kept with the order; a request that ordered nothing lets go of its key.',
            example: '"5f0c9a4e-order-17"',
          }),
        }),
      },
      requestBody: { required: true, content: { 'application/json': { schema: orderBody } } },
      responses: {
        '202': {
          description: 'Partner Center has accepted the upgrade. Follow it at `statusUrl`.',
          headers: z.object({
            Location: statusUrlHeader,
            'Operation-Location': statusUrlHeader,
            'Retry-After': retryAfter,
          }),
          content: { 'application/json': { schema: acceptedUpgrade } },
        },
        ...problemResponses(
          ...problemsOfAuthenticated,
          ...upstream,
          'payload_too_large',
          'unsupported_media_type',
          'upgrade_already_in_progress',
          'upgrade_already_completed',
          'idempotency_key_in_use',
          'idempotency_key_reused',
          'ledger_unavailable',
        ),
      },
    },
    get: {
      operationId: 'listProductUpgrades',
      summary: 'List product upgrades',
      description:
        'Newest first, as the ledger last knew them; Partner Center, which has no list, is not asked. Pages stay put while upgrades are added. Needs `ProductUpgrade.Read`.',
      tags: ['Product upgrades'],
      requestParams: { query: listQuery },
      responses: {
        '200': {
          description: 'A page of upgrades.',
          content: { 'application/json': { schema: upgradeList } },
        },
        ...problemResponses(...problemsOfAuthenticated, 'ledger_unavailable'),
      },
    },
  },
  '/v1/product-upgrades/{upgradeId}': {
    get: {
      operationId: 'getProductUpgrade',
      summary: 'Look up a product upgrade',
      description:
        'The ledger’s record: who asked, when, for whom, the ids for Microsoft’s support, and the last known status. Partner Center is not asked. Needs `ProductUpgrade.Read`.',
      tags: ['Product upgrades'],
      requestParams: { path: upgradeParams },
      responses: {
        '200': {
          description: 'The record.',
          content: { 'application/json': { schema: upgradeRecord } },
        },
        ...problemResponses(...problemsOfAuthenticated, 'upgrade_not_found', 'ledger_unavailable'),
      },
    },
  },
  '/v1/product-upgrades/{upgradeId}/status': {
    get: {
      operationId: 'getProductUpgradeStatus',
      summary: 'Follow a product upgrade',
      description:
        'The status monitor. Any Azure long-running-operation poller follows it. However many watch, Partner Center is asked at most once per interval, and never again once the upgrade is final. Needs `ProductUpgrade.Read`.',
      tags: ['Product upgrades'],
      requestParams: {
        path: upgradeParams,
        header: z.object({
          Prefer: z.string().optional().meta({
            description:
              '`wait=N`: answer when something has changed, after N seconds (at most 60) at the latest.',
          }),
          'If-None-Match': z
            .string()
            .optional()
            .meta({ description: 'The `ETag` of an earlier answer: 304 if nothing has changed since.' }),
        }),
      },
      responses: {
        '200': {
          description: 'The upgrade as it stands.',
          headers: z.object({
            ETag: z.string().meta({ description: 'Changes when the upgrade does.' }),
            'Retry-After': retryAfter.optional(),
            'Preference-Applied': z.string().optional(),
          }),
          content: { 'application/json': { schema: statusMonitor } },
        },
        '304': { description: 'Nothing has changed since the given `ETag`.' },
        ...problemResponses(
          ...problemsOfAuthenticated,
          ...upstream,
          'upgrade_not_found',
          'ledger_unavailable',
        ),
      },
    },
  },
  '/v1/customers/{customerId}/product-upgrade-eligibility': {
    get: {
      operationId: 'getProductUpgradeEligibility',
      summary: 'Ask whether a customer can be upgraded',
      description: 'Where an upgrade is already in place, the answer names it. Needs `ProductUpgrade.Read`.',
      tags: ['Product upgrades'],
      requestParams: { path: customerParams, query: eligibilityQuery },
      responses: {
        '200': {
          description: 'Partner Center’s answer.',
          content: { 'application/json': { schema: eligibility } },
        },
        ...problemResponses(...problemsOfAuthenticated, ...upstream, 'ledger_unavailable'),
      },
    },
  },
};
