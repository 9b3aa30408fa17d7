import { describe, expect, it } from '@jest/globals';
import { toRejection } from '../../../src/partner-center/rejections.ts';

const answer = (changes: object) => ({
  status: 400,
  reasonPhrase: '',
  headers: {},
  body: undefined,
  ...changes,
});
const reject = (changes: object) => toRejection(answer(changes), 0);

describe('a refusal of Partner Center', () => {
  it('is told by status and code together, since a code occurs under several statuses', () => {
    expect(reject({ status: 404, body: { code: 1000 } }).code).toBe('customer_not_found');
    expect(reject({ status: 400, body: { code: 1000 } }).code).toBe('upstream_rejected');
  });

  it('that throttles without saying for how long is waited out for a minute', () => {
    expect(reject({ status: 429 }).facts.retryAfterSeconds).toBe(60);
    expect(reject({ status: 429, headers: { 'retry-after': '57' } }).facts.retryAfterSeconds).toBe(57);
  });

  it('names the upgrade in place only where that is its meaning', () => {
    const text = 'original upgrade 42D075A4-bfe7-43e7-af6d-7c68a57edcb4 is in progress';
    const named = reject({ status: 409, body: { code: '900109', description: text } });
    expect(named.facts.upgradeId).toBe('42d075a4-bfe7-43e7-af6d-7c68a57edcb4');
    expect(
      reject({ status: 400, body: { code: 900111, description: text } }).facts.upgradeId,
    ).toBeUndefined();
  });

  it('shows no text of Partner Center', () => {
    const { message } = reject({ status: 403, body: { code: 900105, description: 'Contoso owes us money' } });
    expect(message).not.toContain('Contoso');
  });
});
