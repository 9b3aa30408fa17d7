import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { ScenarioOptions } from '../../src/emulator/partner-center/scenario-options.ts';
import type { ScenarioName } from '../../src/emulator/partner-center/scenarios.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { as, upgradeRequest } from '../support/requests.ts';

let started: TestGateway;
let alice: ReturnType<typeof as>;
beforeAll(async () => {
  started = await startTestGateway({ variables: { PARTNER_CENTER_TIMEOUT_MS: '600' } });
  alice = as(await started.emulator.entra.issueCallerToken({ user: 'alice' }), started);
});
afterAll(() => started.stop());
beforeEach(() => started.emulator.partnerCenter.reset());

interface Fault {
  readonly scenario: ScenarioName;
  readonly options?: ScenarioOptions;
  readonly status: number;
  readonly code: string;
  readonly retryAfter?: string;
}

const always: ScenarioOptions = { times: 10 };

/** What the caller sees of each fault that lasts, whichever operation meets it. */
const lasting: readonly Fault[] = [
  { scenario: 'throttled', status: 503, code: 'upstream_throttled', retryAfter: '57' },
  { scenario: 'server-error', status: 503, code: 'upstream_unavailable', retryAfter: '30' },
  { scenario: 'unavailable', status: 503, code: 'upstream_unavailable', retryAfter: '30' },
  { scenario: 'reset-before-accept', status: 503, code: 'upstream_unavailable', retryAfter: '30' },
  { scenario: 'timeout-before-accept', status: 504, code: 'upstream_timeout' },
  { scenario: 'mfa-required', status: 503, code: 'partner_mfa_required' },
  { scenario: 'mfa-required-empty', status: 503, code: 'partner_mfa_required' },
  { scenario: 'unauthorized', status: 502, code: 'upstream_rejected' },
  { scenario: 'wrong-audience', status: 502, code: 'upstream_rejected' },
  { scenario: 'forbidden', status: 502, code: 'upstream_rejected' },
  { scenario: 'conditional-access', status: 502, code: 'upstream_rejected' },
  { scenario: 'unknown-error', status: 502, code: 'upstream_rejected' },
  { scenario: 'redirect', status: 502, code: 'upstream_contract_violated' },
  { scenario: 'customer-unknown', status: 404, code: 'customer_not_found' },
  { scenario: 'customer-unknown', options: { code: 900118 }, status: 404, code: 'customer_not_found' },
  { scenario: 'customer-unknown', options: { code: 20002 }, status: 404, code: 'customer_not_found' },
  ...[900105, 900108, 900119, 900120, 900130, 13605].map((code) => ({
    scenario: 'not-eligible' as const,
    options: { code, status: 403 },
    status: 422,
    code: 'customer_not_eligible',
  })),
  ...[900107, 900116].map((code) => ({
    scenario: 'not-eligible' as const,
    options: { code, status: 400 },
    status: 422,
    code: 'customer_not_eligible',
  })),
];

const name = ({ scenario, options }: Fault) => `${scenario}${options?.code ? ` ${options.code}` : ''}`;

async function expectProblem(
  fault: Fault,
  response: { status: number; text: string; body: Record<string, unknown>; headers: Record<string, string> },
) {
  expect(response.body).toMatchObject({
    status: fault.status,
    code: fault.code,
    type: `https://upgrades.example.test/problems/${fault.code}`,
    correlationId: response.headers['ms-correlationid'],
    requestId: response.headers['ms-requestid'],
  });
  expect(response.status).toBe(fault.status);
  if (fault.retryAfter) {
    expect(response.headers['retry-after']).toBe(fault.retryAfter);
    expect(response.body['retryAfterSeconds']).toBe(Number(fault.retryAfter));
  }
  // Neither Partner Center's own words nor its challenge are the caller's business.
  expect(response.text).not.toMatch(/AADSTS|eyJ|Bearer|never be shown/i);
  expect(response.headers['www-authenticate']).toBeUndefined();
}

