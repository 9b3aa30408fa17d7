import { z } from 'zod';
import { upstreamReference } from '../http/problem-schema.ts';
import { listCursor } from './list-cursor.ts';
import type { ProductFamily } from './types.ts';

// One schema is validation, type and documentation. GUIDs are taken in any case and go on in lower case.

const customerIdMeta = {
  description: 'The customer’s tenant id.',
  example: '4c721420-72ad-4708-a0a7-371a2f7b0969',
};
const upgradeIdMeta = {
  description: 'The id of the upgrade at Partner Center.',
  example: '42d075a4-bfe7-43e7-af6d-7c68a57edcb4',
};

const guidInput = (meta: typeof customerIdMeta) =>
  z
    .guid({ error: 'must be a GUID' })
    .transform((value) => value.toLowerCase())
    .meta(meta);

const customerId = guidInput(customerIdMeta);
const upgradeId = guidInput(upgradeIdMeta);

// Partner Center takes the word in any case; the gateway always sends and shows it as `Azure`.
const productFamily = z
  .string({ error: 'must be "Azure"' })
  .regex(/^[Aa][Zz][Uu][Rr][Ee]$/, 'must be "Azure", the only product family that can be upgraded')
  .transform((): ProductFamily => 'Azure')
  .meta({ description: 'The product family to upgrade: `Azure`, in any case.', example: 'Azure' });

export const orderBody = z
  .strictObject(
    { customerId, productFamily },
    { error: (issue) => (issue.code === 'invalid_type' ? 'must be a JSON object' : undefined) },
  )
  .meta({ id: 'ProductUpgradeRequest' });

// The same, in answers.
const shownCustomerId = z.guid().meta(customerIdMeta);
const shownUpgradeId = z.guid().meta(upgradeIdMeta);
const shownFamily = z.literal('Azure').meta({ description: 'The product family to upgrade.' });

export const upgradeParams = z.object({ upgradeId });
export const customerParams = z.object({ customerId });
export const eligibilityQuery = z.strictObject({ productFamily });

const time = (description: string) => z.iso.datetime().meta({ description });

const upgradeStatuses = ['NotStarted', 'Running', 'Succeeded', 'Failed', 'Canceled'] as const;
const statusFault = { error: `must be one of ${upgradeStatuses.join(', ')}` };
const upgradeStatus = z.enum(upgradeStatuses, statusFault).meta({
  id: 'UpgradeStatus',
  description:
    'The words of Azure’s long-running operations. An upgrade is final when it `Succeeded` or `Failed`.',
});
const isFinal = z.boolean().meta({ description: 'Nothing will change any more.' });
const requestedAt = time('When the upgrade was ordered, or first heard of.');
const checkedAt = time('When Partner Center was last asked.');

const upgradeError = z
  .object({ code: z.string(), message: z.string() })
  .meta({ id: 'UpgradeError', description: 'Why it failed: Partner Center’s code, and what it means.' });
const product = z.object({ id: z.string(), name: z.string() }).meta({ id: 'Product' });

const partnerCenterStatus = z.string().meta({
  description: 'Partner Center’s own word, which Microsoft documents nowhere.',
  example: 'InProgress',
});

const lineItem = z
  .object({
    sourceProduct: product.optional(),
    targetProduct: product.optional(),
    status: upgradeStatus,
    partnerCenterStatus,
    upgradedAt: z.string().optional().meta({
      description: 'When the product was moved, in Partner Center’s own digits.',
      example: '2019-08-29T23:47:28.8524555Z',
    }),
    error: upgradeError.optional(),
  })
  .meta({ id: 'UpgradeLineItem' });

const statusUrl = z.url().meta({
  description: 'Where the upgrade’s status monitor is.',
  example: 'https://upgrades.example.com/v1/product-upgrades/42d075a4-bfe7-43e7-af6d-7c68a57edcb4/status',
});

