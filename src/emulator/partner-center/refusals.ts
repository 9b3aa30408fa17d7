import type { Answer } from './answers.ts';

/** A text that callers must never see: tests look for it. */
export const internalText =
  'Internal: shard eu-7 of PartnerFD rejected key 0xC0FFEE; do not show this to callers.';

interface Refusal {
  status: number;
  /** `{0}`, `{1}`: values to fill in. */
  description: string;
}

/** https://learn.microsoft.com/partner-center/developer/error-codes, with the statuses seen on the wire. */
const refusals: Readonly<Record<number, Refusal>> = {
  1000: { status: 404, description: 'The resource was not found.' },
  2000: { status: 400, description: 'The input is not valid: {0}.' },
  20002: { status: 403, description: 'The partner has no relationship with the customer.' },
  60003: { status: 404, description: 'Tenant not found.' },
  800001: { status: 401, description: 'Access denied.' },
  800003: { status: 500, description: 'An unexpected service error occurred.' },
  900105: {
    status: 403,
    description:
      'The upgrade cannot be processed because one or more Azure subscriptions are in the suspended state.',
  },
  900106: { status: 404, description: 'No upgrade request was found.' },
  900107: { status: 400, description: "The Azure catalog item wasn't found." },
  900108: { status: 403, description: 'The customer has no Azure subscriptions.' },
  900109: {
    status: 409,
    description: "This upgrade request can't be processed because the original upgrade {0} is in progress.",
  },
  900110: { status: 400, description: "Can't process the upgrade request for completed upgrade {0}." },
  900111: {
    status: 400,
    description: "The upgrade doesn't belong to customer {0}. The customer is mapped to upgrade {1}.",
  },
  900116: { status: 400, description: 'The limit of Azure plans in sandbox accounts is reached.' },
  900118: { status: 400, description: 'Invalid customer id.' },
  900119: { status: 403, description: "Can't process the upgrade request because of shared services." },
  900120: { status: 403, description: "Can't process the Azure upgrade request." },
  900130: { status: 403, description: 'Subscriptions were purchased recently. Try again later.' },
  900150: { status: 403, description: 'App-only tokens are not supported for this operation.' },
  900309: {
    status: 403,
    description: 'Access is blocked by Conditional Access policies; token issuance is not allowed.',
  },
  900420: { status: 401, description: 'The audience of the token is no longer supported.' },
  900421: {
    status: 401,
    description: 'The access token must come from a sign-in with multi-factor authentication.',
  },
  999999: { status: 400, description: internalText },
};

export interface RefusalOptions {
  /** Instead of the documented one. */
  status?: number | undefined;
  /** Values for `{0}`, `{1}`. */
  values?: readonly string[];
}

/** An error answer in the API's dialect: `code` is a number on the wire, though documented as a string. */
export function refusal(code: number, { status, values = [] }: RefusalOptions = {}): Answer {
  const known = refusals[code] ?? { status: 400, description: internalText };
  return {
    status: status ?? known.status,
    json: { code, description: fill(known.description, values), data: [], source: 'PartnerFD' },
  };
}

/** The text of an error without values, e.g. as the reason of an eligibility answer. */
export function refusalText(code: number): string {
  return refusals[code]?.description ?? internalText;
}

function fill(text: string, values: readonly string[]): string {
  return text.replace(/\{(\d)\}/g, (placeholder, index) => values[Number(index)] ?? placeholder);
}