describe('when Partner Center fails, an order', () => {
  it.each(lasting.map((fault) => [name(fault), fault] as const))(
    '%s: answers the problem and starts nothing',
    async (_name, fault) => {
      started.emulator.partnerCenter.next(fault.scenario, { ...always, ...fault.options });
      await expectProblem(fault, await alice.order());
      expect(started.emulator.partnerCenter.upgrades()).toHaveLength(0);
    },
  );

  it.each(['huge-body', 'cut-body', 'stalled-body'] as const)(
    '%s: the id in the header counts, whatever becomes of the body',
    async (scenario) => {
      started.emulator.partnerCenter.next(scenario);
      const request = upgradeRequest();
      const key = randomUUID();
      const first = await alice.order(request).set('Idempotency-Key', key);
      expect(first.status).toBe(202);
      const again = await alice.order(request).set('Idempotency-Key', key);
      expect([again.status, again.body]).toEqual([202, first.body]);
      const { partnerCenter } = started.emulator;
      expect(partnerCenter.upgrades().map(({ upgradeId }) => upgradeId)).toEqual([first.body.upgradeId]);
      expect(partnerCenter.requests().filter(({ operation }) => operation === 'create')).toHaveLength(1);
    },
  );

  it.each(['no-location', 'garbage-location'] as const)(
    '%s: says that the answer cannot be read',
    async (scenario) => {
      started.emulator.partnerCenter.next(scenario);
      await expectProblem({ scenario, status: 502, code: 'upstream_contract_violated' }, await alice.order());
    },
  );

  it.each([
    ['not-eligible', { code: 900130, status: 403 }],
    ['not-eligible', { code: 900108, status: 403 }],
    ['customer-unknown', {}],
    ['customer-unknown', { code: 20002, status: 403 }],
  ] as const)(
    'a refusal (%s %j) after an attempt whose answer was lost is not believed: the upgrade is found',
    async (scenario, options) => {
      const { partnerCenter } = started.emulator;
      partnerCenter.next('reset-after-accept', { operation: 'create' });
      partnerCenter.next(scenario, { ...options, operation: 'create' });
      const { status, body } = await alice.order();
      expect(status).toBe(202);
      expect(partnerCenter.upgrades().map(({ upgradeId }) => upgradeId)).toEqual([body.upgradeId]);
    },
  );

  it('a refusal after an attempt whose answer was lost stands where nothing was started', async () => {
    const { partnerCenter } = started.emulator;
    partnerCenter.next('reset-before-accept', { operation: 'create' });
    partnerCenter.next('not-eligible', { operation: 'create', times: 2 });
    const { status, body } = await alice.order();
    expect([status, body.code]).toEqual([422, 'customer_not_eligible']);
    expect(partnerCenter.upgrades()).toEqual([]);
  });

  it('waiting helps after a recent purchase, and the problem says so', async () => {
    started.emulator.partnerCenter.next('not-eligible', { code: 900130, status: 403 });
    const response = await alice.order();
    expect(response.body).toMatchObject({
      retryAfterSeconds: 86_400,
      detail: expect.stringMatching(/wait/i),
    });
  });

  it('a timeout tells the caller that sending again is safe', async () => {
    started.emulator.partnerCenter.next('timeout-before-accept', always);
    const response = await alice.order();
    expect(response.body.detail).toMatch(/outcome is being found out.*same Idempotency-Key/);
  });

  it('says what Microsoft’s support asks for', async () => {
    started.emulator.partnerCenter.next('forbidden');
    const response = await alice.order();
    expect(response.body.upstream).toEqual({
      status: 403,
      code: '900150',
      requestId: expect.stringMatching(/^[0-9a-f-]{36}$/),
      correlationId: response.headers['ms-correlationid'],
      cv: expect.any(String),
    });
  });
});

describe('when Partner Center fails, the status and the eligibility', () => {
  const reading = lasting.filter(({ scenario }) => scenario !== 'not-eligible');
  it.each(reading.map((fault) => [name(fault), fault] as const))(
    '%s: answer the same problem',
    async (_name, fault) => {
      const { body } = await alice.order();
      started.emulator.partnerCenter.next(fault.scenario, {
        ...always,
        ...fault.options,
        operation: 'status',
      });
      await expectProblem(fault, await alice.getStatus(body.upgradeId));
      started.emulator.partnerCenter.next(fault.scenario, {
        ...always,
        ...fault.options,
        operation: 'eligibility',
      });
      await expectProblem(fault, await alice.getEligibility('6f0c1f0e-2b0c-4d52-9c0a-0d8f3c7a5b11'));
    },
  );

  it.each(['not-json', 'broken-json', 'wrong-upgrade-id', 'empty-body', 'huge-body'] as const)(
    'a status answer that cannot be read (%s) is a contract violated',
    async (scenario) => {
      const { body } = await alice.order();
      started.emulator.partnerCenter.next(scenario, { ...always, operation: 'status' });
      await expectProblem(
        { scenario, status: 502, code: 'upstream_contract_violated' },
        await alice.getStatus(body.upgradeId),
      );
    },
  );
});

describe('towards Partner Center', () => {
  it('a wait that outlasts the caller’s patience is passed on instead of slept through', async () => {
    started.emulator.partnerCenter.next('throttled', { retryAfterSeconds: 57 });
    const startedAt = Date.now();
    const response = await alice.order();
    expect(response.headers['retry-after']).toBe('57');
    expect(Date.now() - startedAt).toBeLessThan(5_000);
    expect(started.emulator.partnerCenter.requests()).toHaveLength(1);
  });

  it('a token that is refused once is renewed once, and the call repeated once with the same request id', async () => {
    started.emulator.partnerCenter.next('unauthorized');
    const response = await alice.order();
    expect(response.status).toBe(202);
    const calls = started.emulator.partnerCenter.requests();
    expect(calls.map(({ answered }) => answered)).toEqual([401, 202]);
    expect(calls[0]?.headers['ms-requestid']).toBe(calls[1]?.headers['ms-requestid']);
  });

  it('a token that is refused again is not renewed in a loop', async () => {
    started.emulator.partnerCenter.next('unauthorized', always);
    await alice.order();
    expect(started.emulator.partnerCenter.requests()).toHaveLength(2);
  });

  it.each(['wrong-audience', 'mfa-required', 'mfa-required-empty'] as const)(
    'after %s no new token is asked for, since it would not help',
    async (scenario) => {
      const redemptions = () =>
        started.emulator.entra.requests().filter(({ grantType }) => grantType === 'refresh_token').length;
      const before = redemptions();
      started.emulator.partnerCenter.next(scenario, always);
      await alice.order();
      expect(started.emulator.partnerCenter.requests()).toHaveLength(1);
      expect(redemptions()).toBe(before);
    },
  );

  it('what a person must act on is an ERROR in the log, and nothing else is', async () => {
    const levelsAfter = async (scenario: ScenarioName) => {
      const before = started.logLines().length;
      started.emulator.partnerCenter.next(scenario, always);
      await alice.order();
      started.emulator.partnerCenter.reset();
      return started
        .logLines()
        .slice(before)
        .map(({ level }) => level);
    };
    expect(await levelsAfter('forbidden')).toContain('error');
    expect(await levelsAfter('throttled')).not.toContain('error');
    expect(await levelsAfter('not-eligible')).not.toContain('error');
  });
});