export const acceptedUpgrade = z
  .strictObject({ upgradeId: shownUpgradeId, statusUrl })
  .meta({ id: 'AcceptedUpgrade', description: 'An upgrade that Partner Center has accepted.' });

export const statusMonitor = z
  .strictObject({
    upgradeId: shownUpgradeId,
    customerId: shownCustomerId,
    productFamily: shownFamily,
    status: upgradeStatus,
    partnerCenterStatus: partnerCenterStatus.optional(),
    isFinal,
    lineItems: z.array(lineItem).meta({
      description:
        'The customer’s products that are moved, each with its own status; empty while there are none.',
    }),
    error: upgradeError.optional(),
    requestedAt,
    checkedAt: checkedAt.optional(),
  })
  .meta({ id: 'StatusMonitor' });

export const eligibility = z
  .strictObject({
    customerId: shownCustomerId,
    productFamily: shownFamily,
    isEligible: z.boolean().meta({ description: 'Whether Partner Center would take an order now.' }),
    reason: z.string().optional().meta({ description: 'Why not, in Partner Center’s words.' }),
    upgradeId: z.guid().optional().meta({ description: 'The upgrade that is already in place.' }),
    statusUrl: statusUrl.optional(),
  })
  .meta({ id: 'UpgradeEligibility' });

const orderedBy = z.object({ tenantId: z.string(), applicationId: z.string(), objectId: z.string() }).meta({
  id: 'OrderedBy',
  description: 'The caller: tenant, client application, and user or service principal.',
});

const orderState = z.enum(['intended', 'unknown', 'accepted', 'refused', 'notStarted']).meta({
  id: 'OrderState',
  description:
    '`intended`: durable, perhaps sent. `unknown`: its outcome is being found out. `accepted`, `refused`, `notStarted`: settled.',
});

const order = z
  .strictObject({
    orderId: z.guid(),
    orderedBy,
    state: orderState,
    changes: z
      .array(z.strictObject({ state: orderState, changedAt: time('When the order entered the state.') }))
      .optional()
      .meta({ description: 'Every state that the order has been in; left out of lists.' }),
    requestId: z.guid().meta({ description: '`MS-RequestId` of the create call.' }),
    correlationId: z.guid().meta({ description: '`MS-CorrelationId` of the order.' }),
    upstream: upstreamReference.optional(),
  })
  .meta({ id: 'ProductUpgradeOrder', description: 'The order that started the upgrade.' });

export const upgradeRecord = z
  .strictObject({
    upgradeId: shownUpgradeId,
    statusUrl,
    customerId: shownCustomerId,
    productFamily: shownFamily,
    status: upgradeStatus,
    partnerCenterStatus: partnerCenterStatus.optional(),
    isFinal,
    requestedAt,
    checkedAt: checkedAt.optional(),
    order: order.optional(),
  })
  .meta({
    id: 'ProductUpgrade',
    description:
      'What the ledger knows of an upgrade. `order` is absent where the upgrade was not ordered through the gateway.',
  });

export const upgradeList = z
  .strictObject({
    items: z.array(upgradeRecord),
    nextCursor: z
      .string()
      .optional()
      .meta({ description: 'Send it as `cursor` for the next page; absent on the last one.' }),
  })
  .meta({ id: 'ProductUpgradeList' });

const mostItems = 100;
const limitFault = { error: `must be a whole number from 1 to ${mostItems}` };

export const listQuery = z.strictObject({
  customerId: customerId.optional(),
  status: upgradeStatus.optional(),
  limit: z
    .string()
    .regex(/^\d{1,3}$/, limitFault)
    .transform(Number)
    .pipe(z.int(limitFault).min(1, limitFault).max(mostItems, limitFault))
    .default(50)
    .meta({ description: 'The most items of a page, 1 to 100.', example: '50' }),
  cursor: listCursor.optional().meta({ description: '`nextCursor` of the page before.' }),
});

export type UpgradeRecordView = z.infer<typeof upgradeRecord>;
export type StatusMonitor = z.infer<typeof statusMonitor>;
