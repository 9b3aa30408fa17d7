import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { as } from '../support/requests.ts';

let time = Date.now();
let started: TestGateway;
beforeAll(async () => {
  started = await startTestGateway({ now: () => time });
});
afterAll(() => started.stop());

it('callers whose tokens are verified at the same time are each answered as themselves', async () => {
  const issue = (user: 'alice' | 'bob') => started.emulator.entra.issueCallerToken({ user });
  // Tokens that have not been seen before, since those that were are remembered.
  const users = Array.from({ length: 30 }, (_, index) => (index % 2 === 0 ? 'alice' : 'bob'));
  const tokens = await Promise.all(users.map(issue));
  time += 600_000; // Entra ID's keys are fetched anew: all wait for them, and go on together
  const responses = await Promise.all(tokens.map((token) => as(token, started).order()));
  // Alice may order; Bob may only read.
  expect(responses.map(({ status }) => status)).toEqual(users.map((user) => (user === 'alice' ? 202 : 403)));
});
