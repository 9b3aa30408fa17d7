import { describe, expect, it } from '@jest/globals';
import { parseWait } from '../../../src/http/prefer.ts';

describe('the wait preference', () => {
  it.each([
    ['wait=10', 10],
    ['respond-async, wait=10', 10],
    ['Wait = "7"', 7],
    ['wait=10; foo=bar', 10],
    ['wait=0', 0],
    ['wait=3600', 60],
    ['wait=-1', undefined],
    ['wait=ten', undefined],
    ['await=10', undefined],
    ['', undefined],
    [undefined, undefined],
  ])('%j is %j seconds', (prefer, seconds) => expect(parseWait(prefer)).toBe(seconds));
});
