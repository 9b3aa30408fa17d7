import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Answer, Outcome } from './answers.ts';
import type { Operation } from './operations.ts';
import { internalText, refusal } from './refusals.ts';
import type { ScenarioOptions } from './scenario-options.ts';
import type { Fate } from './upgrade-book.ts';

/** A call that a scenario decides about. */
export interface ScenarioCall {
  operation: Operation;
  /** As sent, if it was. */
  customerId: string;
  upgradeId: string;
  productFamily: string;
  /** Does the work of the call and returns the normal answer. */
  proceed(fate?: Fate): Answer;
}

type Play = (call: ScenarioCall, options: ScenarioOptions) => Outcome | Promise<Outcome>;

interface Scenario {
  /** The only kind of call for which the scenario makes sense. */
  operation?: Operation;
  play: Play;
}

const elsewhere = 'https://elsewhere.example/signed-out';
const html = "<html><head><title>Our services aren't available right now</title></head><body></body></html>";

/** Everything that can be made to happen, by name. What replaces an answer does no work unless it says so. */
export const scenarios = {
  // How the call arrives
  throttled: { play: (_call, { retryAfterSeconds = 57 }) => throttled(retryAfterSeconds) },
  'server-error': { play: () => refusal(800003) },
  unavailable: { play: () => ({ status: 503, isFromGateway: true }) },
  'timeout-after-accept': { play: (call) => afterWork(call, 'no-answer') },
  'timeout-before-accept': { play: () => 'no-answer' },
  'reset-after-accept': { play: (call) => afterWork(call, 'connection-reset') },
  'reset-before-accept': { play: () => 'connection-reset' },
  slow: { play: slow },

  // The Location of an accepted upgrade
  'no-location': { operation: 'create', play: (call) => withLocation(call, () => undefined) },
  'absolute-location': {
    operation: 'create',
    play: (call) =>
      withLocation(call, (id) => `https://api.partnercenter.microsoft.com/v1/productUpgrades/${id}`),
  },
  'rooted-location': {
    operation: 'create',
    play: (call) => withLocation(call, (id) => `/v1/productUpgrades/${id}`),
  },
  'garbage-location': {
    operation: 'create',
    play: (call) => withLocation(call, () => 'productUpgrades/not-a-guid'),
  },
  'status-body': { operation: 'create', play: withStatusBody },

  // What a status says
  'description-error-details': { operation: 'status', play: describedErrorDetails },
  'unknown-status': {
    operation: 'status',
    play: (call, { status = 'Hibernating' }) => withStatusFields(call, { status: String(status) }),
  },
  'wrong-upgrade-id': {
    operation: 'status',
    play: (call, { upgradeId = randomUUID() }) => withStatusFields(call, { id: upgradeId }),
  },
  'line-item-failed': { operation: 'create', play: (call) => call.proceed('line-item-fails') },
  'upgrade-failed': { operation: 'create', play: (call) => call.proceed('fails') },

  // Refusals of the partner's credential
  'mfa-required': { play: () => refusal(900421) },
  'mfa-required-empty': { play: () => ({ status: 401, reasonPhrase: 'Unauthorized - MFA required' }) },
  unauthorized: { play: () => refusal(800001) },
  'wrong-audience': { play: () => refusal(900420) },
  forbidden: { play: () => refusal(900150) },
  'conditional-access': { play: () => refusal(900309) },

  // Refusals of the request
  'not-eligible': {
    play: (_call, { code = 900108, status = 403 }) => refusal(code, { status: Number(status) }),
  },
  'customer-unknown': { play: (_call, { code = 60003 }) => refusal(code) },
  'upgrade-not-found': { operation: 'status', play: () => refusal(900106) },
  'in-progress': {
    operation: 'create',
    play: (_call, { upgradeId = randomUUID() }) => refusal(900109, { values: [upgradeId] }),
  },
  completed: {
    operation: 'create',
    play: (_call, { upgradeId = randomUUID() }) => refusal(900110, { values: [upgradeId] }),
  },
  'wrong-customer': {
    operation: 'status',
    play: ({ customerId }, { upgradeId = randomUUID() }) =>
      refusal(900111, { values: [customerId, upgradeId] }),
  },
  'unknown-error': { play: (_call, { code = 999999, status = 400 }) => unknownError(code, Number(status)) },

  // Answers that cannot be read
  'not-json': { play: (_call, { status = 200 }) => notJson(Number(status)) },
  'broken-json': { play: () => brokenJson() },
  'empty-body': { play: () => ({ status: 200 }) },
  redirect: { play: () => ({ status: 302, headers: { Location: elsewhere }, isFromGateway: true }) },
  'huge-body': { play: hugeBody },
  'cut-body': { play: (call) => withBrokenBody(call, 'reset') },
  'stalled-body': { play: (call) => withBrokenBody(call, 'stall') },
} as const satisfies Record<string, Scenario>;

