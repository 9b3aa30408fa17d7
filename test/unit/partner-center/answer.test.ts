import { describe, expect, it } from '@jest/globals';
import {
  errorCode,
  parseJson,
  parseRetryAfter,
  toUpstreamReference,
} from '../../../src/partner-center/answer.ts';

const answer = { status: 400, reasonPhrase: '', headers: {}, body: undefined as unknown };

describe('JSON of Partner Center', () => {
  it('is read with and without a byte order mark', () => {
    expect(parseJson('\uFEFF{"id":1}')).toEqual({ id: 1 });
    expect(parseJson('{"id":1}')).toEqual({ id: 1 });
  });
  it.each(['', '\uFEFF', '<html>', '{"id":'])('%j is none', (text) =>
    expect(parseJson(text)).toBeUndefined(),
  );
});

describe('the code of an error', () => {
  it.each([
    [{ code: 900109 }, '900109'],
    [{ code: '900109' }, '900109'],
    [{ statusCode: 429, message: 'Rate limit is exceeded.' }, undefined],
    [{ code: 'has spaces and <tags>' }, undefined],
    [{ code: { nested: 1 } }, undefined],
    ['text', undefined],
    [null, undefined],
    [undefined, undefined],
  ])('of %j is %j', (body, code) => expect(errorCode({ ...answer, body })).toBe(code));
});

describe('what Microsoft’s support asks for', () => {
  it('is kept, but no header of any length', () => {
    const headers = {
      'ms-requestid': 'r',
      'ms-correlationid': 'c'.repeat(1000),
      'ms-cv': 'v',
      'ms-serverid': 's',
    };
    expect(toUpstreamReference({ ...answer, headers, body: { code: 3000 } })).toEqual({
      status: 400,
      code: '3000',
      requestId: 'r',
      cv: 'v',
    });
  });
});

describe('Retry-After', () => {
  const now = Date.UTC(2026, 0, 1);
  it.each([
    ['57', 57],
    [new Date(now + 30_000).toUTCString(), 30],
    [new Date(now - 30_000).toUTCString(), 0],
    ['999999999', 3_600],
    ['Fri, 31 Dec 9999 23:59:59 GMT', 3_600],
    ['soon', undefined],
    ['-5', undefined],
    [undefined, undefined],
  ])('%j is %j seconds', (value, seconds) => expect(parseRetryAfter(value, now)).toBe(seconds));
});
