import { describe, expect, it } from '@jest/globals';
import { errorCode, parseJson, toUpstreamReference } from '../../../src/partner-center/answer.ts';

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
