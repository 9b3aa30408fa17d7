import { createBoundedMap } from '../bounded-map.ts';
import { type Answer, isGuid } from './answers.ts';
import { customerStories } from './customers.ts';
import { refusal, refusalText } from './refusals.ts';
import { statusBody } from './status-body.ts';
import type { Fate, Upgrade, UpgradeBook } from './upgrade-book.ts';

/** The three calls of product upgrades, and the partner's own profile, by which clients see whether a token is taken. */
export type Operation = 'create' | 'status' | 'eligibility' | 'profile';

export interface OperationRequest {
  operation: Operation;
  /** Of the path, for `status`. */
  upgradeId: string | undefined;
  /** As sent; anything. */
  body: unknown;
  /** The MS-RequestId header. */
  requestId: string | undefined;
}

/** Does what was asked for and says how Partner Center answers it. `fate` overrides how a new upgrade ends. */
export type Perform = (request: OperationRequest, fate?: Fate) => Answer;

interface Order {
  customerId: string;
  productFamily: string;
}

/** https://learn.microsoft.com/partner-center/developer/get-an-organization-profile */
const organizationProfile = {
  id: 'organizationProfile',
  companyName: 'Emulated Partner',
  culture: 'en-US',
  language: 'en',
  profileType: 'organization',
  attributes: { objectType: 'OrganizationProfile' },
};

/**
 * How well Partner Center remembers: documented nowhere, so that a client must get along with less than everything.
 * Left out, it sees and remembers everything at once and for good.
 */
export interface Recall {
  /** How long a create call that was answered is recognised by its MS-RequestId, in milliseconds. */
  requestIdsMs?: number;
  /** How long after an acceptance a create call does not see that upgrade, and starts a second one. */
  createBlindMs?: number;
  /** How long after an acceptance an eligibility answer does not name that upgrade. */
  eligibilityBlindMs?: number;
}

export interface OperationParts {
  book: UpgradeBook;
  recall: Recall;
  now(): number;
  /** How many answered create calls are remembered. */
  capacity?: number | undefined;
}

/** The behaviour of the upgrade API, without HTTP, authentication and scenarios. */
export function createOperations({ book, recall, now, capacity }: OperationParts): {
  perform: Perform;
  forget(): void;
} {
  const { requestIdsMs = Number.POSITIVE_INFINITY, createBlindMs = 0, eligibilityBlindMs = 0 } = recall;
  const answeredCreates = createBoundedMap<string, { body: string; answer: Answer; at: number }>(capacity);

  /** The customer's upgrade, once it has been there for so long. */
  function findSeen(customerId: string, blindMs: number): Upgrade | undefined {
    const existing = book.findForCustomer(customerId);
    return existing && now() - existing.acceptedAt >= blindMs ? existing : undefined;
  }

  function perform(request: OperationRequest, fate?: Fate): Answer {
    if (request.operation === 'profile') return { status: 200, json: organizationProfile };
    const order = readOrder(request.body);
    if ('status' in order) return order;
    if (request.operation === 'status') return getStatus(book, request.upgradeId ?? '', order);
    if (request.operation === 'eligibility') {
      return checkEligibility(book, order, findSeen(order.customerId, eligibilityBlindMs));
    }
    return createOnce(request, () =>
      create(book, order, findSeen(order.customerId, createBlindMs), { requestId: request.requestId, fate }),
    );
  }

  /** MS-RequestId "ensures idempotency": the same request sent again gets the first answer and starts nothing. */
  function createOnce({ requestId, body }: OperationRequest, work: () => Answer): Answer {
    if (requestId === undefined) return work();
    const key = requestId.toLowerCase();
    const text = JSON.stringify(body);
    const earlier = answeredCreates.get(key);
    if (earlier?.body === text && now() - earlier.at < requestIdsMs) return earlier.answer;
    const answer = work();
    answeredCreates.set(key, { body: text, answer, at: now() });
    return answer;
  }

  return { perform, forget: () => answeredCreates.clear() };
}

function create(
  book: UpgradeBook,
  order: Order,
  existing: Upgrade | undefined,
  { requestId, fate }: { requestId: string | undefined; fate: Fate | undefined },
): Answer {
  const story = customerStories[order.customerId.toLowerCase()];
  const code = story?.refusedWith ?? story?.ineligibleBecause;
  if (code !== undefined) return refusal(code);
  const status = existing && book.statusOf(existing);
  if (existing && status === 'Completed') return refusal(900110, { values: [existing.upgradeId] });
  // A failed upgrade is no obstacle to another try.
  if (existing && status !== 'Failed') return refusal(900109, { values: [existing.upgradeId] });
  const upgrade = book.start({ ...order, requestId, fate: fate ?? story?.fate ?? 'completes' });
  return { status: 202, headers: { Location: `productUpgrades/${upgrade.upgradeId}` } };
}

function getStatus(book: UpgradeBook, upgradeId: string, order: Order): Answer {
  const upgrade = book.find(upgradeId);
  if (!upgrade) return refusal(900106);
  if (upgrade.customerId.toLowerCase() !== order.customerId.toLowerCase()) {
    return refusal(900111, { values: [order.customerId, mappedUpgradeId(book, order, upgrade)] });
  }
  return { status: 200, json: statusBody(book, upgrade, order.productFamily) };
}

/** The upgrade that the error text names: the one of the customer who was asked about, or the one asked for. */
function mappedUpgradeId(book: UpgradeBook, { customerId }: Order, asked: Upgrade): string {
  return (book.findForCustomer(customerId) ?? asked).upgradeId;
}

function checkEligibility(book: UpgradeBook, order: Order, existing: Upgrade | undefined): Answer {
  const story = customerStories[order.customerId.toLowerCase()];
  if (story?.refusedWith !== undefined) return refusal(story.refusedWith);
  if (story?.ineligibleBecause !== undefined) {
    const reason = refusalText(story.ineligibleBecause);
    return { status: 200, json: { ...order, isEligible: false, reason } };
  }
  if (!existing || book.statusOf(existing) === 'Failed')
    return { status: 200, json: { ...order, isEligible: true } };
  const { upgradeId } = existing;
  const reason = 'A product upgrade for the given family is already in place.';
  return { status: 200, json: { ...order, isEligible: false, upgradeId, reason } };
}

function readOrder(body: unknown): Order | Answer {
  const { customerId, productFamily } = toRecord(body);
  if (!isGuid(customerId)) return refusal(900118);
  if (typeof productFamily !== 'string' || productFamily.toLowerCase() !== 'azure') {
    return refusal(2000, { values: ['productFamily must be Azure'] });
  }
  return { customerId, productFamily };
}

function toRecord(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}
