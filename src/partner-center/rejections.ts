import {
  CustomerNotEligibleError,
  CustomerNotFoundError,
  type FailureFacts,
  type GatewayError,
  PartnerMfaRequiredError,
  UpgradeAlreadyCompletedError,
  UpgradeAlreadyInProgressError,
  UpgradeNotFoundError,
  UpstreamContractViolatedError,
  UpstreamRejectedError,
  UpstreamThrottledError,
  UpstreamUnavailableError,
} from '../errors.ts';
import { errorCode, type PartnerCenterAnswer, parseRetryAfter, toUpstreamReference } from './answer.ts';

type GatewayErrorClass = new (message: string, facts?: FailureFacts) => GatewayError;
interface Rejection {
  readonly error: GatewayErrorClass;
  readonly sentence: string;
  readonly retryAfterSeconds?: number;
}

const day = 86_400;
const notEligible = (sentence: string, retryAfterSeconds?: number): Rejection => ({
  error: CustomerNotEligibleError,
  sentence,
  ...(retryAfterSeconds && { retryAfterSeconds }),
});
const customerNotFound = (sentence: string): Rejection => ({ error: CustomerNotFoundError, sentence });
const ours = (sentence: string): Rejection => ({ error: UpstreamRejectedError, sentence });

const noUpgrade: Rejection = {
  error: UpgradeNotFoundError,
  sentence: 'Partner Center knows no such upgrade for this customer.',
};
const mfaRequired: Rejection = {
  error: PartnerMfaRequiredError,
  sentence:
    'Partner Center wants a partner credential that was granted with MFA: an admin agent must consent again, with MFA.',
};
const unexpected: Rejection = {
  error: UpstreamUnavailableError,
  sentence: 'Partner Center had an unexpected fault.',
  retryAfterSeconds: 30,
};

/**
 * What each refusal means, by HTTP status and code: the same code occurs under several statuses with several meanings.
 * The sentences are ours; Partner Center's own texts are not shown, since they can name what the caller did not ask for.
 * Source: https://learn.microsoft.com/partner-center/developer/error-codes
 */
const rejections: Readonly<Record<string, Rejection>> = {
  '403/900105': notEligible(
    'One or more of the customer’s Azure subscriptions are suspended. Make them active, then order again.',
  ),
  '404/900106': noUpgrade,
  '400/900107': notEligible(
    'Partner Center has no Azure plan in its catalog for this customer. Check the customer’s market and currency.',
  ),
  '403/900108': notEligible('The customer has no Azure subscriptions, so there is nothing to upgrade.'),
  '409/900109': {
    error: UpgradeAlreadyInProgressError,
    sentence:
      'An upgrade of this customer is already in progress. Follow it; there is no need to order again.',
  },
  '400/900110': {
    error: UpgradeAlreadyCompletedError,
    sentence: 'This customer has been upgraded already. There is nothing left to do.',
  },
  '400/900111': noUpgrade,
  '409/900112': notEligible(
    'A pending upgrade blocks this customer. Wait until it is done, then order again.',
  ),
  '409/900113': notEligible(
    'An upgrade in progress blocks this customer. Wait until it is done, then order again.',
  ),
  '409/900114': notEligible(
    'A failed upgrade blocks this customer. Ask Microsoft’s support to clear it, then order again.',
  ),
  '400/900116': notEligible(
    'The sandbox account has reached its limit of Azure plans. Ask Microsoft’s support, or use another account.',
  ),
  '400/900118': customerNotFound('Partner Center does not know this customer.'),
  '403/900119': notEligible(
    'The customer uses shared services that cannot be upgraded. Ask Microsoft’s support.',
  ),
  '403/900120': notEligible(
    'Partner Center cannot process an Azure upgrade for this customer. Ask Microsoft’s support.',
  ),
  '403/900130': notEligible(
    'The customer bought subscriptions recently. Wait a day or more, then order again.',
    day,
  ),
  '404/60003': customerNotFound('Partner Center does not know this customer’s tenant.'),
  '404/1000': customerNotFound('Partner Center does not know this customer.'),
  '403/20002': customerNotFound('The partner has no reseller relationship with this customer.'),
  '403/13605': notEligible(
    'The customer has not accepted the Microsoft Customer Agreement. Record its acceptance, then order again.',
  ),
  '401/900420': ours(
    'Partner Center no longer supports the audience of the gateway’s token: PARTNER_CENTER_SCOPE is wrong.',
  ),
  '401/900421': mfaRequired,
  '403/2032': ours('The partner’s user lacks a role in Partner Center: it must be an admin agent.'),
  '403/900150': ours(
    'Partner Center refused the gateway’s token as one of an application alone: it takes App+User tokens only.',
  ),
  '403/900309': ours(
    'A Conditional Access policy of the partner’s tenant blocks tokens for Partner Center. An administrator must exempt the gateway.',
  ),
  '500/800003': unexpected,
  '500/900192': unexpected,
};

const guid = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/i;

/** Errors 900109 and 900110 name the upgrade that is in place in their text, and nowhere else. */
function findUpgradeIdInText({ body }: PartnerCenterAnswer): string | undefined {
  const text =
    typeof body === 'object' && body !== null && 'description' in body ? body.description : undefined;
  return typeof text === 'string' ? guid.exec(text)?.[0].toLowerCase() : undefined;
}

function findRejection(answer: PartnerCenterAnswer): Rejection {
  const { status } = answer;
  const known = rejections[`${status}/${errorCode(answer)}`];
  if (known) return known;
  if (status === 401 && /MFA required/i.test(answer.reasonPhrase)) return mfaRequired;
  if (status === 429)
    return { error: UpstreamThrottledError, sentence: 'Partner Center throttles the partner’s calls.' };
  if (status >= 500) return unexpected;
  if (status === 401) return ours('Partner Center does not accept the gateway’s token.');
  if (status === 403) return ours('Partner Center does not let the gateway do this.');
  if (status >= 400)
    return ours('Partner Center refused the call for a reason that the gateway does not know.');
  return {
    error: UpstreamContractViolatedError,
    sentence: 'Partner Center gave an answer that the gateway cannot read.',
  };
}

/** Translates an answer other than 2xx to the failure that it means. */
export function toRejection(answer: PartnerCenterAnswer, now: number): GatewayError {
  const rejection = findRejection(answer);
  const namesUpgrade =
    rejection.error === UpgradeAlreadyInProgressError || rejection.error === UpgradeAlreadyCompletedError;
  const upgradeId = namesUpgrade ? findUpgradeIdInText(answer) : undefined;
  const retryAfterSeconds =
    parseRetryAfter(answer.headers['retry-after'], now) ??
    rejection.retryAfterSeconds ??
    (answer.status === 429 ? 60 : undefined);
  return new rejection.error(rejection.sentence, {
    upstream: toUpstreamReference(answer),
    ...(retryAfterSeconds !== undefined && { retryAfterSeconds }),
    ...(upgradeId && { upgradeId }),
  });
}

/** Our sentence for a code inside an upgrade's `errorDetails`, where we know it. */
export function findSentence(code: string): string | undefined {
  return Object.entries(rejections).find(([key]) => key.endsWith(`/${code}`))?.[1].sentence;
}
