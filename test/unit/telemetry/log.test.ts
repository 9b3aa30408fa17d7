import { describe, expect, it } from '@jest/globals';
import { createLog } from '../../../src/telemetry/log.ts';

function logOne(facts: object): string {
  const lines: string[] = [];
  createLog({ level: 'info', destination: { write: (line) => void lines.push(line) } }).info(facts, 'x');
  return lines.join('');
}
const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
const token = `${encode({ alg: 'RS256', kid: 'k' })}.${encode({ sub: 'alice' })}.c2lnbmF0dXJl`;

describe('a token in a log line', () => {
  it.each([
    ['alone', token],
    ['in a sentence', `Bearer ${token}, it said`],
    ['in a query', `/v1/x?access_token=${token}&y=1`],
    ['behind an underscore', `token_${token}`],
    ['two of them', `${token} ${token}`],
  ])('is left out: %s', (_what, text) => {
    const line = logOne({ text });
    expect(line).not.toContain('eyJ');
    expect(line).toContain('[token]');
    expect(() => JSON.parse(line)).not.toThrow();
  });

  it('is told from ids and addresses, which stay', () => {
    const text = 'https://upgrades.example.test/v1/product-upgrades/42d075a4-bfe7-43e7-af6d-7c68a57edcb4';
    expect(JSON.parse(logOne({ text })).text).toBe(text);
  });
});
