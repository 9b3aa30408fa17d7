import type { Fate } from './upgrade-book.ts';

/*
 * Customers with a story, so that a person can see each case without ordering a scenario.
 * Every other GUID is a customer that is eligible and whose upgrade completes.
 */

/** Partner Center does not know it: 404, 60003. */
export const unknownCustomerId = '00000000-0000-4000-8000-000000000404';
/** The partner has no relationship with it: 403, 20002. */
export const unrelatedCustomerId = '00000000-0000-4000-8000-000000000403';
/** It has no Azure subscriptions: 403, 900108. */
export const customerWithoutAzureId = '00000000-0000-4000-8000-000000900108';
/** One of its Azure subscriptions is suspended: 403, 900105. */
export const suspendedCustomerId = '00000000-0000-4000-8000-000000900105';
/** It bought subscriptions recently, so it has to wait: 403, 900130. */
export const recentBuyerCustomerId = '00000000-0000-4000-8000-000000900130';
/** Its upgrade is accepted and ends with status Failed. */
export const failingCustomerId = '00000000-0000-4000-8000-00000000fa11';
/** Its upgrade completes, but one line item fails. */
export const failingLineItemCustomerId = '00000000-0000-4000-8000-00000001fa11';

/** What is particular about a customer. */
export interface CustomerStory {
  description: string;
  /** Error code that every call about this customer gets. */
  refusedWith?: number;
  /** Error code of a create; an eligibility question is answered "no" with this error's text. */
  ineligibleBecause?: number;
  fate?: Fate;
}

/** The stories by customer id. */
export const customerStories: Readonly<Record<string, CustomerStory>> = {
  [unknownCustomerId]: { description: 'unknown to Partner Center', refusedWith: 60003 },
  [unrelatedCustomerId]: { description: 'no relationship with the partner', refusedWith: 20002 },
  [customerWithoutAzureId]: { description: 'no Azure subscriptions', ineligibleBecause: 900108 },
  [suspendedCustomerId]: { description: 'a suspended Azure subscription', ineligibleBecause: 900105 },
  [recentBuyerCustomerId]: { description: 'bought subscriptions recently', ineligibleBecause: 900130 },
  [failingCustomerId]: { description: 'the upgrade fails', fate: 'fails' },
  [failingLineItemCustomerId]: { description: 'one line item of the upgrade fails', fate: 'line-item-fails' },
};