/** The names of all scenarios. */
export type ScenarioName = keyof typeof scenarios;

/** The kind of call that a scenario is for, if it is for one only. */
export function operationOf(name: ScenarioName): Operation | undefined {
  const scenario: Scenario = scenarios[name];
  return scenario.operation;
}

/** The gateway in front of the API throttles in a dialect of its own, without MS-* headers. */
function throttled(retryAfterSeconds: number): Answer {
  return {
    status: 429,
    headers: { 'Retry-After': String(retryAfterSeconds) },
    json: { statusCode: 429, message: `Rate limit is exceeded. Try again in ${retryAfterSeconds} seconds.` },
    isFromGateway: true,
  };
}

function afterWork(call: ScenarioCall, outcome: 'no-answer' | 'connection-reset'): Outcome {
  call.proceed();
  return outcome;
}

async function slow(call: ScenarioCall, { delayMs = 2000 }: ScenarioOptions): Promise<Answer> {
  // Not kept alive by this: a process that is done may end meanwhile.
  await delay(delayMs, undefined, { ref: false });
  return call.proceed();
}

/** Accepts the upgrade and words its Location; a call that is refused is answered as usual. */
function withLocation(call: ScenarioCall, location: (upgradeId: string) => string | undefined): Answer {
  const answer = call.proceed();
  if (answer.status !== 202) return answer;
  const { Location: usual = '', ...others } = answer.headers ?? {};
  const changed = location(usual.slice(usual.lastIndexOf('/') + 1));
  return { ...answer, headers: { ...others, ...(changed === undefined ? {} : { Location: changed }) } };
}

/** The REST reference says that the 202 may carry a status body. */
function withStatusBody(call: ScenarioCall): Answer {
  const answer = call.proceed();
  if (answer.status !== 202) return answer;
  const location = answer.headers?.['Location'] ?? '';
  const id = location.slice(location.lastIndexOf('/') + 1);
  return { ...answer, json: { id, status: 'Pending', productFamily: call.productFamily, lineItems: [] } };
}

function withStatusFields(call: ScenarioCall, fields: Record<string, unknown>): Answer {
  const answer = call.proceed();
  return answer.status === 200 ? { ...answer, json: { ...answer.json, ...fields } } : answer;
}

/** `errorDetails` is `{code, message}` in Microsoft's pages and `{code, description}` in all of its SDKs. */
function describedErrorDetails(call: ScenarioCall): Answer {
  const errorDetails = { code: '900120', description: "Can't process the Azure upgrade request." };
  return withStatusFields(call, { status: 'Failed', errorDetails });
}

function unknownError(code: number, status: number): Answer {
  return { status, json: { code, description: internalText, data: [], source: 'PartnerFD' } };
}

function notJson(status: number): Answer {
  return { status, text: html, headers: { 'Content-Type': 'text/html; charset=utf-8' }, isFromGateway: true };
}

function brokenJson(): Answer {
  return {
    status: 200,
    text: '\uFEFF{"id": "42d075a4-bfe7-43e7-af6d-',
    headers: { 'Content-Type': 'application/json; charset=utf-8' },
  };
}

/** The normal answer, whose headers arrive and whose body does not arrive whole. */
function withBrokenBody(call: ScenarioCall, breaksOff: 'reset' | 'stall'): Answer {
  const answer = call.proceed();
  return { ...answer, json: answer.json ?? { status: 'Pending' }, breaksOff };
}

/** The normal answer, grown to over 5 MB by a field that nobody asked for. */
function hugeBody(call: ScenarioCall): Answer {
  const answer = call.proceed();
  return { ...answer, json: { ...answer.json, padding: 'x'.repeat(5 * 1024 * 1024) } };
}
