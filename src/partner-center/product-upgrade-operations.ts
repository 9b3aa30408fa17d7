import { z } from 'zod';
import { UpstreamContractViolatedError } from '../errors.ts';
import type { PartnerCenter } from '../product-upgrades/ports.ts';
import type { LineItemReport, UpgradeError } from '../product-upgrades/types.ts';
import { type PartnerCenterAnswer, toUpstreamReference } from './answer.ts';
import type { PartnerCenterClient } from './client.ts';
import { findUpgradeId } from './location.ts';
import { findSentence } from './rejections.ts';

const productReference = z.object({ id: z.string(), name: z.string() });

// Microsoft's pages say `message`, all of its SDKs say `description`.
const errorDetails = z.object({
  code: z.union([z.string(), z.number()]).transform(String),
  message: z.string().optional(),
  description: z.string().optional(),
});

const statusBody = z.object({
  id: z.guid().transform((id) => id.toLowerCase()),
  status: z.string().min(1).max(100),
  lineItems: z
    .array(
      z.object({
        sourceProduct: productReference.nullish(),
        targetProduct: productReference.nullish(),
        upgradedDate: z.string().max(40).nullish(),
        status: z.string().min(1).max(100),
        errorDetails: errorDetails.nullish(),
      }),
    )
    .nullish(),
  errorDetails: errorDetails.nullish(),
});

const eligibilityBody = z.object({
  customerId: z.guid().transform((id) => id.toLowerCase()),
  isEligible: z.boolean(),
  // One that cannot be read is no "none": an upgrade is in place, and nobody must take it for missing.
  upgradeId: z.union([z.literal(''), z.guid().transform((id) => id.toLowerCase())]).nullish(),
  reason: z.string().nullish(),
});

function contractViolated(answer: PartnerCenterAnswer, message: string, cause?: unknown) {
  return new UpstreamContractViolatedError(message, { upstream: toUpstreamReference(answer), cause });
}

function parseBody<T>(schema: z.ZodType<T>, answer: PartnerCenterAnswer): T {
  const parsed = schema.safeParse(answer.body);
  if (!parsed.success)
    throw contractViolated(
      answer,
      'Partner Center gave an answer that the gateway cannot read.',
      parsed.error,
    );
  return parsed.data;
}

/** An upstream text is shown only for codes that we know, and then in our words. */
function toUpgradeError({ code }: z.infer<typeof errorDetails>): UpgradeError {
  const shownCode = /^\w{1,40}$/.test(code) ? code : 'unknown';
  return {
    code: shownCode,
    message:
      findSentence(shownCode) ??
      'Partner Center reports a failure that the gateway does not know. Microsoft’s support can explain it by this code and the upgrade id.',
  };
}

type StatusBody = z.infer<typeof statusBody>;
type LineItemBody = NonNullable<StatusBody['lineItems']>[number];

const toLineItem = (item: LineItemBody): LineItemReport => ({
  partnerCenterStatus: item.status,
  ...(item.sourceProduct && { sourceProduct: item.sourceProduct }),
  ...(item.targetProduct && { targetProduct: item.targetProduct }),
  ...(item.upgradedDate && { upgradedAt: item.upgradedDate }),
  ...(item.errorDetails && { error: toUpgradeError(item.errorDetails) }),
});

/**
 * Partner Center's product upgrade operations.
 * Source: https://learn.microsoft.com/partner-center/developer/create-product-upgrade-entity and …/get-product-upgrade-status
 */
export function createProductUpgradeOperations(client: PartnerCenterClient): PartnerCenter {
  return {
    async checkEligibility(request, ids) {
      const answer = await client.post('v1/productUpgrades/eligibility', toBody(request), ids);
      const body = parseBody(eligibilityBody, answer);
      if (body.customerId !== request.customerId)
        throw contractViolated(answer, 'Partner Center answered for another customer.');
      return {
        isEligible: body.isEligible,
        ...(body.reason && { reason: body.reason.slice(0, 500) }),
        ...(body.upgradeId && { upgradeId: body.upgradeId }),
      };
    },

    async createUpgrade(request, ids, options = {}) {
      const answer = await client.post('v1/productUpgrades', toBody(request), ids, {
        ...options,
        // The id is told once, in this header: it counts although the connection may break after it.
        isEnough: (headers) => findUpgradeId(headers['location']) !== undefined,
      });
      const upgradeId = findUpgradeId(answer.headers['location']);
      if (!upgradeId) {
        options.onUncertain?.();
        throw contractViolated(answer, 'Partner Center accepted the upgrade without saying its id.');
      }
      return { upgradeId, upstream: toUpstreamReference(answer) };
    },

    async getUpgradeReport(upgradeId, request, ids) {
      const answer = await client.post(`v1/productUpgrades/${upgradeId}/status`, toBody(request), ids);
      const body = parseBody(statusBody, answer);
      if (body.id !== upgradeId)
        throw contractViolated(answer, 'Partner Center answered for another upgrade.');
      return {
        partnerCenterStatus: body.status,
        lineItems: (body.lineItems ?? []).map(toLineItem),
        ...(body.errorDetails && { error: toUpgradeError(body.errorDetails) }),
      };
    },
  };
}

const toBody = ({ customerId, productFamily }: { customerId: string; productFamily: string }) => ({
  customerId,
  productFamily,
});
