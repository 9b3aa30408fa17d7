import { describe, expect, it } from '@jest/globals';
import { describeRefusal, readToken } from '../../../src/callers/access-token.ts';

const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
const token = (header: object, claims: object = {}) =>
  [encode({ alg: 'RS256', kid: 'key', ...header }), encode({ exp: 1000, ...claims }), 'c2ln'].join('.');

describe('reading a token', () => {
  it('gives its claims and the key that it names', () => {
    expect(readToken(token({}, { sub: 'a' }))).toEqual({ keyId: 'key', claims: { exp: 1000, sub: 'a' } });
  });

  it('takes the thumbprint for the key where there is one, as version 1 tokens have', () => {
    expect(readToken(token({ x5t: 'thumbprint' }))?.keyId).toBe('thumbprint');
  });

  it('takes the key id where the thumbprint is null', () => {
    expect(readToken(token({ x5t: null }))?.keyId).toBe('key');
  });

  it.each([
    ['an empty thumbprint', { x5t: '' }],
    ['a thumbprint that is no string', { x5t: false }],
    ['a key id that is no string', { kid: ['key'] }],
    ['no key id', { kid: undefined }],
    ['another algorithm', { alg: 'RS512' }],
    ['an algorithm in lower case', { alg: 'rs256' }],
    ['an extension that must be understood (RFC 7515, section 4.1.11)', { crit: ['exp'] }],
  ])('gives nothing for %s', (_, header) => {
    expect(readToken(token(header))).toBeUndefined();
  });

  it.each([
    ['an end that is no number', { exp: '1000' }],
    ['no end', { exp: undefined }],
    ['an end that no date can hold', { exp: 8.64e12 + 1 }],
  ])('gives nothing for %s', (_, claims) => {
    expect(readToken(token({}, claims))).toBeUndefined();
  });

  it('takes the last end that a date can hold', () => {
    expect(readToken(token({}, { exp: 8.64e12 }))).toBeDefined();
  });

  it.each([
    ['nothing', ''],
    ['two dots', '..'],
    ['two parts', 'YQ.YQ'],
    ['four parts', `${token({})}.YQ`],
    ['base64 that is not for URLs', token({}).replace('c2ln', 'c2+/')],
    ['padding', `${token({})}=`],
    ['a line feed at the end', `${token({})}\n`],
    ['a header that is a list', `${encode([])}.${encode({})}.YQ`],
    ['claims that are null', `${encode({ alg: 'RS256', kid: 'key' })}.${encode(null)}.YQ`],
    [
      'claims that are cut short',
      `${encode({ alg: 'RS256', kid: 'key' })}.${encode({ exp: 1 }).slice(0, -2)}.YQ`,
    ],
  ])('gives nothing for %s', (_, text) => {
    expect(readToken(text)).toBeUndefined();
  });

  it('takes 16 kB and no more', () => {
    const filled = (length: number) => token({}) + 'A'.repeat(length - token({}).length);
    expect(readToken(filled(16_384))).toBeDefined();
    expect(readToken(filled(16_385))).toBeUndefined();
  });
});

describe('why a token is refused', () => {
  const describeClaims = (claims: Record<string, unknown>) =>
    describeRefusal(
      { keyId: 'key', claims: { exp: 2000, nbf: 500, aud: 'api', iss: 'issuer', ...claims } },
      { audiences: ['api', 'api://api'], issuers: ['issuer'], now: 1_000_000 },
    );

  it.each([
    ['expired a second ago', { exp: 999 }, 'The token has expired.'],
    ['expires now', { exp: 1000 }, 'The token has expired.'],
    ['becomes valid in a second', { nbf: 1001 }, 'The token is not valid yet.'],
    ['has another audience', { aud: 'other' }, 'The token is meant for another audience.'],
    ['has no audience', { aud: undefined }, 'The token is meant for another audience.'],
    ['has another issuer', { iss: 'other' }, 'The token comes from another issuer.'],
    ['has a list of issuers', { iss: ['issuer'] }, 'The token comes from another issuer.'],
  ])('is told where it %s', (_, claims, sentence) => {
    expect(describeClaims(claims)).toBe(sentence);
  });

  it('is left open where only tenant, kind or signature can be at fault', () => {
    expect(describeClaims({})).toMatch(/not an access token of this tenant.*or its signature/);
  });

  it('names the time first, since a caller can mend that alone', () => {
    expect(describeClaims({ exp: 1, aud: 'other', iss: 'other' })).toBe('The token has expired.');
  });
});
